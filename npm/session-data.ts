// What a session encrypts and decrypts: in the ways of a DataKey, with an author.
import {
  DATA_OPTIONS,
  isPadded,
  MANY_OPTIONS,
  type Source,
  throwIfAborted,
  toEntries,
  toOptions,
  toSource,
} from "./arguments.js";
import { Batch } from "./batch.js";
import { LONG } from "./chunks.js";
import type { CoreMessage, CoreReading, CoreSession, CoreTask, CoreWriting } from "./core/wardkey_core.js";
import { call, core, coreNow, release } from "./core.js";
import { fromCore, invalid, isWardkeyError, lockedMeanwhile, WardkeyError } from "./errors.js";
import { forOne, plainItems, type SealedItems, type Settled, sealedItems, settled, whyNot } from "./items.js";
import { decryptLong, encryptLong } from "./long.js";
import { isLongText, longText } from "./long-text.js";
import { many } from "./many.js";
import type { NewMessage, Open } from "./message.js";
import { Pace } from "./pace.js";
import { checkRange, rangeOf, sizeOf, toReader } from "./range.js";
import { decryptionStream, encryptionStream, type Pipe } from "./streams.js";
import { deferred } from "./task.js";
import type {
  Bytes,
  Data,
  DataOptions,
  EncryptOptions,
  ManyOptions,
  Out,
  Plain,
  RangeSource,
  Sealed,
} from "./types.js";

/** Who wrote a message, verified. */
export interface Author {
  userId: string;
  fingerprint: string;
}

/** Data of a session, opened. */
export interface Decrypted {
  data: Out;
  /** The data as UTF-8.
   *  @throws `invalid-format` if it isn't */
  text(): string;
  sessionId: string;
  /** Verified; absent only where the message was made with sign: false. */
  author?: Author;
}

/** Runs calls of the core to their ends. */
interface Runs {
  /** Aborted when the identity that is open now is locked: nothing that it opens comes out after that. */
  readonly locked: AbortSignal;
  run<T>(task: () => CoreTask): Promise<T>;
}

/** An open session, as it is needed here. */
export interface OpenSession extends Runs {
  readonly id: string;
  /** Throws after free(). */
  readonly core: CoreSession;
}

/** One that is written in. */
export interface WritableSession extends OpenSession {
  /** Runs what may have to make a new generation first. */
  write<T>(task: () => CoreTask): Promise<T>;
}

/** All sessions of a user. */
export interface Sessions extends Runs {
  /** Those of the messages that begin so, in one request; or why not. */
  find(beginnings: Uint8Array[]): CoreTask;
}

interface Signed {
  sign?: boolean;
}

/** Of what writes. Who reads a message can't ask for its author by an option that says nothing: the result tells. */
const SIGNED_DATA = [...DATA_OPTIONS, "sign"];
const SIGNED_MANY = [...MANY_OPTIONS, "sign"];
/** No less than messageStart(), which isn't known before the module is there; by test.
 *  @internal */
export const BEGINNING = 256;
/** Bytes of what an author signs of a message. */
const LEAF = 64;
/** Messages whose leaves, and whose trailers, cross in one call. */
const LEAVES = 1024;
const TRAILERS = 128;
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decrypted(data: Out, sessionId: string, author: Author | undefined): Decrypted {
  const text = () => {
    try {
      return decoder.decode(data);
    } catch (cause) {
      throw new WardkeyError("invalid-format", "the data is no text in UTF-8", { cause });
    }
  };
  return { data, text, sessionId, ...(author && { author }) };
}

function isSigned(sign: unknown, otherwise: boolean): boolean {
  if (sign === undefined) return otherwise;
  if (typeof sign !== "boolean") throw invalid("sign is not a boolean");
  return sign;
}

/** What was opened or sealed, unless the identity was locked meanwhile. */
function notLocked(locked: AbortSignal, data: Out): Out {
  if (!locked.aborted) return data;
  data.fill(0);
  throw lockedMeanwhile();
}

const toAuthor = ([userId, fingerprint]: [string, string]): Author => ({ userId, fingerprint });

