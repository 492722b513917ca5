// Data of any length in memory, some chunks at a time: constant WebAssembly memory, short tasks, progress, abort.
import { type Source, throwIfAborted } from "./arguments.js";
import {
  type Chunks,
  type Core,
  chunksOf,
  type Direction,
  placeForHashes,
  type Step,
  steps,
  WasmChunks,
} from "./chunks.js";
import type { CoreBody } from "./core/wardkey_core.js";
import { call } from "./core.js";
import { WardkeyError } from "./errors.js";
import { Leaf, layoutOf, type NewMessage, type Open, type OpenMessage } from "./message.js";
import { Pace } from "./pace.js";
import { checkPadding, lengthBytes } from "./padding.js";
import type { DataOptions, Out } from "./types.js";

/** Pieces that are read before they are needed: together 2 MiB. */
const AHEAD = 8;
/** What is copied in one go: a millisecond's work, or a few where the memory is new. */
const COPIED = 4 << 20;

/** Memory for a result. */
export function allocate(length: number): Out {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new WardkeyError("limit", "the result is too long for the memory", { cause });
  }
}

/** The plaintext of this data: itself, or with its padding. */
function plaintextOf(core: Core, data: Source, padded: boolean): Source {
  const size = call(() => core.plaintextLength(data.size, padded));
  if (!padded) return data;
  return {
    size,
    read: (start, end) => {
      if (end <= data.size) return data.read(start, end);
      const piece = new Uint8Array(end - start);
      const tail = lengthBytes(data.size);
      for (let at = Math.max(start, size - tail.length); at < end; at += 1) {
        piece[at - start] = tail[at - size + tail.length] ?? 0;
      }
      if (start >= data.size) return piece;
      const put = (bytes: Uint8Array) => {
        piece.set(bytes);
        return piece;
      };
      const read = data.read(start, data.size);
      return read instanceof Promise ? read.then(put) : put(read);
    },
  };
}

interface Job {
  direction: Direction;
  /** What the chunks are made of, and where it begins in the source. */
  source: Source;
  from: number;
  length: number;
  out: Out;
  options: DataOptions;
  /** What progress counts. */
  total: number;
  /** Takes the hashes of the chunks, where an author signs them. */
  leaf: Leaf | undefined;
  /** What comes after the last chunk. */
  end: (() => Promise<void>) | undefined;
}

/** Each step with its input; where reading takes time, some are read ahead. */
function* readAhead({ direction, source, from, length }: Job, run: number) {
  const ahead: { step: Step; read: Uint8Array | Promise<Uint8Array> }[] = [];
  for (const step of steps(direction, length, run)) {
    const read = source.read(from + step.input[0], from + step.input[1]);
    if (read instanceof Promise) read.catch(() => undefined);
    ahead.push({ step, read });
    if (ahead.length > AHEAD || !(read instanceof Promise)) yield* ahead.splice(0, 1);
  }
  yield* ahead;
}

/** Does all chunks, several calls at a time where the engine can. */
async function work(chunks: Chunks, job: Job): Promise<void> {
  const pace = new Pace();
  const running: { task: void | Promise<void>; hashes: Uint8Array | undefined; end: number }[] = [];
  let reported = 0;
  const report = (bytesProcessed: number) => {
    if (bytesProcessed > reported) job.options.onProgress?.({ bytesProcessed, totalBytes: job.total });
    reported = bytesProcessed;
  };
  const finishOne = async () => {
    const first = running.shift();
    // Nothing is awaited that needn't be: the bytes could be taken away meanwhile.
    if (first?.task) await first.task;
    if (first?.hashes) job.leaf?.hashed(first.hashes);
    report(Math.min(job.from + (first?.end ?? 0), job.total));
    await pace.breathe();
  };
  try {
    for (const { step, read } of readAhead(job, chunks.run)) {
      throwIfAborted(job.options.signal);
      const input = read instanceof Promise ? await read : read;
      const hashes = job.leaf && placeForHashes(step.chunks);
      const task = chunks.work(step.first, input, job.out.subarray(...step.output), hashes);
      task?.catch(() => undefined);
      running.push({ task, hashes, end: step.input[1] });
      if (running.length >= chunks.inFlight) await finishOne();
    }
    while (running.length > 0) {
      throwIfAborted(job.options.signal);
      await finishOne();
    }
    if (job.end) await job.end();
    report(job.total);
    throwIfAborted(job.options.signal);
  } catch (e) {
    // Nothing is written any more when the result is wiped.
    await Promise.allSettled(running.map(({ task }) => task));
    job.out.fill(0);
    throw e;
  } finally {
    chunks.free();
    job.leaf?.free();
  }
}

