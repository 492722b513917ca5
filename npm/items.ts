// The items of encryptMany() and decryptMany(), whoever has their keys.
import { isObject, refuseUnknown, throwIfAborted, toBytes, toData, toEntries } from "./arguments.js";
import { type Batches, inBatches } from "./batch.js";
import { doesNotOpen, fromCore, invalid, isWardkeyError, type WardkeyError } from "./errors.js";
import type { DataOptions, ManyOptions, Plain, Sealed } from "./types.js";

/** One item's result, where others of the same call may have failed. */
export type Settled<T> = { ok: true; value: T } | { ok: false; error: WardkeyError };

const PLAIN = ["data", "context"];
const SEALED = ["sealed", "context"];

/** One that can't be read fails the whole call. */
export function plainItems(items: readonly Plain[]): Promise<Batches> {
  return inBatches(items, (item) => {
    checkItem(item, PLAIN);
    return { entries: toEntries(item.context), bytes: toData(item.data) };
  });
}

export interface SealedItems extends Batches {
  /** By their places. */
  refused: Map<number, WardkeyError>;
}

/** Ones that can't be read are refused, and the others are not touched by it; `see` is shown those. */
export async function sealedItems(
  items: readonly Sealed[],
  see?: (bytes: Uint8Array, place: number) => void,
): Promise<SealedItems> {
  const refused = new Map<number, WardkeyError>();
  const batches = await inBatches(items, (item, index) => {
    try {
      checkItem(item, SEALED);
      const read = { entries: toEntries(item.context), bytes: toBytes(item.sealed, "the sealed data") };
      see?.(read.bytes, index);
      return read;
    } catch (e) {
      refused.set(index, isWardkeyError(e) ? e : invalid("an item can't be read"));
      return undefined;
    }
  });
  return { ...batches, refused };
}

function checkItem(item: unknown, known: readonly string[]): void {
  if (!isObject(item)) throw invalid("an item is not an object");
  refuseUnknown(item, known, "item member");
}

/** Why an item didn't open: it was refused, or what the core said of it; nothing where its chunks don't open. */
export function whyNot(refused: WardkeyError | undefined, error: unknown): { ok: false; error: WardkeyError } {
  return { ok: false, error: refused ?? (error === undefined ? doesNotOpen() : fromCore(error)) };
}

/** What of a batch's options counts for one item. */
export function forOne({ signal }: ManyOptions): DataOptions {
  return signal === undefined ? {} : { signal };
}

export async function settled<T>({ signal }: ManyOptions, run: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (e) {
    throwIfAborted(signal);
    return { ok: false, error: fromCore(e) };
  }
}
