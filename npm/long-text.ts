// Long text as UTF-8, in short tasks.
import { throwIfAborted, toData } from "./arguments.js";
import { Pace } from "./pace.js";
import type { Data, Out } from "./types.js";

/** UTF-16 units, which take a millisecond or so. */
const SLICE = 512 * 1024;

export function isLongText(data: Data): data is string {
  return typeof data === "string" && data.length > SLICE;
}

/** @throws `invalid-argument` for lone surrogates; `aborted` */
export async function longText(data: string, signal?: AbortSignal): Promise<Out> {
  const pace = new Pace();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let at = 0; at < data.length; ) {
    throwIfAborted(signal);
    const end = at + SLICE;
    // A pair stays together.
    const slice = data.slice(at, end < data.length && isHighSurrogate(data.charCodeAt(end - 1)) ? end + 1 : end);
    at += slice.length;
    const piece = toData(slice);
    pieces.push(piece);
    length += piece.length;
    await pace.breathe();
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
    await pace.breathe();
  }
  return bytes;
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
