// A part of a message, and the length of its data, from a source that is read only where it must be.
import { isBlob, part, throwIfAborted, toBytes, toSource } from "./arguments.js";
import { type Chunks, type Core, chunksOf, SIZES } from "./chunks.js";
import { invalid, isWardkeyError, WardkeyError } from "./errors.js";
import { allocate, type Shape, shapeOf } from "./long.js";
import type { Open } from "./message.js";
import { Pace } from "./pace.js";
import { dataLength } from "./padding.js";
import type { DataOptions, Out, RangeSource } from "./types.js";

const { input: SEALED, output: PLAIN } = SIZES.decrypt;
/** Chunks that are read at a time: 4 MiB. */
const READ = 256;
const WHAT = "what the source read";

/** Reads exactly these bytes, or throws. They are still the source's. */
interface Reader {
  readonly size: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

export function toReader(source: Blob | RangeSource, signal: AbortSignal | undefined): Reader {
  if (isBlob(source)) {
    const blob = toSource(source, "sealed", 0);
    return { size: blob.size, read: async (start, end) => await blob.read(start, end) };
  }
  if (typeof source !== "object" || source === null || typeof source.read !== "function") {
    throw invalid("the source is a Blob, or an object with size and read()");
  }
  const { size } = source;
  if (!Number.isSafeInteger(size) || size < 0) throw invalid("the source's size is not a number of bytes");
  return {
    size,
    read: async (start, end) => {
      throwIfAborted(signal);
      let bytes: Uint8Array;
      try {
        bytes = toBytes(await orAborted(source.read(start, end, signal), signal), WHAT);
      } catch (cause) {
        throwIfAborted(signal);
        if (isWardkeyError(cause)) throw cause;
        throw new WardkeyError("network", "the source can't be read", { cause });
      }
      if (bytes.length > end - start) throw invalid("the source read more than it was asked for");
      if (bytes.length < end - start) throw new WardkeyError("truncated", "the source ended before its size");
      return bytes;
    },
  };
}

/** A source that doesn't hear the signal is not waited for. */
async function orAborted<T>(reading: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return reading;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([reading, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

export function checkRange(start: number, end: number): void {
  for (const position of [start, end]) {
    if (!Number.isSafeInteger(position) || position < 0) throw invalid("a range is two numbers of bytes");
  }
  if (end < start) throw invalid("the range ends before it starts");
}

/** A message that is read here and there. */
class Opened {
  readonly shape: Shape;
  readonly #core: Core;
  readonly #reader: Reader;
  readonly #chunks: Chunks;
  readonly #pace = new Pace();
  /** The end of the plaintext, once it is authenticated: it is read once. */
  #end: { first: number; bytes: Out } | undefined;

  private constructor(core: Core, reader: Reader, shape: Shape, chunks: Chunks) {
    this.#core = core;
    this.#reader = reader;
    this.shape = shape;
    this.#chunks = chunks;
  }

  /** Its author, if it has one, is nobody's concern here. */
  static async open(core: Core, open: Open, reader: Reader, wanted: number): Promise<Opened> {
    const beginning = await readBeginning(core, reader);
    const shape = shapeOf(core, beginning, reader.size);
    const { body } = await open(beginning);
    return new Opened(core, reader, shape, await chunksOf(body, "decrypt", Math.min(wanted, shape.plaintext)));
  }

  /** Plaintext of the chunks from `first` to before `last`, or to where the end begins that is there already. */
  async chunks(first: number, last: number): Promise<Out> {
    const end = this.#end;
    if (!end || last <= end.first) return this.#read(first, last);
    if (first >= end.first) return end.bytes.slice((first - end.first) * PLAIN, (last - end.first) * PLAIN);
    return this.#read(first, end.first);
  }

  async #read(first: number, last: number): Promise<Out> {
    const from = first * SEALED;
    const to = Math.min(last * SEALED, this.shape.chunks);
    const sealed = await this.#reader.read(this.shape.start + from, this.shape.start + to);
    const length = to - from;
    const out = new Uint8Array(Math.min(last * PLAIN, this.shape.plaintext) - first * PLAIN);
    const running: (void | Promise<void>)[] = [];
    const { run, inFlight } = this.#chunks;
    try {
      for (let done = 0; done * SEALED < length; done += run) {
        if (running.length >= inFlight) await running.shift();
        const input = part(sealed, done * SEALED, (done + run) * SEALED, length, WHAT);
        const task = this.#chunks.work(first + done, input, out.subarray(done * PLAIN, (done + run) * PLAIN));
        task?.catch(() => undefined);
        running.push(task);
        await this.#pace.breathe();
      }
      while (running.length > 0) await running.shift();
    } catch (e) {
      // Nothing is written any more when it is wiped.
      await Promise.allSettled(running);
      out.fill(0);
      throw e;
    }
    return out;
  }

  /** Authenticates the last chunk: only then is the length for sure. Gives the length of the data. */
  async dataLength(): Promise<number> {
    const { plaintext, padded } = this.shape;
    const last = Math.floor(plaintext / PLAIN);
    // Where less than the eight bytes of the length stand in the last chunk, the one before has the rest.
    const first = padded && last > 0 && plaintext % PLAIN < 8 ? last - 1 : last;
    const bytes = await this.#read(first, last + 1);
    this.#end = { first, bytes };
    return padded ? dataLength(this.#core, bytes, plaintext) : plaintext;
  }

  free(): void {
    this.#end?.bytes.fill(0);
    this.#chunks.free();
  }
}

async function readBeginning(core: Core, reader: Reader): Promise<Uint8Array> {
  const length = Math.min(core.messageStart(), reader.size);
  const bytes = await reader.read(0, length);
  return part(bytes, 0, length, length, WHAT).slice();
}

export async function rangeOf(
  core: Core,
  open: Open,
  reader: Reader,
  [start, end]: [number, number],
  options: DataOptions,
): Promise<Out> {
  const opened = await Opened.open(core, open, reader, end - start);
  let out: Out | undefined;
  try {
    const { padded, plaintext } = opened.shape;
    const length = padded || end >= plaintext ? await opened.dataLength() : plaintext;
    const to = Math.min(end, length);
    out = allocate(Math.max(0, to - start));
    const last = Math.ceil(to / PLAIN);
    let first = Math.floor(start / PLAIN);
    while (first < last && out.length > 0) {
      throwIfAborted(options.signal);
      const piece = await opened.chunks(first, Math.min(first + READ, last));
      const skip = Math.max(0, start - first * PLAIN);
      const at = first * PLAIN + skip - start;
      out.set(piece.subarray(skip, skip + out.length - at), at);
      first += Math.ceil(piece.length / PLAIN);
      piece.fill(0);
      const bytesProcessed = Math.min(at + piece.length - skip, out.length);
      options.onProgress?.({ bytesProcessed, totalBytes: out.length });
    }
    throwIfAborted(options.signal);
    return out;
  } catch (e) {
    out?.fill(0);
    throw e;
  } finally {
    opened.free();
  }
}

export async function sizeOf(core: Core, open: Open | undefined, reader: Reader): Promise<number> {
  if (open === undefined) {
    const { padded, plaintext } = shapeOf(core, await readBeginning(core, reader), reader.size);
    if (padded) throw invalid("the length of a padded message shows only to who has the key");
    return plaintext;
  }
  const opened = await Opened.open(core, open, reader, 0);
  try {
    return await opened.dataLength();
  } finally {
    opened.free();
  }
}
