// Data of any length, piece by piece: constant WebAssembly memory, short tasks, progress, abort.
import { type Source, throwIfAborted } from "./arguments.js";
import type { CoreDataKey } from "./core/wardkey_core.js";
import { call, type core } from "./core.js";
import { WardkeyError } from "./errors.js";
import { Pace } from "./pace.js";
import type { DataOptions, Out } from "./types.js";

type Core = Awaited<ReturnType<typeof core>>;
/** 16 chunks: about 3 ms of work. */
const PIECE = 16 * 16_384;
/** Up to here one call does it all. */
export const SHORT = 2 * PIECE;

function allocate(length: number): Out {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new WardkeyError("limit", "the result is too long for the memory", { cause });
  }
}

/** Nothing is awaited before the piece is used that needn't be: the bytes could be taken away meanwhile. */
function usePiece<T>(source: Source, start: number, end: number, use: (piece: Uint8Array) => T): T | Promise<T> {
  const read = source.read(start, end);
  return read instanceof Promise ? read.then(use) : use(read);
}

/** Passes the source through `step`, from `position` on, and joins what comes out. */
async function pass(
  source: Source,
  position: number,
  out: Out,
  options: DataOptions,
  machine: { update(piece: Uint8Array, out: Uint8Array): number; finish(): Uint8Array },
): Promise<number> {
  const pace = new Pace();
  let written = 0;
  const total = { totalBytes: source.size };
  for (let at = position; at < source.size; at += PIECE) {
    throwIfAborted(options.signal);
    const end = Math.min(at + PIECE, source.size);
    written = await usePiece(source, at, end, (piece) => {
      return written + call(() => machine.update(piece, out.subarray(written)));
    });
    options.onProgress?.({ bytesProcessed: end, ...total });
    await pace.breathe();
  }
  throwIfAborted(options.signal);
  const rest = call(() => machine.finish());
  out.set(rest, written);
  if (position >= source.size) options.onProgress?.({ bytesProcessed: source.size, ...total });
  return written + rest.length;
}

export async function encryptLong(
  core: Core,
  key: CoreDataKey,
  source: Source,
  entries: string[] | undefined,
  padded: boolean,
  options: DataOptions,
): Promise<Out> {
  const length = call(() => core.sealedLength(key, source.size, padded));
  const sealer = call(() => new core.CoreSealer(key, entries, padded));
  try {
    const out = allocate(length);
    await pass(source, 0, out, options, sealer);
    return out;
  } finally {
    sealer.free();
  }
}

export async function decryptLong(
  core: Core,
  key: CoreDataKey,
  source: Source,
  entries: string[] | undefined,
  options: DataOptions,
  isAlive: () => void,
): Promise<Out> {
  const [length, opener] = await usePiece(source, 0, Math.min(core.messageStart(), source.size), (start) => {
    isAlive();
    return call(() => [core.openedLength(start, source.size), new core.CoreOpener(key, start, entries)] as const);
  });
  let out: Out | undefined;
  try {
    out = allocate(length);
    const written = await pass(source, opener.taken(), out, options, opener);
    if (written === out.length) return out;
    // The padding's bytes don't belong to the result.
    const data = out.slice(0, written);
    out.fill(0);
    return data;
  } catch (e) {
    out?.fill(0);
    throw e;
  } finally {
    opener.free();
  }
}
