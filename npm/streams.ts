// Messages as Web streams: constant memory, whatever the length; several chunks under way, in order; back-pressure both ways.
import { toBytes } from "./arguments.js";
import { type Chunks, type Core, chunksOf, type Direction, placeForHashes, SIZES } from "./chunks.js";
import { call } from "./core.js";
import { invalid, lockedMeanwhile, WardkeyError } from "./errors.js";
import { Leaf, layoutOf, type NewMessage, type Open, type Soon } from "./message.js";
import { Pace } from "./pace.js";
import { lengthBytes, Unpadder, zeroPieces } from "./padding.js";
import type { DataOptions, Out } from "./types.js";

export type Pipe = TransformStream<Uint8Array, Out>;

const TAKEN = "a piece of the stream was taken away while it was worked on";

/** What happens to the bytes that go through. */
interface Machine {
  /** Takes a piece; whatever it keeps of it, it copies. */
  take(piece: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** Once: after the end, or the first failure. */
  free(failure?: { e: unknown }): void;
}

/** Where the results go: waits while nobody reads. After a failure it throws that. */
type Put = (pieces: readonly Out[]) => Promise<void>;

/** A pair of streams around a machine. The first error is that of both, for good. */
function pipe(
  options: DataOptions,
  locked: AbortSignal | undefined,
  make: (put: Put, fail: (e: unknown) => void) => Machine,
): Pipe {
  const { signal } = options;
  let input: WritableStreamDefaultController | undefined;
  let output: ReadableStreamDefaultController<Out> | undefined;
  let wanted: () => void = () => undefined;
  let failure: { e: unknown } | undefined;
  const put: Put = async (pieces) => {
    // All at once when there is nothing left to read: one by one, each would have its turn of the event loop.
    while (!failure && (output?.desiredSize ?? 0) <= 0) {
      await new Promise<void>((resolve) => {
        wanted = resolve;
      });
    }
    if (failure) throw failure.e;
    for (const piece of pieces) output?.enqueue(piece);
  };
  let freed = false;
  const free = () => {
    if (freed) return;
    freed = true;
    machine.free(failure);
  };
  const hearNothing = () => {
    signal?.removeEventListener("abort", onAbort);
    locked?.removeEventListener("abort", onLock);
  };
  let giveUp: () => void = () => undefined;
  const fail = (e: unknown) => {
    failure ??= { e };
    hearNothing();
    free();
    input?.error(e);
    output?.error(e);
    wanted();
    giveUp();
  };
  const machine = make(put, fail);
  const onAbort = () => fail(new WardkeyError("aborted", "the call was aborted", { cause: signal?.reason }));
  const onLock = () => fail(lockedMeanwhile());
  locked?.addEventListener("abort", onLock);
  /** Until it is done, or nobody needs it any more: it may wait for a server. */
  const guarded = async (step: () => Promise<void>) => {
    try {
      await new Promise<void>((resolve, reject) => {
        giveUp = resolve;
        step().then(resolve, reject);
      });
    } catch (e) {
      fail(e);
    }
    // What failed first: whatever comes after it is its consequence.
    if (failure) throw failure.e;
  };
  const readable = new ReadableStream<Out>({
    start(controller) {
      output = controller;
    },
    pull: () => wanted(),
    // The reader has gone: there is nothing to work for.
    cancel: fail,
  });
  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      input = controller;
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort);
      // The sink's abort() is only called when what is being written has ended, and that may wait for a reader. Not before the stream has taken note of it.
      controller.signal?.addEventListener("abort", () => queueMicrotask(() => fail(controller.signal.reason)));
    },
    write: (piece) => guarded(async () => machine.take(toBytes(piece, "a piece of the stream"))),
    close: () =>
      guarded(async () => {
        await machine.end();
        if (failure) return;
        free();
        // Until the last piece was read, it may still be too late for it.
        await put([]);
        hearNothing();
        output?.close();
      }),
    abort: fail,
  });
  return { readable, writable };
}

/** Cuts what comes into chunks, and has them worked on while more comes: each as soon as it is whole and nothing is before it, many at a time
 *  where they come faster. */
class Conveyor {
  readonly #chunks: Chunks;
  readonly #input: number;
  readonly #output: number;
  /** Bytes at the end that belong to no chunk. */
  readonly #trailer: number;
  /** Takes the hashes of the chunks, in their order. */
  readonly #leaf: Leaf | undefined;
  readonly #deliver: (pieces: Out[], input: number) => Promise<void>;
  readonly #fail: (e: unknown) => void;
  readonly #buffer: Out;
  readonly #pace = new Pace();
  #used = 0;
  #next = 0;
  #running = 0;
  #freed = false;
  #tail: Promise<void> = Promise.resolve();
  #moved: () => void = () => undefined;

  constructor(
    chunks: Chunks,
    direction: Direction,
    trailer: number,
    leaf: Leaf | undefined,
    deliver: (pieces: Out[], input: number) => Promise<void>,
    fail: (e: unknown) => void,
  ) {
    this.#chunks = chunks;
    this.#leaf = leaf;
    this.#input = SIZES[direction].input;
    this.#output = SIZES[direction].output;
    this.#trailer = trailer;
    this.#deliver = deliver;
    this.#fail = fail;
    this.#buffer = new Uint8Array(chunks.run * this.#input + trailer);
  }