/** One message, which is signed by itself. */
async function newMessage(
  session: WritableSession,
  entries: string[] | undefined,
  padded: boolean,
  sign: boolean,
): Promise<NewMessage> {
  const writing = await session.write<CoreWriting>(() => session.core.write(1, sign, padded));
  const free = () => release(writing);
  const signed = (leaf: Uint8Array): Uint8Array => {
    call(() => writing.add(leaf));
    call(() => writing.sign());
    return call(() => writing.trailers(0, 1))[0];
  };
  try {
    const body = call(() => writing.begin(0, entries));
    if (sign) return { body, sign: signed, free };
    free();
    return { body };
  } catch (e) {
    free();
    throw e;
  }
}

/** Begins to open messages, and tells who wrote each. */
function opener(
  session: OpenSession,
  own: () => CoreSession,
  entries: string[] | undefined,
  tell?: (author: Author) => void,
): Open {
  return async (beginning) => {
    const message = await session.run<CoreMessage>(() => own().beginOpening(beginning, entries, tell !== undefined));
    const body = call(() => message.body());
    const free = () => release(message);
    if (!tell || !call(() => message.isSigned())) {
      free();
      return { body };
    }
    const verify = async (leaf: Uint8Array, trailer: Uint8Array) => {
      tell(toAuthor(await session.run(() => message.author(leaf, trailer))));
    };
    return { body, verify, free };
  };
}

export async function encrypt(session: WritableSession, data: Data, options?: EncryptOptions & Signed): Promise<Out> {
  session.core;
  const given = toOptions(options, SIGNED_DATA);
  const entries = toEntries(given.context);
  const padded = isPadded(given.padding);
  const sign = isSigned(given.sign, true);
  const { locked } = session;
  const source = toSource(isLongText(data) ? await longText(data, given.signal) : data, "data", LONG);
  throwIfAborted(given.signal);
  const wasm = await core();
  return notLocked(locked, await encryptLong(wasm, await newMessage(session, entries, padded, sign), source, given));
}

export async function decrypt(session: OpenSession, sealed: Bytes | Blob, options?: DataOptions): Promise<Decrypted> {
  session.core;
  const given = toOptions(options, DATA_OPTIONS);
  const source = toSource(sealed, "sealed", LONG);
  const entries = toEntries(given.context);
  throwIfAborted(given.signal);
  await core();
  return decryptOne(session, source, entries, given);
}

/** Finds the session by the header. */
export async function decryptFound(
  sessions: Sessions,
  sealed: Bytes | Blob,
  options?: DataOptions,
): Promise<Decrypted> {
  const given = toOptions(options, DATA_OPTIONS);
  const source = toSource(sealed, "sealed", LONG);
  const entries = toEntries(given.context);
  throwIfAborted(given.signal);
  const { messageStart } = await core();
  const beginning = await source.read(0, Math.min(messageStart(), source.size));
  const [found] = await sessions.run<(CoreSession | Error)[]>(() => sessions.find([beginning.slice()]));
  if (!found || found instanceof Error) throw fromCore(found);
  try {
    return await decryptOne({ ...sessions, id: found.id(), core: found }, source, entries, given);
  } finally {
    release(found);
  }
}

async function decryptOne(
  session: OpenSession,
  source: Source,
  entries: string[] | undefined,
  options: DataOptions,
): Promise<Decrypted> {
  let author: Author | undefined;
  const tell = (found: Author) => {
    author = found;
  };
  const { locked } = session;
  const open = opener(session, () => session.core, entries, tell);
  const data = notLocked(locked, await decryptLong(coreNow(), open, source, options));
  return decrypted(data, session.id, author);
}

