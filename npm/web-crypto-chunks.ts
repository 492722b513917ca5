// The chunks of one message by WebCrypto. Also runs in workers: nothing here needs the WebAssembly module.

import { WardkeyError } from "./errors.js";
import { type Direction, SIZES } from "./sizes.js";
import type { Out } from "./types.js";

const MAX_CHUNKS = 2 ** 38;

/** What a message's chunks are encrypted with: the nonce of each is the base nonce XOR its number. */
export interface Aes {
  key: CryptoKey;
  baseNonce: Uint8Array;
  direction: Direction;
}

/** Fills `out` with what becomes of `input`, from chunk number `first` on; all its chunks at a time, in threads of the browser's. The input may be
 *  changed once this has returned its promise. */
export async function workByWebCrypto(
  subtle: SubtleCrypto,
  aes: Aes,
  first: number,
  input: Uint8Array,
  out: Uint8Array,
): Promise<void> {
  const size = SIZES[aes.direction];
  const calls: Promise<void>[] = [];
  let number = first;
  // An empty chunk is one, too.
  for (let at = 0; at < input.length || at === 0; at += size.input) {
    const chunk = input.subarray(at, at + size.input);
    calls.push(one(subtle, aes, number, chunk, out, (number - first) * size.output));
    number += 1;
  }
  await Promise.all(calls);
}

async function one(
  subtle: SubtleCrypto,
  { key, baseNonce, direction }: Aes,
  number: number,
  chunk: Uint8Array,
  out: Uint8Array,
  at: number,
): Promise<void> {
  const algorithm = { name: "AES-GCM", iv: nonce(baseNonce, number) };
  let done: ArrayBuffer;
  try {
    done = await subtle[direction](algorithm, key, chunk as Out);
  } catch (cause) {
    if (direction === "encrypt") throw new WardkeyError("limit", "WebCrypto failed", { cause });
    throw new WardkeyError("decryption-failed", "wrong key or context, or changed bytes");
  }
  out.set(new Uint8Array(done), at);
}

function nonce(baseNonce: Uint8Array, number: number): Out {
  if (number >= MAX_CHUNKS) throw new WardkeyError("limit", "longer than 2^38 chunks");
  const bytes = Uint8Array.from(baseNonce);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, view.getUint32(8) ^ (number >>> 0));
  view.setUint32(4, view.getUint32(4) ^ Math.floor(number / 2 ** 32));
  return bytes;
}
