// A WebAssembly module as scripts/build.mjs packs it: base64 of a checksum, which finds a flipped byte, and LZMA.
import { WardkeyError } from "./errors.js";
import { Decoder, InputBuffer, OutputBuffer } from "./lzma.js";
import { Pace } from "./pace.js";

const CHECKSUM = 4;
/** Of the decoder, between two looks at the clock: about a millisecond. */
const STEPS = 2048;

/** @throws `unsupported-environment` if it is damaged */
export async function unpack(packed: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const bytes = fromBase64(packed);
    const lzma = bytes.subarray(CHECKSUM);
    if (new DataView(bytes.buffer).getUint32(0) !== crc32(lzma)) throw new Error("the checksum is another");
    return await decode(lzma);
  } catch (cause) {
    throw new WardkeyError("unsupported-environment", "the WebAssembly module inside the package is damaged", {
      cause,
    });
  }
}

function fromBase64(text: string): Uint8Array {
  const chars = atob(text);
  const bytes = new Uint8Array(chars.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = chars.charCodeAt(at);
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

/** In short tasks: a slow device takes a while. */
async function decode(lzma: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const decoder = new Decoder();
  const output = new OutputBuffer(4 * lzma.length);
  decoder.initDecompression(new InputBuffer(lzma), output);
  const pace = new Pace();
  while (decoder.nowPos64 < decoder.outSize) {
    for (let step = 0; step < STEPS && decoder.nowPos64 < decoder.outSize; step += 1) {
      if (decoder.codeOneChunk() !== 0) throw new Error("no LZMA");
    }
    await pace.breathe();
  }
  decoder.flush();
  return output.toArray();
}
