// The chunks of a message on this thread, and beside it in a worker that has nothing else to do.
import { part } from "./arguments.js";
import type { Chunks } from "./chunks.js";
import { nextTask, Pace } from "./pace.js";
import { idleWorker, prepareWorker } from "./workers.js";

/** Pieces that the worker has at a time: enough for while this thread does one by itself. */
const AHEAD = 3;

/** One call of work(), until it is done. */
interface Piece {
  first: number;
  input: Uint8Array;
  /** Of the input, while it is there. */
  length: number;
  out: Uint8Array;
  /** Of the sealed chunks, where they are wanted. */
  hashes: Uint8Array | undefined;
  resolve(): void;
  reject(e: unknown): void;
}

/** Waits for no worker: one that starts meanwhile takes part from then on. */
export class BesideChunks implements Chunks {
  readonly run = 16;
  readonly inFlight = 12;
  readonly #own: Chunks;
  readonly #aes: Uint8Array;
  readonly #sealing: boolean;
  readonly #waiting: Piece[] = [];
  /** What the worker has. */
  readonly #given: Piece[] = [];
  readonly #pace = new Pace();
  #working = false;

  /** `own` does the chunks on this thread, at once; `aes` is for the worker. */
  constructor(own: Chunks, aes: Uint8Array, sealing: boolean) {
    this.#own = own;
    this.#aes = aes;
    this.#sealing = sealing;
    prepareWorker();
  }

  work(first: number, input: Uint8Array, out: Uint8Array, hashes?: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ first, input, length: input.length, out, hashes, resolve, reject });
      this.#share();
      if (!this.#working) void this.#here();
    });
  }

  /** Gives the worker what it can take, if there is one, and nobody else needs it. This thread is left one. */
  #share(): void {
    while (this.#given.length < AHEAD && this.#waiting.length > 1) {
      const worker = idleWorker();
      const piece = worker && this.#waiting.shift();
      if (!piece) return;
      let input: Uint8Array;
      try {
        input = part(piece.input, 0, piece.length, piece.length).slice();
      } catch (e) {
        piece.reject(e);
        continue;
      }
      this.#given.push(piece);
      worker
        .call("chunks", [this.#aes.slice(), this.#sealing, piece.first, input, piece.hashes !== undefined])
        .then((done) => this.#take(piece, done))
        // It is done here in the end, and tells what is wrong.
        .catch(() => undefined);
    }
  }

  /** What the worker brings, unless it was done here meanwhile. Of an input that was taken away, another length comes. */
  #take(piece: Piece, done: Uint8Array): void {
    const { length } = piece.out;
    if (this.#given.includes(piece) && done.length === length + (piece.hashes?.length ?? 0)) {
      this.#given.splice(this.#given.indexOf(piece), 1);
      piece.out.set(done.subarray(0, length));
      piece.hashes?.set(done.subarray(length));
      piece.resolve();
      this.#share();
    }
    if (!this.#sealing) done.fill(0);
  }

  /** One after the other; in the end what the worker hasn't brought back. */
  async #here(): Promise<void> {
    this.#working = true;
    // Some more are about to come.
    await undefined;
    for (;;) {
      const piece = this.#waiting.shift() ?? this.#given.pop();
      if (!piece) break;
      this.#one(piece);
      this.#share();
      // What the worker has done is let in.
      await (this.#given.length > 0 ? nextTask() : this.#pace.breathe());
    }
    this.#working = false;
  }

  #one({ first, input, length, out, hashes, resolve, reject }: Piece): void {
    try {
      this.#own.work(first, part(input, 0, length, length), out, hashes);
      resolve();
    } catch (e) {
      reject(e);
    }
  }

  free(): void {
    this.#waiting.length = 0;
    this.#given.length = 0;
    this.#aes.fill(0);
    this.#own.free();
  }
}
