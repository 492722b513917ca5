// The chunks of one message (docs/SPEC.md, section 3), by either engine: 16 KiB of plaintext each, only the last is shorter.
import { part } from "./arguments.js";
import { BesideChunks } from "./beside.js";
import type { CoreBody } from "./core/wardkey_core.js";
import { call, release } from "./core.js";
import { discard } from "./discard.js";
import { webCrypto } from "./engine.js";
import { doesNotOpen, WardkeyError } from "./errors.js";
import type { Out } from "./types.js";
import { hasWorker, run } from "./workers.js";

export type Core = typeof import("./core/wardkey_core.js");
export type Direction = "encrypt" | "decrypt";

const CHUNK = 16_384;
const TAG = 16;
const KEY = 32;
/** Bytes of a SHA-256. */
const HASH = 32;
const MAX_CHUNKS = 2 ** 38;
/** Bytes of a whole chunk as it goes in and as it comes out. */
export const SIZES = {
  encrypt: { input: CHUNK, output: CHUNK + TAG },
  decrypt: { input: CHUNK + TAG, output: CHUNK },
} as const;

/** From this length on WebCrypto is faster: docs/bench/measurements.md. */
const WORTHWHILE = 4096;
/** Without WebCrypto a worker helps with messages longer than this … */
const HELPED = 4 << 20;
/** … and those longer than this are shared out to two, if there are any. */
const SHARED = 64 << 20;
/** Up to here data is copied at once, and one call of the WebAssembly module is short. */
export const LONG = 32_768;

/** Some chunks of a message, by number; any order. */
export interface Chunks {
  /** How many chunks make one call of work() that is neither too small nor a long task. */
  readonly run: number;
  /** How many calls of work() may be under way. */
  readonly inFlight: number;
  /** Fills `out` with what becomes of `input`, from chunk number `first` on, and `hashes` with the SHA-256 of each sealed chunk. */
  work(first: number, input: Uint8Array, out: Uint8Array, hashes?: Uint8Array): void | Promise<void>;
  free(): void;
}

/** Place for the hashes of so many chunks. */
export function placeForHashes(chunks: number): Out {
  return new Uint8Array(chunks * HASH);
}

/** In the WebAssembly module, at once. */
export class WasmChunks implements Chunks {
  readonly run = 16;
  readonly inFlight = 1;
  readonly #body: CoreBody;
  readonly #method: "sealChunks" | "openChunks";

  constructor(body: CoreBody, direction: Direction) {
    this.#body = body;
    this.#method = direction === "encrypt" ? "sealChunks" : "openChunks";
  }

