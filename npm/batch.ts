// Many records in one crossing into the WebAssembly module: their bytes joined, and a list of lengths.
import { invalid } from "./errors.js";

/** A new crossing starts after this much, so that no task gets long. */
const MAX_BYTES = 1 << 20;
const MAX_ITEMS = 4096;
/** An item of more than this goes by itself, in pieces. */
const MAX_ITEM = 1 << 18;
const encoder = /* @__PURE__ */ new TextEncoder();

/** One record: its bytes, and its context as `[key, value, …]`. */
export interface Item {
  bytes: Uint8Array;
  entries: string[] | undefined;
}

export class Batch {
  readonly #parts: Uint8Array[] = [];
  readonly #layout: number[] = [];
  #joined = new Uint8Array();
  #bytes = 0;
  #items = 0;

  get full(): boolean {
    return this.#items >= MAX_ITEMS || this.#bytes >= MAX_BYTES;
  }

  /** Nothing holds the place of an item that was refused. */
  add(item: Item | undefined): void {
    const { bytes, entries = [] } = item ?? { bytes: new Uint8Array() };
    this.#layout.push(entries.length / 2);
    for (const text of entries) this.#put(encoder.encode(text));
    this.#put(bytes);
    this.#items += 1;
  }

  #put(part: Uint8Array): void {
    this.#layout.push(part.length);
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  layout(): Uint32Array {
    return Uint32Array.from(this.#layout);
  }

  /** Joins the parts, before anybody can take them away. */
  close(): void {
    const joined = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts.splice(0)) {
      joined.set(part, at);
      at += part.length;
    }
    this.#joined = joined;
  }

  packed(): Uint8Array {
    return this.#joined;
  }
}

/** The items in order: packed into batches, long ones by themselves. `read` checks one, and gives nothing for one that is refused. */
export function inBatches<T>(
  items: readonly T[],
  read: (item: T, index: number) => Item | undefined,
): (Batch | Item)[] {
  if (!Array.isArray(items)) throw invalid("the items are not an array");
  const batches: (Batch | Item)[] = [];
  let batch: Batch | undefined;
  const close = () => {
    batch?.close();
    batch = undefined;
  };
  for (let index = 0; index < items.length; index += 1) {
    const item = read(items[index] as T, index);
    if (item && item.bytes.length > MAX_ITEM) {
      close();
      batches.push({ bytes: item.bytes.slice(), entries: item.entries });
      continue;
    }
    if (batch?.full) close();
    if (!batch) {
      batch = new Batch();
      batches.push(batch);
    }
    batch.add(item);
  }
  close();
  return batches;
}
