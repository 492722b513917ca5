// Messages as Web streams: constant memory, whatever the length; several chunks under way, in order; back-pressure both ways.
import { part, toBytes } from "./arguments.js";
import { type Chunks, type Core, chunksOf, type Direction, placeForHashes, SIZES } from "./chunks.js";
import { call } from "./core.js";
import { lockedMeanwhile, WardkeyError } from "./errors.js";
import { Leaf, layoutOf, type NewMessage, type Open, type Soon } from "./message.js";
import { nextTask, Pace } from "./pace.js";
import { lengthBytes, Unpadder, zeroPieces } from "./padding.js";
import type { DataOptions, Out } from "./types.js";

export type Pipe = TransformStream<Uint8Array, Out>;

/** Chunks that go on together at most: 8 MiB. Of smaller blocks the memory costs more, when it is new and when it is tidied up. */
const TOGETHER = 512;
/** Up to here a piece is small: the next one may wait beside it, or pipeTo() takes twice as long to bring it. */
const SMALL = 65_536;
const PIECE = "a piece of the stream";

/** How much of the place of one piece it takes: who waits for `ready` may then write a small one while another is taken. */
function share(piece: unknown): number {
  try {
    return ArrayBuffer.isView(piece) && piece.byteLength <= SMALL ? 0.5 : 1;
  } catch {
    return 1;
  }
}

/** To be read after something was awaited: the memory of a small piece is the writer's again once `ready` has resolved. */
function later(piece: Uint8Array): Uint8Array {
  return piece.length <= SMALL ? piece.slice() : piece;
}

/** What happens to the bytes that go through. */
interface Machine {
  /** Takes a piece; whatever it keeps of it, it copies, of a small one all at once. Gives nothing where that is done. */
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
  const writable = new WritableStream<Uint8Array>(
    {
      start(controller) {
        input = controller;
        if (signal?.aborted) onAbort();
        else signal?.addEventListener("abort", onAbort);
        // The sink's abort() is only called when what is being written has ended, and that may wait for a reader. Not before the stream has taken note of it.
        controller.signal?.addEventListener("abort", () => queueMicrotask(() => fail(controller.signal.reason)));
      },
      write: (piece) => guarded(() => machine.take(toBytes(piece, PIECE))),
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
    },
    { highWaterMark: 1, size: share },
  );
  return { readable, writable };
}

/** Chunks that go on together, as far as they are there. */
class Block {
  /** Chunks that there is place for, and that are there or about to be. */
  readonly place: number;
  chunks = 0;
  readonly out: Out;
  /** Bytes that they are made of, and bytes of `out` that they fill. */
  input = 0;
  output = 0;
  /** What fills it, and the hashes of the chunks where an author signs them; in their order. */
  readonly calls: Promise<void>[] = [];
  readonly hashes: Out[] = [];

  constructor(place: number, chunk: number) {
    this.place = place;
    this.out = new Uint8Array(place * chunk);
  }

  /** What there is of it, in memory of its own. */
  piece(): Out {
    if (this.output === this.out.length) return this.out;
    const piece = this.out.slice(0, this.output);
    this.out.fill(0);
    return piece;
  }
}