  async take(piece: Uint8Array): Promise<void> {
    const { length } = piece;
    for (let at = 0; at < length && !this.#freed; ) {
      if (piece.length !== length) throw invalid(TAKEN);
      const some = piece.subarray(at, at + this.#buffer.length - this.#used);
      this.#buffer.set(some, this.#used);
      this.#used += some.length;
      at += some.length;
      if (this.#used < this.#buffer.length) continue;
      await this.#send();
      // A piece may be as long as a file.
      await this.#pace.breathe();
    }
    if (this.#running === 0) await this.#send();
    await this.#pace.breathe();
  }

  /** Sends off the chunks that are whole, and waits while too many are under way. */
  async #send(): Promise<void> {
    const whole = Math.floor((this.#used - this.#trailer) / this.#input);
    // After free() the stream has its error, and the engine is no more.
    if (whole <= 0 || this.#freed) return;
    this.#start(whole * this.#input, whole * this.#output);
    this.#next += whole;
    while (this.#running >= this.#chunks.inFlight) {
      await new Promise<void>((resolve) => {
        this.#moved = resolve;
      });
    }
  }

  /** The engine has copied its input when it is under way. */
  #start(input: number, output: number): void {
    const hashes = this.#leaf && placeForHashes(Math.ceil(Math.max(input, 1) / this.#input));
    const task = this.#work(this.#buffer.subarray(0, input), output, hashes);
    this.#buffer.copyWithin(0, input, this.#used);
    this.#used -= input;
    this.#running += 1;
    const tail = this.#finish(this.#tail, task, hashes, input);
    tail.catch(this.#fail);
    this.#tail = tail;
  }

  #work(input: Uint8Array, output: number, hashes: Out | undefined): Out[] | Promise<Out[]> {
    const chunks = this.#chunks;
    if (chunks.pieces) return chunks.pieces(this.#next, input, hashes);
    const out = new Uint8Array(output);
    const done = chunks.work(this.#next, input, out, hashes);
    return done instanceof Promise ? done.then(() => [out]) : [out];
  }

  async #finish(
    before: Promise<void>,
    task: Out[] | Promise<Out[]>,
    hashes: Out | undefined,
    input: number,
  ): Promise<void> {
    try {
      await Promise.allSettled([task]);
      // An error of an earlier chunk is the one to tell.
      await before;
      const pieces = await task;
      // After free() nobody asks for them.
      if (hashes && !this.#freed) this.#leaf?.hashed(hashes);
      await this.#deliver(pieces, input);
    } finally {
      this.#running -= 1;
      this.#moved();
    }
  }

  /** The last chunk, and all that is still under way. Gives what comes after the chunks. */
  async end(): Promise<Out> {
    await this.#send();
    if (this.#freed) return this.#buffer;
    const rest = this.#used - this.#trailer;
    const output = rest + this.#output - this.#input;
    if (rest < 0 || output < 0) {
      await this.#tail;
      throw new WardkeyError("truncated", "the end is missing");
    }
    this.#start(rest, output);
    await this.#tail;
    return this.#buffer.slice(0, this.#trailer);
  }

  get freed(): boolean {
    return this.#freed;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#buffer.fill(0);
    this.#chunks.free();
    this.#leaf?.free();
  }
}

/** What is made; where that fails, nobody needs the leaf. */
async function orFree<T>(leaf: Leaf | undefined, making: Promise<T>): Promise<T> {
  try {
    return await making;
  } catch (e) {
    leaf?.free();
    throw e;
  }
}

class Encryption implements Machine {
  readonly #core: Core;
  readonly #put: Put;
  readonly #begun: Promise<{ conveyor: Conveyor; padded: boolean; sign: () => Soon<Uint8Array | undefined> }>;
  #length = 0;

  constructor(core: Core, message: Soon<NewMessage>, options: DataOptions, put: Put, fail: (e: unknown) => void) {
    this.#core = core;
    this.#put = put;
    this.#begun = this.#begin(message, counter(options), fail);
    this.#begun.catch(fail);
  }

  async #begin(message: Soon<NewMessage>, progress: (input: number) => void, fail: (e: unknown) => void) {
    const begun = message instanceof Promise ? await message : message;
    const { body, sign } = begun;
    const start = call(() => body.start()) as Out;
    const { padded } = layoutOf(this.#core, start);
    const leaf = sign && new Leaf(this.#core, start, begun);
    const chunks = await orFree(leaf, chunksOf(body, "encrypt", Number.POSITIVE_INFINITY));
    const deliver = async (pieces: Out[], input: number) => {
      await this.#put(pieces);
      progress(input);
    };
    const conveyor = new Conveyor(chunks, "encrypt", 0, leaf, deliver, fail);
    try {
      await this.#put([start]);
    } catch (e) {
      conveyor.free();
      throw e;
    }
    return { conveyor, padded, sign: () => leaf && sign?.(leaf.finish()) };
  }

  async take(piece: Uint8Array): Promise<void> {
    const { length } = piece;
    const { conveyor } = await this.#begun;
    if (piece.length !== length) throw invalid(TAKEN);
    this.#length += length;
    await conveyor.take(piece);
  }

  async end(): Promise<void> {
    const { conveyor, padded, sign } = await this.#begun;
    if (padded) {
      const length = this.#length;
      const end = lengthBytes(length);
      const zeros = call(() => this.#core.plaintextLength(length, true)) - length - end.length;
      for (const piece of zeroPieces(zeros)) await conveyor.take(piece);
      await conveyor.take(end);
    }
    await conveyor.end();
    if (conveyor.freed) return;
    const trailer = await sign();
    if (trailer) await this.#put([trailer as Out]);
  }

  free(): void {
    this.#begun.then(({ conveyor }) => conveyor.free()).catch(() => undefined);
  }
}

/** Opens the message of a stream; whatever it holds for that it gives up in the end. */
export interface Opener {
  open: Open;
  /** Once: after the end, or the first failure. */
  free(failure?: { e: unknown }): void;
}

class Decryption implements Machine {
  readonly #core: Core;
  readonly #opener: Opener;
  readonly #put: Put;
  readonly #fail: (e: unknown) => void;
  readonly #progress: (input: number) => void;
  readonly #beginning: Out;
  readonly #pace = new Pace();
  #used = 0;
  #conveyor: Conveyor | undefined;
  #unpadder: Unpadder | undefined;
  #verify: ((trailer: Out) => Soon<void>) | undefined;
  #freed = false;

  constructor(core: Core, opener: Opener, options: DataOptions, put: Put, fail: (e: unknown) => void) {
    this.#core = core;
    this.#opener = opener;
    this.#put = put;
    this.#fail = fail;
    this.#progress = counter(options);
    this.#beginning = new Uint8Array(core.messageStart());
  }

  async take(piece: Uint8Array): Promise<void> {
    if (this.#conveyor) return this.#conveyor.take(piece);
    const some = piece.subarray(0, this.#beginning.length - this.#used);
    this.#beginning.set(some, this.#used);
    this.#used += some.length;
    if (this.#used < this.#beginning.length) return;
    const { length } = piece;
    const conveyor = await this.#open();
    if (piece.length !== length) throw invalid(TAKEN);
    await conveyor.take(piece.subarray(some.length));
  }

  async #open(): Promise<Conveyor> {
    const beginning = this.#beginning.subarray(0, this.#used);
    const { start, trailer, padded } = layoutOf(this.#core, beginning);
    const message = await this.#opener.open(beginning);
    const { body, verify } = message;
    const leaf = verify && new Leaf(this.#core, beginning.subarray(0, start), message);
    this.#verify = leaf && ((trailer) => verify(leaf.finish(), trailer));
    const chunks = await orFree(leaf, chunksOf(body, "decrypt", Number.POSITIVE_INFINITY));
    if (padded) this.#unpadder = new Unpadder(this.#core);
    const deliver = (pieces: Out[], input: number) => this.#deliver(pieces, input);
    const conveyor = new Conveyor(chunks, "decrypt", trailer, leaf, deliver, this.#fail);
    this.#conveyor = conveyor;
    if (this.#freed) conveyor.free();
    await conveyor.take(beginning.subarray(start));
    return conveyor;
  }

  async #deliver(pieces: Out[], input: number): Promise<void> {
    const unpadder = this.#unpadder;
    if (!unpadder) await this.#pass(pieces);
    else for (const piece of pieces) for (const data of unpadder.pass(piece)) await this.#pass([data]);
    this.#progress(input);
  }

  async end(): Promise<void> {
    const conveyor = this.#conveyor ?? (await this.#open());
    const trailer = await conveyor.end();
    if (conveyor.freed) return;
    for (const data of this.#unpadder?.finish() ?? []) await this.#pass([data]);
    await this.#verify?.(trailer);
  }

  async #pass(data: Out[]): Promise<void> {
    const some = data.filter(({ length }) => length > 0);
    if (some.length > 0) await this.#put(some);
    // Many zeros may come of a few bytes.
    await this.#pace.breathe();
  }

  free(failure?: { e: unknown }): void {
    this.#freed = true;
    this.#opener.free(failure);
    this.#conveyor?.free();
  }
}

function counter({ onProgress }: DataOptions): (input: number) => void {
  let bytesProcessed = 0;
  return (input) => {
    bytesProcessed += input;
    onProgress?.({ bytesProcessed });
  };
}

/** @param locked aborted when nothing may come out any more */
export function encryptionStream(
  core: Core,
  message: Soon<NewMessage>,
  options: DataOptions,
  locked?: AbortSignal,
): Pipe {
  return pipe(options, locked, (put, fail) => new Encryption(core, message, options, put, fail));
}

/** @param locked as above */
export function decryptionStream(core: Core, opener: Opener, options: DataOptions, locked?: AbortSignal): Pipe {
  return pipe(options, locked, (put, fail) => new Decryption(core, opener, options, put, fail));
}
