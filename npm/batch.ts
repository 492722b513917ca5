// Many records in one crossing into the WebAssembly module: their bytes joined, and a list of lengths.
import { toEntries } from "./arguments.js";
import { invalid } from "./errors.js";
import type { Context } from "./types.js";

/** A new crossing starts after this much, so that no task gets long. */
const MAX_BYTES = 1 << 20;
const MAX_ITEMS = 4096;
const encoder = /* @__PURE__ */ new TextEncoder();

export class Batch {
  readonly #parts: Uint8Array[] = [];
  readonly #layout: number[] = [];
  #joined = new Uint8Array();
  #bytes = 0;
  #items = 0;

  get full(): boolean {
    return this.#items >= MAX_ITEMS || this.#bytes >= MAX_BYTES;
  }

  /** Checks the item as a whole before any of it is kept. */
  add(data: unknown, context: Context | undefined, read: (data: unknown) => Uint8Array): void {
    const bytes = read(data);
    const entries = toEntries(context)?.map((text) => encoder.encode(text)) ?? [];
    this.#layout.push(entries.length / 2);
    for (const part of [...entries, bytes]) this.#put(part);
    this.#items += 1;
  }

  /** Holds the place of an item that was refused. */
  addNothing(): void {
    this.#layout.push(0, 0);
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

export function inBatches<T>(items: readonly T[], add: (batch: Batch, item: T, index: number) => void): Batch[] {
  if (!Array.isArray(items)) throw invalid("the items are not an array");
  const batches: Batch[] = [];
  let batch: Batch | undefined;
  for (let index = 0; index < items.length; index += 1) {
    if (!batch || batch.full) {
      batch?.close();
      batch = new Batch();
      batches.push(batch);
    }
    add(batch, items[index] as T, index);
  }
  batch?.close();
  return batches;
}
