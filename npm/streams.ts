// Messages as Web streams: constant memory, whatever the length; several chunks under way, in order; back-pressure both ways.
import { toBytes } from "./arguments.js";
import { type Chunks, type Core, chunksOf, type Direction, placeForHashes, SIZES, workAll } from "./chunks.js";
import { call } from "./core.js";
import { invalid, lockedMeanwhile, WardkeyError } from "./errors.js";
import { Leaf, layoutOf, type NewMessage, type Open, type Soon } from "./message.js";
import { nextTask, Pace } from "./pace.js";
import { lengthBytes, Unpadder, zeroPieces } from "./padding.js";
import type { DataOptions, Out } from "./types.js";

export type Pipe = TransformStream<Uint8Array, Out>;

/** Chunks that go together at most: 1 MiB. Of smaller pieces the memory costs more, when it is new and when it is tidied up. */
const TOGETHER = 64;
const TAKEN = "a piece of the stream was taken away while it was worked on";

/** What happens to the bytes that go through. */
interface Machine {
  /** Takes a piece; whatever it keeps of it, it copies. Gives nothing where that is done at once. */
  take(piece: Uint8Array): Promise<void> | undefined;
  end(): Promise<void>;
  /** Once: after the end, or the first failure. */
  free(failure?: { e: unknown }): void;
}

/** Where the results go: waits while nobody reads, and only that without a piece. After a failure it throws that. */
type Put = (piece?: Out) => Promise<void>;