/** Cuts what comes into chunks, has them worked on at once, and hands them on in blocks: soon where little comes, large ones where it comes fast. */
class Conveyor {
  readonly #chunks: Chunks;
  readonly #input: number;
  readonly #output: number;
  /** Bytes at the end that belong to no chunk. */
  readonly #trailer: number;
  /** Takes the hashes of the chunks, in their order. */
  readonly #leaf: Leaf | undefined;
  readonly #deliver: (piece: Out, input: number) => Promise<void>;
  readonly #fail: (e: unknown) => void;
  readonly #pace = new Pace();
  /** From here on what is there is worked on: the chunks of one call. Between two pieces less is there, so that the next one, if it is small, has its place. */
  readonly #full: number;
  /** What isn't worked on yet, and how much ever came. */
  readonly #buffer: Out;
  #used = 0;
  #taken = 0;
  #pieces = 0;
  #next = 0;
  #block: Block | undefined;
  /** Chunks that the next block has place for. */
  #together: number;
  /** Is a piece being taken? Chunks that are worked on, and blocks that are complete but not delivered. */
  #taking = false;
  #running = 0;
  #leaving = 0;
  #soon = false;
  #freed = false;
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
    this.#leaf = leaf;
    this.#input = SIZES[direction].input;
    this.#output = SIZES[direction].output;
    this.#trailer = trailer;
    this.#deliver = deliver;
    this.#fail = fail;
    this.#together = chunks.run;
    this.#full = chunks.run * this.#input + trailer;
    this.#buffer = new Uint8Array(this.#full + SMALL);
  }

  /** The bytes are the caller's again as soon as this gives nothing, or has ended. */
  take(piece: Uint8Array): Promise<void> | undefined {
    this.#pieces += 1;
    const fills = this.#used + piece.length >= this.#full;
    // Small pieces may come without end in one task; looking at the clock costs as much as taking one.
    const isLong = (fills || this.#pieces % 16 === 0) && this.#pace.isLong();
    if (isLong || (fills && (piece.length > SMALL || this.#isBusy()))) return this.#takeMuch(piece);
    this.#keep(piece);
    if (fills) this.#cut();
    this.#closeSoon();
    return undefined;
  }

  async #takeMuch(piece: Uint8Array): Promise<void> {
    const { length } = piece;
    this.#taking = true;
    for (let at = 0; at < length && !this.#freed; ) {
      const some = part(piece, at, at + this.#buffer.length - this.#used, length, PIECE);
      this.#keep(some);
      at += some.length;
      if (this.#used < this.#full) break;
      await this.#settle();
      this.#cut();
    }
    await this.#pace.breathe();
    this.#taking = false;
    this.#closeSoon();
  }

  #keep(bytes: Uint8Array): void {
    if (this.#freed) return;
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#taken += bytes.length;
  }

  #isBusy(): boolean {
    return !this.#freed && (this.#running >= this.#chunks.run || this.#leaving > 1);
  }

  /** Until more may come. */
  async #settle(): Promise<void> {
    while (this.#isBusy()) {
      await new Promise<void>((resolve) => {
        this.#moved = resolve;
      });
    }
    await this.#pace.breathe();
  }

  /** Has the chunks worked on that are whole. */
  #cut(): void {
    const whole = Math.floor((this.#used - this.#trailer) / this.#input);
    if (whole <= 0) return;
    const length = whole * this.#input;
    this.#work(this.#buffer.subarray(0, length), whole);
    this.#buffer.copyWithin(0, length, this.#used);
    this.#used -= length;
  }

  /** So many chunks, of which only the stream's last may be short. The engine has copied its input when this returns. */
  #work(input: Uint8Array, count: number): void {
    // After free() the stream has its error, and the engine is no more.
    for (let done = 0; done < count && !this.#freed; ) {
      this.#block ??= new Block(this.#together, this.#output);
      const block = this.#block;
      const some = Math.min(count - done, block.place - block.chunks);
      const bytes = input.subarray(done * this.#input, (done + some) * this.#input);
      const output = block.output + bytes.length + some * (this.#output - this.#input);
      const hashes = this.#leaf && placeForHashes(some);
      const call = this.#call(some, bytes, block.out.subarray(block.output, output), hashes);
      if (call) block.calls.push(call);
      if (hashes) block.hashes.push(hashes);
      block.chunks += some;
      block.input += bytes.length;
      block.output = output;
      this.#next += some;
      done += some;
      if (block.chunks < block.place) continue;
      this.#close();
      this.#together = Math.min(2 * this.#together, TOGETHER);
    }
  }

  #call(count: number, input: Uint8Array, out: Out, hashes: Out | undefined): Promise<void> | undefined {
    let call: void | Promise<void>;
    try {
      call = this.#chunks.work(this.#next, input, out, hashes);
    } catch (e) {
      call = Promise.reject(e);
    }
    if (!call) return undefined;
    this.#running += count;
    const moved = () => {
      this.#running -= count;
      this.#moved();
      this.#closeSoon();
    };
    call.then(moved, moved);
    return call;
  }

  /** Where nothing is under way: what is whole goes on, if nothing more comes in this task. */
  #closeSoon(): void {
    const nothing = !this.#block && this.#used - this.#trailer < this.#input;
    const isWorking = () => this.#taking || this.#running > 0 || this.#leaving > 0;
    if (nothing || isWorking() || this.#soon || this.#freed) return;
    this.#soon = true;
    const taken = this.#taken;
    nextTask()
      .then(() => {
        this.#soon = false;
        if (this.#taken !== taken) return this.#closeSoon();
        if (isWorking()) return;
        this.#together = this.#chunks.run;
        this.#cut();
        this.#close();
      })
      .catch(this.#fail);
  }

  #close(): void {
    const block = this.#block;
    if (!block) return;
    this.#block = undefined;
    this.#leaving += 1;
    const tail = this.#leave(this.#tail, block);
    tail.catch(this.#fail);
    this.#tail = tail;
  }

  async #leave(before: Promise<void>, block: Block): Promise<void> {
    try {
      await Promise.allSettled(block.calls);
      try {
        // An error of an earlier chunk is the one to tell.
        await before;
        for (const call of block.calls) await call;
      } catch (e) {
        block.out.fill(0);
        throw e;
      }
      // Nobody asks for it any more.
      if (this.#freed) {
        block.out.fill(0);
        return;
      }
      for (const hashes of block.hashes) this.#leaf?.hashed(hashes);
      await this.#deliver(block.piece(), block.input);
    } finally {
      this.#leaving -= 1;
      this.#moved();
      this.#closeSoon();
    }
  }

  /** The last chunk, and all that is still under way. Gives what comes after the chunks. */
  async end(): Promise<Out> {
    // No more place than it takes.
    this.#together = Math.min(this.#together, Math.floor(this.#used / this.#input) + 1);
    this.#cut();
    const rest = this.#used - this.#trailer;
    const isThere = rest >= 0 && rest + this.#output - this.#input >= 0;
    if (isThere) this.#work(this.#buffer.subarray(0, rest), 1);
    this.#close();
    await this.#tail;
    if (!isThere && !this.#freed) throw new WardkeyError("truncated", "the end is missing");
    return this.#buffer.slice(rest, this.#used);
  }

  get freed(): boolean {
    return this.#freed;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#buffer.fill(0);
    // To be wiped when nothing is written there any more.
    this.#close();
    this.#chunks.free();
    this.#leaf?.free();
    this.#moved();
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
    const bytes = later(piece);
    await this.#begun;
    await this.take(part(bytes, 0, length, length, PIECE));
    if (bytes !== piece) bytes.fill(0);
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
    const rest = later(piece.subarray(some.length));
    const { length } = rest;
    const conveyor = await this.#open();
    await conveyor.take(part(rest, 0, length, length, PIECE));
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
