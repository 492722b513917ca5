// Padding, as plaintext has it where its length is hidden (docs/SPEC.md, section 4.2): data, zeros, length of the data in eight bytes.
import type { Core } from "./chunks.js";
import { call } from "./core.js";
import { doesNotOpen } from "./errors.js";
import type { Out } from "./types.js";

const LENGTH = 8;
const ZEROS = 65_536;

/** The end of a padded plaintext. */
export function lengthBytes(length: number): Out {
  const bytes = new Uint8Array(LENGTH);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length));
  return bytes;
}

/** The length of the data in a plaintext of this length that ends with these bytes. */
export function dataLength(core: Core, end: Uint8Array, total: number): number {
  if (total < LENGTH || end.length < LENGTH) throw doesNotOpen();
  const view = new DataView(end.buffer, end.byteOffset + end.length - LENGTH, LENGTH);
  const length = view.getBigUint64(0);
  if (length > BigInt(total - LENGTH) || call(() => core.plaintextLength(Number(length), true)) !== total)
    throw doesNotOpen();
  return Number(length);
}

/** The length of the data at the beginning of a whole plaintext. */
export function checkPadding(core: Core, plaintext: Uint8Array): number {
  const length = dataLength(core, plaintext, plaintext.length);
  if (lastNonZero(plaintext.subarray(length, -LENGTH)) >= 0) throw doesNotOpen();
  return length;
}

function lastNonZero(bytes: Uint8Array): number {
  let at = bytes.length - 1;
  while (at >= 0 && bytes[at] === 0) at -= 1;
  return at;
}

/** Takes the padding off a plaintext that comes in pieces, in constant memory: it holds back a count of zeros, and eight bytes. */
export class Unpadder {
  readonly #core: Core;
  #released = 0;
  #zeros = 0;
  #last: Out = new Uint8Array();

  constructor(core: Core) {
    this.#core = core;
  }

  /** What is data for sure, after this piece. */
  *pass(piece: Out): Generator<Out> {
    const joined = new Uint8Array(this.#last.length + piece.length);
    joined.set(this.#last);
    joined.set(piece, this.#last.length);
    piece.fill(0);
    const sure = Math.max(0, joined.length - LENGTH);
    this.#last = joined.slice(sure);
    const data = joined.subarray(0, lastNonZero(joined.subarray(0, sure)) + 1);
    if (data.length === 0) {
      this.#zeros += sure;
      return;
    }
    const zeros = this.#zeros;
    this.#released += zeros + data.length;
    this.#zeros = sure - data.length;
    yield* zeroPieces(zeros);
    yield data.slice();
    joined.fill(0);
  }

  /** After the last piece: the zeros that were data. */
  *finish(): Generator<Out> {
    const total = this.#released + this.#zeros + this.#last.length;
    const owed = dataLength(this.#core, this.#last, total) - this.#released;
    if (owed < 0) throw doesNotOpen();
    yield* zeroPieces(owed);
  }
}

export function* zeroPieces(count: number): Generator<Out> {
  for (let left = count; left > 0; left -= ZEROS) yield new Uint8Array(Math.min(left, ZEROS));
}