export async function encryptLong(core: Core, message: NewMessage, data: Source, options: DataOptions): Promise<Out> {
  const { body, sign } = message;
  const start = call(() => body.start());
  const { padded, trailer } = layoutOf(core, start);
  const source = plaintextOf(core, data, padded);
  const length = call(() => core.chunksLength(source.size));
  const chunks = await chunksOf(body, "encrypt", source.size);
  const sealed = allocate(start.length + length + trailer);
  sealed.set(start);
  const leaf = sign && new Leaf(core, start, message);
  const end =
    leaf &&
    (async () => {
      const last = await sign(leaf.finish());
      sealed.set(last, sealed.length - last.length);
    });
  const out = sealed.subarray(start.length, start.length + length);
  const job = { source, from: 0, length: source.size, out, options, total: data.size, leaf, end };
  await work(chunks, { direction: "encrypt", ...job });
  return sealed;
}

/** Where the chunks of a message stand, and what they hold. */
export interface Shape {
  /** Bytes before the first chunk. */
  start: number;
  /** Bytes of all chunks. */
  chunks: number;
  /** Bytes of plaintext, with its padding. */
  plaintext: number;
  padded: boolean;
}

/** The shape of a message of this size that begins so. */
export function shapeOf(core: Core, beginning: Uint8Array, size: number): Shape {
  const { start, trailer, padded } = layoutOf(core, beginning);
  const chunks = size - start - trailer;
  return { start, chunks, plaintext: call(() => core.plaintextIn(chunks)), padded };
}

export async function decryptLong(core: Core, open: Open, source: Source, options: DataOptions): Promise<Out> {
  const read = source.read(0, Math.min(core.messageStart(), source.size));
  const beginning = (read instanceof Promise ? await read : read).slice();
  const shape = shapeOf(core, beginning, source.size);
  const opening = open(beginning);
  const message = opening instanceof Promise ? await opening : opening;
  const { body, verify } = message;
  const chunks = await chunksOf(body, "decrypt", shape.plaintext);
  const out = allocate(shape.plaintext);
  const { start: from, chunks: length } = shape;
  const leaf = verify && new Leaf(core, beginning.subarray(0, from), message);
  // Nothing is given out before its author is verified.
  const end = leaf && (async () => verify(leaf.finish(), await source.read(from + length, source.size)));
  await work(chunks, { direction: "decrypt", source, from, length, out, options, total: source.size, leaf, end });
  return shape.padded ? withoutPadding(core, out, new Pace()) : out;
}

/** The data of a padded plaintext, which is wiped: in short tasks, for the copy of 256 MiB takes half a second. */
async function withoutPadding(core: Core, plaintext: Out, pace: Pace): Promise<Out> {
  try {
    const data = allocate(checkPadding(core, plaintext));
    for (let at = 0; at < data.length; at += COPIED) {
      data.set(plaintext.subarray(at, Math.min(at + COPIED, data.length)), at);
      plaintext.fill(0, at, at + COPIED);
      await pace.breathe();
    }
    return data;
  } finally {
    plaintext.fill(0);
  }
}

function withoutPaddingSync(core: Core, plaintext: Out): Out {
  try {
    return plaintext.slice(0, checkPadding(core, plaintext));
  } finally {
    plaintext.fill(0);
  }
}

/** As encryptLong() in the WebAssembly module, at once. */
export function encryptLongSync(core: Core, { body }: NewMessage, bytes: Uint8Array): Out {
  const data: Source = { size: bytes.length, read: (start, end) => bytes.subarray(start, end) };
  const start = call(() => body.start());
  const source = plaintextOf(core, data, layoutOf(core, start).padded);
  const length = call(() => core.chunksLength(source.size));
  const sealed = allocate(start.length + length);
  sealed.set(start);
  workSync(body, "encrypt", (from, to) => source.read(from, to), source.size, sealed.subarray(start.length));
  return sealed;
}

/** As decryptLong() in the WebAssembly module, at once. */
export function decryptLongSync(core: Core, open: (beginning: Uint8Array) => OpenMessage, sealed: Uint8Array): Out {
  const beginning = sealed.subarray(0, core.messageStart());
  const shape = shapeOf(core, beginning, sealed.length);
  const { body } = open(beginning);
  const out = allocate(shape.plaintext);
  const read = (from: number, to: number) => sealed.subarray(shape.start + from, shape.start + to);
  workSync(body, "decrypt", read, shape.chunks, out);
  return shape.padded ? withoutPaddingSync(core, out) : out;
}

function workSync(
  body: CoreBody,
  direction: Direction,
  read: (from: number, to: number) => Uint8Array | Promise<Uint8Array>,
  length: number,
  out: Out,
): void {
  const chunks = new WasmChunks(body, direction);
  try {
    for (const step of steps(direction, length, chunks.run)) {
      chunks.work(step.first, read(...step.input) as Uint8Array, out.subarray(...step.output));
    }
  } catch (e) {
    out.fill(0);
    throw e;
  } finally {
    chunks.free();
  }
}