export async function encryptMany(
  session: WritableSession,
  items: readonly Plain[],
  options?: ManyOptions & Signed,
): Promise<Out[]> {
  session.core;
  const given = toOptions(options, SIGNED_MANY);
  const padded = isPadded(given.padding);
  const sign = isSigned(given.sign, true);
  throwIfAborted(given.signal);
  const batches = await plainItems(items);
  const { total } = batches;
  if (total === 0) return [];
  const { locked } = session;
  const wasm = await core();
  const writing = await session.write<CoreWriting>(() => session.core.write(total, sign, padded));
  const leaves = new Uint8Array(sign ? LEAF * total : 0);
  // Until its trailer is there, the leaf stands at the end of a message.
  const keep = (leaf: Uint8Array, place: number) => {
    leaves.set(leaf, LEAF * place);
    return leaf;
  };
  try {
    const messages = await many<Out>(batches, given, {
      begin: ({ first, packed, texts, layout }) => call(() => writing.beginMany(first, packed, texts, layout)),
      result: (bytes, _, place) => {
        const message = bytes as Out;
        if (sign) keep(message.subarray(-LEAF), place);
        return message;
      },
      long: (item) => {
        const body = call(() => writing.begin(item.first, item.entries));
        const message = sign ? { body, sign: (leaf: Uint8Array) => keep(leaf, item.first) } : { body };
        return encryptLong(wasm, message, toSource(item.bytes, "data", 0), forOne(given));
      },
    });
    if (sign) await signAll(writing, leaves, messages, given.signal);
    if (locked.aborted) throw lockedMeanwhile();
    return messages;
  } finally {
    release(writing);
  }
}

/** One signature for all of them: each gets its trailer. */
async function signAll(writing: CoreWriting, leaves: Out, messages: Out[], signal?: AbortSignal): Promise<void> {
  const pace = new Pace();
  for (let at = 0; at < leaves.length; at += LEAVES * LEAF) {
    throwIfAborted(signal);
    call(() => writing.add(leaves.subarray(at, at + LEAVES * LEAF)));
    await pace.breathe();
  }
  call(() => writing.sign());
  for (let first = 0; first < messages.length; first += TRAILERS) {
    throwIfAborted(signal);
    const trailers: Uint8Array[] = call(() => writing.trailers(first, first + TRAILERS));
    for (const [index, trailer] of trailers.entries()) {
      const message = messages[first + index] as Out;
      message.set(trailer, message.length - trailer.length);
    }
    await pace.breathe();
  }
}

export async function decryptMany(
  session: OpenSession,
  items: readonly Sealed[],
  options?: ManyOptions,
): Promise<Settled<Decrypted>[]> {
  session.core;
  const given = toOptions(options, MANY_OPTIONS);
  throwIfAborted(given.signal);
  const read = await sealedItems(items);
  await core();
  return decryptAll([session], () => session, read, given);
}

/** Finds the sessions by the headers. */
export async function decryptManyFound(
  sessions: Sessions,
  items: readonly Sealed[],
  options?: ManyOptions,
): Promise<Settled<Decrypted>[]> {
  const given = toOptions(options, MANY_OPTIONS);
  throwIfAborted(given.signal);
  const beginnings: Uint8Array[] = [];
  const read = await sealedItems(items, (bytes, place) => {
    beginnings[place] = bytes.slice(0, BEGINNING);
  });
  if (read.total === 0) return [];
  await core();
  const wanted = Array.from({ length: read.total }, (_, place) => beginnings[place] ?? new Uint8Array());
  const found = await sessions.run<(CoreSession | Error)[]>(() => sessions.find(wanted));
  const open = new Map<string, OpenSession>();
  const places = found.map((one, place) => {
    if (one instanceof Error) {
      if (!read.refused.has(place)) read.refused.set(place, fromCore(one));
      return undefined;
    }
    const id = one.id();
    const known = open.get(id);
    if (known) release(one);
    const session = known ?? { ...sessions, id, core: one };
    open.set(id, session);
    return session;
  });
  try {
    return await decryptAll([...open.values()], (place) => places[place], read, given);
  } finally {
    for (const { core } of open.values()) release(core);
  }
}

