// Many records in one crossing into the WebAssembly module: their bytes joined, and a list of lengths.
import { invalid } from "./errors.js";
import { Pace } from "./pace.js";

/** A new crossing starts after this much: a millisecond or two of work, which makes no task long, and can be shared out. */
const MAX_BYTES = 1 << 17;
const MAX_ITEMS = 256;
/** An item of more than this goes by itself, in pieces. */
const MAX_ITEM = 1 << 18;
const NOTHING: Item = { bytes: /* @__PURE__ */ new Uint8Array(), entries: undefined };
const encoder = /* @__PURE__ */ new TextEncoder();

/** One record: its bytes, and its context as `[key, value, …]`. */
export interface Item {
  bytes: Uint8Array;
  entries: string[] | undefined;
}

/** One that is too long for a batch, and its place among all. */
export interface Long extends Item {
  first: number;
}

export class Batch {
  #data: Uint8Array[] = [];
  #texts: string[] = [];
  #layout: number[] = [];
  #bytes = 0;
  #size = 0;
  items = 0;
  /** The data of all items, joined. */
  packed = new Uint8Array();
  /** The keys and values of all contexts, joined. */
  texts = new Uint8Array();
  /** For each item the number of context entries, the bytes of each key and value, the bytes of the data. */
  layout = new Uint32Array();

  /** @param first the place of its first item among all */
  constructor(readonly first: number) {}

  get full(): boolean {
    return this.items >= MAX_ITEMS || this.#bytes >= MAX_BYTES;
  }

  /** Nothing holds the place of an item that was refused. */
  add(item: Item | undefined): void {
    const { bytes, entries } = item ?? NOTHING;
    if (entries) {
      this.#layout.push(entries.length / 2);
      for (const text of entries) {
        this.#layout.push(text.length);
        this.#texts.push(text);
        this.#bytes += text.length;
      }
    } else {
      this.#layout.push(0);
    }
    this.#layout.push(bytes.length);
    this.#data.push(bytes);
    this.#bytes += bytes.length;
    this.#size += bytes.length;
    this.items += 1;
  }

  /** Joins all, before anybody can take it away. */
  close(): void {
    this.packed = join(this.#data, this.#size);
    // One call for all is many times faster than one for each.
    this.texts = encoder.encode(this.#texts.join(""));
    if (this.texts.length !== this.#texts.reduce((sum, text) => sum + text.length, 0)) this.#measure();
    this.layout = Uint32Array.from(this.#layout);
    this.#data = [];
    this.#texts = [];
    this.#layout = [];
  }

  /** Not all is ASCII: UTF-8 has other lengths than JavaScript. */
  #measure(): void {
    const lengths = this.#texts.map((text) => encoder.encode(text).length);
    let at = 0;
    let text = 0;
    while (at < this.#layout.length) {
      const end = at + 1 + 2 * (this.#layout[at] as number);
      for (at += 1; at < end; at += 1) this.#layout[at] = lengths[text++] as number;
      at += 1;
    }
  }
}

/** @param length of all parts when they were given */
function join(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  if (parts.reduce((sum, part) => sum + part.length, 0) !== length) {
    throw invalid("an item's bytes were taken away while the items were read");
  }
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** All items of a call. */
export interface Batches {
  units: (Batch | Long)[];
  /** How many items they are. */
  total: number;
}

/** The items in order: packed into batches, long ones by themselves, as they are; in short tasks. `read` checks one, and gives nothing for one that is refused. */
export async function inBatches<T>(
  items: readonly T[],
  read: (item: T, index: number) => Item | undefined,
): Promise<Batches> {
  if (!Array.isArray(items)) throw invalid("the items are not an array");
  // The array may become another meanwhile.
  const total = items.length;
  const units: (Batch | Long)[] = [];
  const pace = new Pace();
  let batch: Batch | undefined;
  const close = () => {
    batch?.close();
    batch = undefined;
  };
  for (let index = 0; index < total; index += 1) {
    const item = read(items[index] as T, index);
    if (item && item.bytes.length > MAX_ITEM) {
      close();
      units.push({ first: index, ...item });
      continue;
    }
    if (!batch) {
      batch = new Batch(index);
      units.push(batch);
    }
    batch.add(item);
    if (!batch.full) continue;
    // Joined before anybody can take it away.
    close();
    await pace.breathe();
  }
  close();
  return { units, total };
}
