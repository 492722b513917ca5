// Long data by bare WebCrypto, over the package's chunks: what its speed is held against.
import { DataKey, setEngine } from "../../pkg/index.js";
import { MIB } from "./measure.js";

export const CHUNK = 16_384;
export const TAG = 16;

/** How many calls of WebCrypto the package has under way at most: seen from outside, so that the loop has as many whatever the package does. */
async function callsUnderWay() {
  const { prototype } = SubtleCrypto;
  const { encrypt } = prototype;
  let running = 0;
  let most = 0;
  prototype.encrypt = async function (...args) {
    running += 1;
    most = Math.max(most, running);
    try {
      return await encrypt.apply(this, args);
    } finally {
      running -= 1;
    }
  };
  try {
    setEngine("auto");
    const key = await DataKey.generate();
    await key.encrypt(new Uint8Array(16 * MIB));
    key.free();
  } finally {
    prototype.encrypt = encrypt;
  }
  if (most === 0) throw new Error('the engine "auto" makes no use of WebCrypto');
  return most;
}

export const sealedLength = (length) => length + Math.ceil(length / CHUNK) * TAG;

function nonce(number) {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(8, number);
  return iv;
}

const SIZES = { encrypt: [CHUNK, CHUNK + TAG], decrypt: [CHUNK + TAG, CHUNK] };

const makeKey = () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);

const call = (key, method, number, bytes) => crypto.subtle[method]({ name: "AES-GCM", iv: nonce(number) }, key, bytes);

/** encrypt() and decrypt() of data in memory; what comes out is copied into one buffer. */
export async function bareLoop() {
  const key = await makeKey();
  const inFlight = await callsUnderWay();
  const run = async (method, bytes, length) => {
    const [input, output] = SIZES[method];
    const out = new Uint8Array(length);
    const count = Math.ceil(bytes.length / input);
    let next = 0;
    // Lanes that each take the next chunk: a race over all the promises under way, for every chunk, would slow the loop down.
    const lane = async () => {
      while (next < count) {
        const number = next;
        next += 1;
        const done = await call(key, method, number, bytes.subarray(number * input, (number + 1) * input));
        out.set(new Uint8Array(done), number * output);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return out;
  };
  return {
    inFlight,
    encrypt: (data) => run("encrypt", data, sealedLength(data.length)),
    decrypt: (sealed) => run("decrypt", sealed, sealed.length - Math.ceil(sealed.length / (CHUNK + TAG)) * TAG),
  };
}

/** The plainest streams: the chunks of a piece at the same time, then the next piece. Pieces hold whole chunks. */
export async function bareStreams() {
  const key = await makeKey();
  const make = (method) => {
    const [input] = SIZES[method];
    let number = 0;
    return new TransformStream({
      transform: async (piece, controller) => {
        const calls = [];
        for (let at = 0; at < piece.length; at += input) {
          calls.push(call(key, method, number, piece.subarray(at, at + input)));
          number += 1;
        }
        for (const done of await Promise.all(calls)) controller.enqueue(new Uint8Array(done));
      },
    });
  };
  return { encryptStream: () => make("encrypt"), decryptStream: () => make("decrypt") };
}