/** @param sessionOf that of the message in this place; nothing where it was refused */
async function decryptAll(
  sessions: OpenSession[],
  sessionOf: (place: number) => OpenSession | undefined,
  items: SealedItems,
  given: ManyOptions,
): Promise<Settled<Decrypted>[]> {
  const { units, total, refused } = items;
  const [first, ...others] = sessions;
  if (!first) return Array.from({ length: total }, (_, place) => whyNot(refused.get(place), undefined));
  const reading = call(() => first.core.read());
  const pace = new Pace();
  const { locked } = first;
  try {
    for (const { core } of others) call(() => reading.join(core));
    for (const batch of units) {
      if (!(batch instanceof Batch)) continue;
      call(() => reading.note(batch.packed, batch.texts, batch.layout));
      await pace.breathe();
    }
    // One request for all of them.
    await first.run(() => reading.prepare());
    const opened = await many<Settled<Decrypted>>(items, given, {
      begin: ({ first, packed, texts, layout }) => call(() => reading.begin(first, packed, texts, layout)),
      result: (bytes, error, place) => {
        const session = sessionOf(place);
        if (!bytes || !session) return whyNot(refused.get(place), error);
        if (!call(() => reading.isSigned(place))) return { ok: true, value: decrypted(bytes, session.id, undefined) };
        return verified(reading, place, bytes, session.id, pace);
      },
      long: async (item) => {
        const session = sessionOf(item.first);
        if (!session) return whyNot(refused.get(item.first), undefined);
        return settled(given, () =>
          decryptOne(session, toSource(item.bytes, "sealed", 0), item.entries, forOne(given)),
        );
      },
    });
    if (!locked.aborted) return opened;
    return opened.map((result) => {
      if (!result.ok) return result;
      result.value.data.fill(0);
      return whyNot(undefined, lockedMeanwhile());
    });
  } finally {
    release(reading);
  }
}

/** What was opened, if its author has written it: its leaf stands after the data. */
async function verified(
  reading: CoreReading,
  place: number,
  bytes: Out,
  sessionId: string,
  pace: Pace,
): Promise<Settled<Decrypted>> {
  try {
    const author = toAuthor(call(() => reading.author(place, bytes.subarray(-LEAF))));
    return { ok: true, value: decrypted(bytes.slice(0, -LEAF), sessionId, author) };
  } catch (e) {
    return whyNot(undefined, e);
  } finally {
    bytes.fill(0);
    await pace.breathe();
  }
}

export function encryptStream(session: WritableSession, options?: EncryptOptions & Signed): Pipe {
  const wasm = coreNow();
  session.core;
  const { locked } = session;
  const given = toOptions(options, SIGNED_DATA);
  const entries = toEntries(given.context);
  const message = newMessage(session, entries, isPadded(given.padding), isSigned(given.sign, false));
  return encryptionStream(wasm, message, given, locked);
}

/** Whoever reads or writes has cancelled it, for a reason of his own. */
function givenUp(cause: unknown): WardkeyError {
  return new WardkeyError("aborted", "the stream was given up before its end", { cause });
}

export function decryptStream(
  session: OpenSession,
  options?: DataOptions,
): Pipe & { readonly author: Promise<Author | undefined> } {
  const wasm = coreNow();
  const { core: inner, locked } = session;
  const given = toOptions(options, DATA_OPTIONS);
  const entries = toEntries(given.context);
  const own = call(() => inner.share());
  let found: Author | undefined;
  const end = deferred<Author | undefined>();
  // The stream says it, too.
  end.promise.catch(() => undefined);
  const open = opener(
    session,
    () => own,
    entries,
    (one) => {
      found = one;
    },
  );
  const free = (failure?: { e: unknown }) => {
    release(own);
    if (failure) end.reject(isWardkeyError(failure.e) ? failure.e : givenUp(failure.e));
    else end.resolve(found);
  };
  const pipe = decryptionStream(wasm, { open, free }, given, locked);
  return Object.assign(pipe, { author: end.promise });
}

export async function decryptRange(
  session: OpenSession,
  source: Blob | RangeSource,
  start: number,
  end: number,
  options?: DataOptions,
): Promise<Out> {
  session.core;
  const given = toOptions(options, DATA_OPTIONS);
  checkRange(start, end);
  const entries = toEntries(given.context);
  throwIfAborted(given.signal);
  const reader = toReader(source, given.signal);
  const { locked } = session;
  const data = await rangeOf(
    await core(),
    opener(session, () => session.core, entries),
    reader,
    [start, end],
    given,
  );
  return notLocked(locked, data);
}

export async function plaintextSize(
  session: OpenSession,
  source: Blob | RangeSource,
  options?: DataOptions,
): Promise<number> {
  session.core;
  const given = toOptions(options, DATA_OPTIONS);
  const entries = toEntries(given.context);
  throwIfAborted(given.signal);
  const reader = toReader(source, given.signal);
  const { locked } = session;
  const size = await sizeOf(
    await core(),
    opener(session, () => session.core, entries),
    reader,
  );
  if (locked.aborted) throw lockedMeanwhile();
  return size;
}