  work(first: number, input: Uint8Array, out: Uint8Array, hashes?: Uint8Array): void {
    call(() => this.#body[this.#method](first, input, out, hashes));
  }

  free(): void {
    release(this.#body);
  }
}

/** By WebCrypto, several at a time: some browsers have threads for that. Chromium does AES on this one. */
class WebCryptoChunks implements Chunks {
  /** Calls at the same time: enough for those threads. Where many more have their memory at once, Chromium doesn't keep it for the next ones. */
  readonly run = 16;
  readonly inFlight = 1;
  readonly #subtle: SubtleCrypto;
  readonly #key: CryptoKey;
  readonly #baseNonce: Uint8Array;
  readonly #direction: Direction;

  private constructor(subtle: SubtleCrypto, key: CryptoKey, baseNonce: Uint8Array, direction: Direction) {
    this.#subtle = subtle;
    this.#key = key;
    this.#baseNonce = baseNonce;
    this.#direction = direction;
  }

  /** Takes the message's key over from the WebAssembly module, as a CryptoKey that can't be exported. */
  static async take(subtle: SubtleCrypto, body: CoreBody, direction: Direction): Promise<WebCryptoChunks> {
    const aes = call(() => body.exportAes());
    release(body);
    try {
      const raw = aes.subarray(0, KEY) as Out;
      const key = await subtle.importKey("raw", raw, "AES-GCM", false, [direction]);
      return new WebCryptoChunks(subtle, key, aes.slice(KEY), direction);
    } catch (cause) {
      throw new WardkeyError("unsupported-environment", "WebCrypto refuses AES-256-GCM", { cause });
    } finally {
      aes.fill(0);
    }
  }

  /** All calls are under way when this returns, and none is any more when it has ended, however that is: nothing is written after what was made is wiped. */
  async work(first: number, input: Uint8Array, out: Uint8Array, hashes?: Uint8Array): Promise<void> {
    const sizes = SIZES[this.#direction];
    const calls: Promise<ArrayBuffer>[] = [];
    // An empty chunk is one, too.
    for (let place = 0; place === 0 || place * sizes.input < input.length; place += 1) {
      const chunk = plain(input.subarray(place * sizes.input, (place + 1) * sizes.input));
      const hash = hashes?.subarray(place * HASH, (place + 1) * HASH);
      calls.push(this.#one(first + place, chunk, out.subarray(place * sizes.output), hash));
    }
    try {
      const done = await Promise.all(calls);
      if (done.length > 1) discard(done);
    } catch (e) {
      await Promise.allSettled(calls);
      throw e;
    }
  }

  /** Gives the buffer that WebCrypto made; what was in it stands in `out`. */
  async #one(number: number, chunk: Out, out: Uint8Array, hash: Uint8Array | undefined): Promise<ArrayBuffer> {
    const sealing = this.#direction === "encrypt";
    const algorithm = { name: "AES-GCM", iv: this.#nonce(number) };
    const working = this.#subtle[this.#direction](algorithm, this.#key, chunk);
    // At once: the chunk may be overwritten when this call has returned.
    const hashing = hash && !sealing ? this.#hash(chunk, hash) : undefined;
    hashing?.catch(() => undefined);
    let done: ArrayBuffer;
    try {
      done = await working;
    } catch (cause) {
      throw sealing ? failed(cause) : doesNotOpen();
    }
    out.set(new Uint8Array(done));
    await (hash && sealing ? this.#hash(done, hash) : hashing);
    return done;
  }

  async #hash(chunk: ArrayBuffer | Out, hash: Uint8Array): Promise<void> {
    try {
      hash.set(new Uint8Array(await this.#subtle.digest("SHA-256", chunk)));
    } catch (cause) {
      throw failed(cause);
    }
  }

  /** base nonce XOR the chunk's number */
  #nonce(number: number): Out {
    if (number >= MAX_CHUNKS) throw new WardkeyError("limit", "longer than 2^38 chunks");
    // For each chunk: without an iterator and a DataView it costs next to nothing.
    const nonce = this.#baseNonce.slice();
    for (let at = nonce.length - 1, rest = number; rest > 0; at -= 1, rest = Math.floor(rest / 256)) {
      nonce[at] = (nonce[at] ?? 0) ^ (rest % 256);
    }
    return nonce;
  }

  free(): void {
    this.#baseNonce.fill(0);
  }
}

function failed(cause: unknown): WardkeyError {
  return new WardkeyError("limit", "WebCrypto failed", { cause });
}

/** WebCrypto takes no memory that is shared or can change its size: such a chunk is copied. */
function plain(chunk: Uint8Array): Out {
  const buffer: ArrayBufferLike & { readonly resizable?: boolean } = chunk.buffer;
  return buffer instanceof ArrayBuffer && !buffer.resizable ? (chunk as Out) : chunk.slice();
}

/** In the module of two workers, side by side. */
class WorkerChunks implements Chunks {
  readonly run = 64;
  readonly inFlight = 4;
  readonly #aes: Uint8Array;
  readonly #sealing: boolean;

  constructor(body: CoreBody, direction: Direction) {
    this.#aes = call(() => body.exportAes());
    this.#sealing = direction === "encrypt";
    release(body);
  }

  async work(first: number, input: Uint8Array, out: Uint8Array, hashes?: Uint8Array): Promise<void> {
    const { length } = input;
    const done = await run("chunks", () => {
      // It had to wait for a worker.
      const copy = part(input, 0, length, length).slice();
      return [this.#aes.slice(), this.#sealing, first, copy, hashes !== undefined];
    });
    out.set(done.subarray(0, out.length));
    hashes?.set(done.subarray(out.length));
    if (!this.#sealing) done.fill(0);
  }

  free(): void {
    this.#aes.fill(0);
  }
}

/** Is a message of this length for the chunk-wise way? Up to `LONG` the WebAssembly module does one in one call. */
export function isLong(length: number): boolean {
  return length > LONG || webCrypto(length, WORTHWHILE) !== undefined;
}

/** The engine for a message of about this length, `Infinity` where it isn't known. Takes the body over. */
export async function chunksOf(body: CoreBody, direction: Direction, length: number): Promise<Chunks> {
  const subtle = webCrypto(length, WORTHWHILE);
  if (subtle) return WebCryptoChunks.take(subtle, body, direction);
  const known = Number.isFinite(length);
  if (known && length > SHARED && (await hasWorker())) return new WorkerChunks(body, direction);
  const own = new WasmChunks(body, direction);
  if (!known || length <= HELPED || !(globalThis.navigator?.hardwareConcurrency > 1)) return own;
  return new BesideChunks(
    own,
    call(() => body.exportAes()),
    direction === "encrypt",
  );
}

/** One call of work(): chunk number, and where its input and its output stand. */
export interface Step {
  first: number;
  chunks: number;
  input: [number, number];
  output: [number, number];
}

/** The calls for all chunks of `length` bytes of input. The last chunk has one of its own: where it is whole, the message was cut. */
export function* steps(direction: Direction, length: number, run: number): Generator<Step> {
  const { input, output } = SIZES[direction];
  const whole = Math.floor(length / input);
  const growth = output - input;
  for (let first = 0; first < whole; first += run) {
    const end = Math.min(first + run, whole);
    yield { first, chunks: end - first, input: [first * input, end * input], output: [first * output, end * output] };
  }
  const rest = length - whole * input;
  const [from, to] = [whole * output, whole * output + rest + growth];
  yield { first: whole, chunks: 1, input: [whole * input, length], output: [from, to] };
}
