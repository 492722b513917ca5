// Long data by bare WebCrypto, over the package's chunks: what its speed is held against.
import { WebCryptoChunks } from "../../pkg/chunks.js";

export const CHUNK = 16_384;
export const TAG = 16;

/** As many calls as the package has under way. */
export const IN_FLIGHT = (() => {
  const { run, inFlight } = new WebCryptoChunks();
  const calls = run * inFlight;
  if (!(calls > 0)) throw new Error("npm/chunks.ts no longer says how many calls are under way");
  return calls;
})();

export const sealedLength = (length) => length + Math.ceil(length / CHUNK) * TAG;

function nonce(number) {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(8, number);
  return iv;
}

const SIZES = { encrypt: [CHUNK, CHUNK + TAG], decrypt: [CHUNK + TAG, CHUNK] };

export class BareLoop {
  #key;

  static async make() {
    const loop = new BareLoop();
    loop.#key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    return loop;
  }

  #call(method, number, bytes) {
    return crypto.subtle[method]({ name: "AES-GCM", iv: nonce(number) }, this.#key, bytes);
  }

  /** What comes out is copied into one buffer. Lanes that each take the next chunk: a race over the promises under way costs more than the calls. */
  async #run(method, bytes, length) {
    const [input, output] = SIZES[method];
    const out = new Uint8Array(length);
    const count = Math.ceil(bytes.length / input);
    let next = 0;
    const lane = async () => {
      while (next < count) {
        const number = next;
        next += 1;
        const done = await this.#call(method, number, bytes.subarray(number * input, (number + 1) * input));
        out.set(new Uint8Array(done), number * output);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    return out;
  }

  encrypt(data) {
    return this.#run("encrypt", data, sealedLength(data.length));
  }

  decrypt(sealed) {
    return this.#run("decrypt", sealed, sealed.length - Math.ceil(sealed.length / (CHUNK + TAG)) * TAG);
  }

  /** The plainest stream: the chunks of a piece at the same time, then the next piece. Pieces hold whole chunks. */
  stream(method) {
    const [input] = SIZES[method];
    let number = 0;
    return new TransformStream({
      transform: async (piece, controller) => {
        const calls = [];
        for (let at = 0; at < piece.length; at += input) {
          calls.push(this.#call(method, number, piece.subarray(at, at + input)));
          number += 1;
        }
        for (const done of await Promise.all(calls)) controller.enqueue(new Uint8Array(done));
      },
    });
  }
}