/** A pair of streams around a machine. The first error is that of both, for good. */
function pipe(
  options: DataOptions,
  locked: AbortSignal | undefined,
  make: (put: Put, fail: (e: unknown) => void, progress: (input: number) => void) => Machine,
): Pipe {
  const { signal } = options;
  let input: WritableStreamDefaultController | undefined;
  let output: ReadableStreamDefaultController<Out> | undefined;
  let wanted: () => void = () => undefined;
  let failure: { e: unknown } | undefined;
  const put: Put = async (piece) => {
    while (!failure && (output?.desiredSize ?? 0) <= 0) {
      await new Promise<void>((resolve) => {
        wanted = resolve;
      });
    }
    if (failure) throw failure.e;
    if (piece) output?.enqueue(piece);
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
  let bytesProcessed = 0;
  const progress = (input: number) => {
    bytesProcessed += input;
    if (!failure) options.onProgress?.({ bytesProcessed });
  };
  const machine = make(put, fail, progress);
  const onAbort = () => fail(new WardkeyError("aborted", "the call was aborted", { cause: signal?.reason }));
  const onLock = () => fail(lockedMeanwhile());
  locked?.addEventListener("abort", onLock);
  /** Until it is done, or nobody needs it any more: it may wait for a server. */
  const guarded = (step: () => Promise<void> | undefined): Promise<void> | undefined => {
    try {
      const running = step();
      if (running) return waitFor(running);
    } catch (e) {
      fail(e);
    }
    if (failure) throw failure.e;
    return undefined;
  };
  const waitFor = async (running: Promise<void>) => {
    try {
      await new Promise<void>((resolve, reject) => {
        giveUp = resolve;
        running.then(resolve, reject);
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
    write: (piece) => guarded(() => machine.take(toBytes(piece, "a piece of the stream"))),
    close: () =>
      guarded(async () => {
        await machine.end();
        if (failure) return;
        free();
        // Until the last piece was read, it may still be too late for it.
        await put();
        hearNothing();
        output?.close();
      }),
    abort: fail,
  });
  return { readable, writable };
}

/** What came of some chunks, and the hashes of these where an author signs them. */
interface Worked {
  piece: Out;
  hashes: Out | undefined;
}

/** Cuts what comes into chunks, and has them worked on while more comes: at once what comes alone, many together where they come fast. */
class Conveyor {
  readonly #chunks: Chunks;
  readonly #direction: Direction;
  readonly #input: number;
  readonly #output: number;
  /** Bytes at the end that belong to no chunk. */
  readonly #trailer: number;
  /** Takes the hashes of the chunks, in their order. */
  readonly #leaf: Leaf | undefined;
  readonly #deliver: (piece: Out, input: number) => Promise<void>;
  readonly #fail: (e: unknown) => void;
  readonly #pace = new Pace();
  /** Chunks that there is place for. */
  #together: number;
  #buffer: Out;
  #used = 0;
  /** Buffers that were worked on, for what comes next. */
  readonly #spare: Out[] = [];
  #next = 0;
  #running = 0;
  #soon = false;
  #freed = false;
  #worked: Promise<unknown> = Promise.resolve();
  #tail: Promise<void> = Promise.resolve();
  #moved: () => void = () => undefined;

  constructor(
    chunks: Chunks,
    direction: Direction,
    trailer: number,
    leaf: Leaf | undefined,
    deliver: (piece: Out, input: number) => Promise<void>,
    fail: (e: unknown) => void,
  ) {
    this.#chunks = chunks;
    this.#direction = direction;
    this.#leaf = leaf;
    this.#input = SIZES[direction].input;
    this.#output = SIZES[direction].output;
    this.#trailer = trailer;
    this.#deliver = deliver;
    this.#fail = fail;
    this.#together = chunks.run;
    this.#buffer = this.#place();
  }

  #place(): Out {
    const length = this.#together * this.#input + this.#trailer;
    const spare = this.#spare.pop();
    if (spare?.length === length) return spare;
    spare?.fill(0);
    return new Uint8Array(length);
  }

  /** Gives nothing where the piece was taken at once. */
  take(piece: Uint8Array): Promise<void> | undefined {
    if (this.#freed || piece.length >= this.#buffer.length - this.#used) return this.#takeLong(piece);
    this.#buffer.set(piece, this.#used);
    this.#used += piece.length;
    this.#sendSoon();
    return undefined;
  }

  async #takeLong(piece: Uint8Array): Promise<void> {
    const { length } = piece;
    for (let at = 0; at < length && !this.#freed; ) {
      if (piece.length !== length) throw invalid(TAKEN);
      const some = piece.subarray(at, at + this.#buffer.length - this.#used);
      this.#buffer.set(some, this.#used);
      this.#used += some.length;
      at += some.length;
      if (this.#used < this.#buffer.length) continue;
      // More than there was place for: more goes together.
      this.#together = Math.min(2 * this.#together, TOGETHER);
      await this.#send();
      // A piece may be as long as a file.
      await this.#pace.breathe();
    }
    this.#sendSoon();
    await this.#pace.breathe();
  }

  /** Sends off the chunks that are whole if nothing more comes in this task; while others are under way, after them. */
  #sendSoon(): void {
    const nothing = this.#used - this.#trailer < this.#input;
    if (nothing || this.#freed || this.#running > 0 || this.#soon) return;
    this.#soon = true;
    nextTask()
      .then(() => {
        this.#soon = false;
        if (this.#running === 0) this.#sendNow();
      })
      .catch(this.#fail);
  }

  #sendNow(): void {
    const whole = Math.floor((this.#used - this.#trailer) / this.#input);
    // After free() the stream has its error, and the engine is no more.
    if (whole <= 0 || this.#freed) return;
    this.#start(whole * this.#input, whole * this.#output);
    this.#next += whole;
  }

  /** Sends them off now, and waits while what went before isn't taken. */
  async #send(): Promise<void> {
    this.#sendNow();
    while (this.#running > 1) {
      await new Promise<void>((resolve) => {
        this.#moved = resolve;
      });
    }
  }

  #start(length: number, output: number): void {
    const buffer = this.#buffer;
    this.#buffer = this.#place();
    this.#buffer.set(buffer.subarray(length, this.#used));
    this.#used -= length;
    this.#running += 1;
    const working = this.#work(this.#worked, this.#next, buffer.subarray(0, length), output);
    // What came of it isn't held here.
    this.#worked = working.then(
      () => undefined,
      () => undefined,
    );
    const tail = this.#finish(this.#tail, working, buffer, length);
    tail.catch(this.#fail);
    this.#tail = tail;
  }

  async #work(before: Promise<unknown>, first: number, input: Out, output: number): Promise<Worked> {
    await before;
    const hashes = this.#leaf && placeForHashes(Math.ceil(Math.max(input.length, 1) / this.#input));
    const piece = new Uint8Array(output);
    const check = () => {
      if (this.#freed) throw new WardkeyError("aborted", "the stream has ended");
    };
    await workAll(this.#chunks, this.#direction, first, input, piece, this.#pace, { hashes, check });
    return { piece, hashes };
  }

  async #finish(before: Promise<void>, working: Promise<Worked>, buffer: Out, input: number): Promise<void> {
    try {
      await Promise.allSettled([working]);
      if (this.#freed) buffer.fill(0);
      else this.#spare.push(buffer);
      // An error of an earlier chunk is the one to tell.
      await before;
      const { piece, hashes } = await working;
      // After free() nobody asks for them.
      if (hashes && !this.#freed) this.#leaf?.hashed(hashes);
      await this.#deliver(piece, input);
    } finally {
      this.#running -= 1;
      this.#moved();
      this.#sendSoon();
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
    // Place for the trailer is enough.
    this.#together = 0;
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
    for (const buffer of [this.#buffer, ...this.#spare.splice(0)]) buffer.fill(0);
    this.#buffer = new Uint8Array();
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
  /** Once it has begun. */
  #conveyor: Conveyor | undefined;
  #length = 0;

  constructor(
    core: Core,
    message: Soon<NewMessage>,
    put: Put,
    fail: (e: unknown) => void,
    progress: (input: number) => void,
  ) {
    this.#core = core;
    this.#put = put;
    this.#begun = this.#begin(message, progress, fail);
    this.#begun.catch(fail);
  }

  async #begin(message: Soon<NewMessage>, progress: (input: number) => void, fail: (e: unknown) => void) {
    const begun = message instanceof Promise ? await message : message;
    const { body, sign } = begun;
    const start = call(() => body.start()) as Out;
    const { padded } = layoutOf(this.#core, start);
    const leaf = sign && new Leaf(this.#core, start, begun);
    const chunks = await orFree(leaf, chunksOf(body, "encrypt", Number.POSITIVE_INFINITY));
    const deliver = async (piece: Out, input: number) => {
      await this.#put(piece);
      progress(input);
    };
    const conveyor = new Conveyor(chunks, "encrypt", 0, leaf, deliver, fail);
    try {
      await this.#put(start);
    } catch (e) {
      conveyor.free();
      throw e;
    }
    this.#conveyor = conveyor;
    return { conveyor, padded, sign: () => leaf && sign?.(leaf.finish()) };
  }

  take(piece: Uint8Array): Promise<void> | undefined {
    if (!this.#conveyor) return this.#takeLater(piece);
    this.#length += piece.length;
    return this.#conveyor.take(piece);
  }

  async #takeLater(piece: Uint8Array): Promise<void> {
    const { length } = piece;
    await this.#begun;
    if (piece.length !== length) throw invalid(TAKEN);
    await this.take(piece);
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
    if (trailer) await this.#put(trailer as Out);
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

  constructor(core: Core, opener: Opener, put: Put, fail: (e: unknown) => void, progress: (input: number) => void) {
    this.#core = core;
    this.#opener = opener;
    this.#put = put;
    this.#fail = fail;
    this.#progress = progress;
    this.#beginning = new Uint8Array(core.messageStart());
  }

  take(piece: Uint8Array): Promise<void> | undefined {
    return this.#conveyor ? this.#conveyor.take(piece) : this.#takeBeginning(piece);
  }

  async #takeBeginning(piece: Uint8Array): Promise<void> {
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
    const deliver = (piece: Out, input: number) => this.#deliver(piece, input);
    const conveyor = new Conveyor(chunks, "decrypt", trailer, leaf, deliver, this.#fail);
    this.#conveyor = conveyor;
    if (this.#freed) conveyor.free();
    await conveyor.take(beginning.subarray(start));
    return conveyor;
  }

  async #deliver(piece: Out, input: number): Promise<void> {
    for (const data of this.#unpadder?.pass(piece) ?? [piece]) await this.#pass(data);
    this.#progress(input);
  }

  async end(): Promise<void> {
    const conveyor = this.#conveyor ?? (await this.#open());
    const trailer = await conveyor.end();
    if (conveyor.freed) return;
    for (const data of this.#unpadder?.finish() ?? []) await this.#pass(data);
    await this.#verify?.(trailer);
  }

  async #pass(data: Out): Promise<void> {
    if (data.length > 0) await this.#put(data);
    // Many zeros may come of a few bytes.
    await this.#pace.breathe();
  }

  free(failure?: { e: unknown }): void {
    this.#freed = true;
    this.#opener.free(failure);
    this.#conveyor?.free();
  }
}

/** @param locked aborted when nothing may come out any more */
export function encryptionStream(
  core: Core,
  message: Soon<NewMessage>,
  options: DataOptions,
  locked?: AbortSignal,
): Pipe {
  return pipe(options, locked, (put, fail, progress) => new Encryption(core, message, put, fail, progress));
}

/** @param locked as above */
export function decryptionStream(core: Core, opener: Opener, options: DataOptions, locked?: AbortSignal): Pipe {
  return pipe(options, locked, (put, fail, progress) => new Decryption(core, opener, put, fail, progress));
}
