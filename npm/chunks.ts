// The chunks of one message (docs/SPEC.md, section 3), by either engine: 16 KiB of plaintext each, only the last is shorter.
import type { CoreBody } from "./core/wardkey_core.js";
import { call } from "./core.js";
import { webCrypto } from "./engine.js";
import { WardkeyError } from "./errors.js";
import { type Direction, SIZES } from "./sizes.js";
import type { Out } from "./types.js";
import { type Aes, workByWebCrypto } from "./web-crypto-chunks.js";
import { run } from "./workers.js";

export type Core = typeof import("./core/wardkey_core.js");
const KEY = 32;

/** From this length on WebCrypto is faster: docs/bench/measurements.md. */
const WORTHWHILE = 16_384;
/** Messages longer than this are shared out to two workers. */
const SHARED = 64 << 20;
/** Up to here data is copied at once, and one call of the WebAssembly module is short. */
export const LONG = 32_768;

/** Some chunks of a message, by number; any order. */
export interface Chunks {
  /** How many chunks make one call of work() that is neither too small nor a long task. */
  readonly run: number;
  /** How many calls of work() may be under way. */
  readonly inFlight: number;
  /** Fills `out` with what becomes of `input`, from chunk number `first` on. */
  work(first: number, input: Uint8Array, out: Uint8Array): void | Promise<void>;
  free(): void;
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

  work(first: number, input: Uint8Array, out: Uint8Array): void {
    call(() => this.#body[this.#method](first, input, out));
  }

  free(): void {
    release(this.#body);
  }
}

/** By WebCrypto, here. */
class WebCryptoChunks implements Chunks {
  readonly run = 16;
  readonly inFlight = 12;
  readonly #subtle: SubtleCrypto;
  readonly #aes: Aes;

  constructor(subtle: SubtleCrypto, aes: Aes) {
    this.#subtle = subtle;
    this.#aes = aes;
  }

  work(first: number, input: Uint8Array, out: Uint8Array): Promise<void> {
    return workByWebCrypto(this.#subtle, this.#aes, first, input, out);
  }

  free(): void {
    this.#aes.baseNonce.fill(0);
  }
}

/** By WebCrypto, in two workers. */
class WorkerChunks implements Chunks {
  readonly run = 256;
  readonly inFlight = 4;
  readonly #aes: Aes;

  constructor(aes: Aes) {
    this.#aes = aes;
  }

  async work(first: number, input: Uint8Array, out: Uint8Array): Promise<void> {
    out.set(await run("chunks", () => [this.#aes, first, input.slice()]));
  }

  free(): void {
    this.#aes.baseNonce.fill(0);
  }
}

/** Is a message of this length for the chunk-wise way? Up to `LONG` the WebAssembly module does one in one call. */
export function isLong(length: number): boolean {
  return length > LONG || webCrypto(length, WORTHWHILE) !== undefined;
}

/** The engine for a message of about this length, `Infinity` where it isn't known. Takes the body over. */
export async function chunksOf(body: CoreBody, direction: Direction, length: number): Promise<Chunks> {
  const subtle = webCrypto(length, WORTHWHILE);
  if (!subtle) return new WasmChunks(body, direction);
  const aes = await takeAes(subtle, body, direction);
  return length > SHARED && Number.isFinite(length) ? new WorkerChunks(aes) : new WebCryptoChunks(subtle, aes);
}

/** Takes the message's key over from the WebAssembly module, as a CryptoKey that can't be exported. */
async function takeAes(subtle: SubtleCrypto, body: CoreBody, direction: Direction): Promise<Aes> {
  const aes = call(() => body.exportAes());
  release(body);
  try {
    const raw = aes.subarray(0, KEY) as Out;
    const key = await subtle.importKey("raw", raw, "AES-GCM", false, [direction]);
    return { key, baseNonce: aes.slice(KEY), direction };
  } catch (cause) {
    throw new WardkeyError("unsupported-environment", "WebCrypto refuses AES-256-GCM", { cause });
  } finally {
    aes.fill(0);
  }
}

/** Gives an object of the module up; after a trap that can't be done, and the error of the trap is the one to tell. */
function release(body: CoreBody): void {
  try {
    body.destroy();
  } catch {
    // The module is dead: core.ts has wiped its memory.
  }
}

/** One call of work(): chunk number, and where its input and its output stand. */
export interface Step {
  first: number;
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
    yield { first, input: [first * input, end * input], output: [first * output, end * output] };
  }
  const rest = length - whole * input;
  yield { first: whole, input: [whole * input, length], output: [whole * output, whole * output + rest + growth] };
}
