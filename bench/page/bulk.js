// Long data: the package beside a bare WebCrypto loop over the same chunks.
const CHUNK = 16_384;
const TAG = 16;
/** As many as the package has under way: npm/chunks.ts. */
const IN_FLIGHT = 192;

export function randomBytes(length) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, length)));
  return bytes;
}

/** A loop over chunks with a window of calls; what comes out is copied into one buffer. */
export class BareLoop {
  static async make() {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    return Object.assign(new BareLoop(), { key });
  }

  async #run(method, bytes, input, output, length) {
    const out = new Uint8Array(length);
    const running = new Set();
    for (let number = 0; number * input < bytes.length; number += 1) {
      const iv = new Uint8Array(12);
      new DataView(iv.buffer).setUint32(8, number);
      const task = crypto.subtle[method](
        { name: "AES-GCM", iv },
        this.key,
        bytes.subarray(number * input, (number + 1) * input),
      ).then((done) => {
        out.set(new Uint8Array(done), number * output);
        running.delete(task);
      });
      running.add(task);
      if (running.size >= IN_FLIGHT) await Promise.race(running);
    }
    await Promise.all(running);
    return out;
  }

  encrypt(data) {
    return this.#run("encrypt", data, CHUNK, CHUNK + TAG, data.length + Math.ceil(data.length / CHUNK) * TAG);
  }

  decrypt(sealed) {
    const chunks = Math.ceil(sealed.length / (CHUNK + TAG));
    return this.#run("decrypt", sealed, CHUNK + TAG, CHUNK, sealed.length - chunks * TAG);
  }
}
