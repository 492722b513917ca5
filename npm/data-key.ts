/// <reference lib="esnext.disposable" preserve="true" />
import {
  copyBytes,
  DATA_OPTIONS,
  isPadded,
  MANY_OPTIONS,
  throwIfAborted,
  toBytes,
  toData,
  toEntries,
  toOptions,
  toSource,
} from "./arguments.js";
import { type Core, isLong, LONG } from "./chunks.js";
import type { CoreDataKey } from "./core/wardkey_core.js";
import { call, core, coreNow, Handle } from "./core.js";
import { invalid } from "./errors.js";
import { forOne, plainItems, type Settled, sealedItems, settled, whyNot } from "./items.js";
import { decryptLong, decryptLongSync, encryptLong, encryptLongSync } from "./long.js";
import { isLongText, longText } from "./long-text.js";
import { many } from "./many.js";
import type { NewMessage, OpenMessage } from "./message.js";
import { checkRange, rangeOf, sizeOf, toReader } from "./range.js";
import { decryptionStream, encryptionStream, type Pipe } from "./streams.js";
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

const SECRET: unique symbol = Symbol("construct");

/** A 256-bit symmetric key. Its bytes stay inside the WebAssembly memory and are wiped by free(), which may be called twice.
 *  Use after free() is `invalid-argument`. Data is encrypted by C2SP chunked-encryption with AES-256-GCM: docs/SPEC.md, sections 3 and 4. */
export class DataKey {
  readonly #key: Handle<CoreDataKey>;
  /** 16 bytes derived from the key, base64url. Stands in the header of all that the key encrypts. */
  readonly id: string;

  private constructor(secret: typeof SECRET, key: CoreDataKey) {
    if (secret !== SECRET) throw invalid("a DataKey comes from generate(), importRaw() or unwrapKey()");
    this.#key = new Handle(key);
    this.id = key.id();
  }

  /** A new random key.
   *  @throws `rng` */
  static async generate(): Promise<DataKey> {
    const { CoreDataKey } = await core();
    return DataKey.fromCore(call(() => CoreDataKey.generate()));
  }

  /** Exactly 32 bytes, else `invalid-argument`. For migration only; new keys come from generate(). */
  static async importRaw(raw: Bytes): Promise<DataKey> {
    if (toBytes(raw, "the raw key").length !== 32) throw invalid("a data key has exactly 32 bytes");
    const bytes = copyBytes(raw, "the raw key");
    try {
      const { CoreDataKey } = await core();
      return DataKey.fromCore(call(() => CoreDataKey.importRaw(bytes)));
    } finally {
      bytes.fill(0);
    }
  }

  /** @internal */
  static fromCore(key: CoreDataKey): DataKey {
    return new DataKey(SECRET, key);
  }

  /** @internal */
  static toCore(key: DataKey): CoreDataKey {
    if (!(typeof key === "object" && key !== null && #key in key)) throw invalid("not a DataKey");
    return key.#key.inner;
  }

  /** The 32 bytes themselves, outside of Wardkey's care from here on. */
  dangerouslyExportRaw(): Out {
    const key = this.#key.inner;
    return own(call(() => key.exportRaw()));
  }

  /** Encrypts. Long data is worked on in short tasks: don't change it before the promise settles.
   *  @throws `invalid-argument`, `limit`, `aborted`, `rng` */
  async encrypt(data: Data, options?: EncryptOptions): Promise<Out> {
    this.#key.inner;
    const given = toOptions(options, DATA_OPTIONS);
    const entries = toEntries(given.context);
    const padded = isPadded(given.padding);
    const source = toSource(isLongText(data) ? await longText(data, given.signal) : data, "data", LONG);
    throwIfAborted(given.signal);
    const wasm = await core();
    if (isLong(source.size)) return encryptLong(wasm, seal(wasm, this.#key.inner, entries, padded), source, given);
    const bytes = await source.read(0, source.size);
    throwIfAborted(given.signal);
    const key = this.#key.inner;
    const sealed = own(call(() => key.encrypt(bytes, entries, padded)));
    given.onProgress?.({ bytesProcessed: source.size, totalBytes: source.size });
    return sealed;
  }

  /** Decrypts. Nothing comes out that was not authenticated. A signature that stands in the message is not looked at here.
   *  @throws `invalid-format`, `unsupported-version`, `truncated`, `decryption-failed`, `invalid-argument`, `limit`, `aborted` */
  async decrypt(sealed: Bytes | Blob, options?: DataOptions): Promise<Out> {
    this.#key.inner;
    const given = toOptions(options, DATA_OPTIONS);
    const source = toSource(sealed, "sealed", LONG);
    const entries = toEntries(given.context);
    throwIfAborted(given.signal);
    const wasm = await core();
    const key = this.#key;
    if (isLong(source.size))
      return decryptLong(
        wasm,
        open(wasm, () => key.inner, entries),
        source,
        given,
      );
    const bytes = await source.read(0, source.size);
    throwIfAborted(given.signal);
    const inner = key.inner;
    const data = own(call(() => inner.decrypt(bytes, entries)));
    given.onProgress?.({ bytesProcessed: source.size, totalBytes: source.size });
    return data;
  }

  /** As encrypt(), at once: for small records. Needs init() done. */
  encryptSync(data: Bytes | string, options?: EncryptOptions): Out {
    const wasm = coreNow();
    const key = this.#key.inner;
    const given = toOptions(options, DATA_OPTIONS);
    throwIfAborted(given.signal);
    const entries = toEntries(given.context);
    const padded = isPadded(given.padding);
    // Last: what stands in the options may take it away.
    const bytes = toData(data);
    const sealed =
      bytes.length > LONG
        ? encryptLongSync(wasm, seal(wasm, key, entries, padded), bytes)
        : own(call(() => key.encrypt(bytes, entries, padded)));
    given.onProgress?.({ bytesProcessed: bytes.length, totalBytes: bytes.length });
    return sealed;
  }

  /** As decrypt(), at once: for small records. Needs init() done. */
  decryptSync(sealed: Bytes, options?: DataOptions): Out {
    const wasm = coreNow();
    const key = this.#key.inner;
    const given = toOptions(options, DATA_OPTIONS);
    throwIfAborted(given.signal);
    const entries = toEntries(given.context);
    const bytes = toBytes(sealed, "the sealed data");
    const data =
      bytes.length > LONG
        ? decryptLongSync(
            wasm,
            open(wasm, () => key, entries),
            bytes,
          )
        : own(call(() => key.decrypt(bytes, entries)));
    given.onProgress?.({ bytesProcessed: bytes.length, totalBytes: bytes.length });
    return data;
  }

  /** Many small records in one call. They are read in short tasks: don't change them before the promise settles. An item of a wrong type, or with
   *  other members than `data` and `context`, fails the whole call, with nothing encrypted. */
  async encryptMany(items: readonly Plain[], options?: ManyOptions): Promise<Out[]> {
    this.#key.inner;
    const given = toOptions(options, MANY_OPTIONS);
    const padded = isPadded(given.padding);
    throwIfAborted(given.signal);
    const batches = await plainItems(items);
    const wasm = await core();
    return many<Out>(batches, given, {
      begin: ({ packed, texts, layout }) => {
        const key = this.#key.inner;
        return call(() => key.encryptMany(packed, texts, layout, padded));
      },
      result: (bytes) => bytes as Out,
      long: (item) => {
        const message = seal(wasm, this.#key.inner, item.entries, padded);
        return encryptLong(wasm, message, toSource(item.bytes, "data", 0), forOne(given));
      },
    });
  }

  /** Never throws for one bad item: it says so in that item's place. An item has no other members than `sealed` and `context`. */
  async decryptMany(items: readonly Sealed[], options?: ManyOptions): Promise<Settled<Out>[]> {
    this.#key.inner;
    const given = toOptions(options, MANY_OPTIONS);
    throwIfAborted(given.signal);
    const batches = await sealedItems(items);
    const wasm = await core();
    return many<Settled<Out>>(batches, given, {
      begin: ({ packed, texts, layout }) => {
        const key = this.#key.inner;
        return call(() => key.decryptMany(packed, texts, layout));
      },
      result: (value, error, place) => (value ? { ok: true, value } : whyNot(batches.refused.get(place), error)),
      long: (item) => {
        const key = this.#key.inner;
        const opened = () =>
          decryptLong(
            wasm,
            open(wasm, () => key, item.entries),
            toSource(item.bytes, "sealed", 0),
            forOne(given),
          );
        return settled(given, opened);
      },
    });
  }

  /** Encrypts what is written into `writable`; one message comes out of `readable`. Constant memory, whatever the length; what is
   *  whole comes out as soon as nothing more is written in the same task, or 8 MiB of it are there. Needs init() done. Errors of the stream: `invalid-argument` for a piece that isn't bytes, `aborted`, `limit`.
   *  @throws `invalid-argument`, `rng`, `not-initialised` */
  encryptStream(options?: EncryptOptions): Pipe {
    const wasm = coreNow();
    const key = this.#key.inner;
    const given = toOptions(options, DATA_OPTIONS);
    const entries = toEntries(given.context);
    return encryptionStream(wasm, seal(wasm, key, entries, isPadded(given.padding)), given);
  }

  /** Decrypts the message that is written into `writable`. Constant memory, whatever the length. No byte comes out that was not authenticated, but
   *  what came out is the whole only when the stream ends without an error: a cut one ends in `truncated` or `decryption-failed`.
   *  Until the beginning of the message has come the stream holds the key, whatever free() did meanwhile.
   *  @throws `invalid-argument`, `not-initialised` */
  decryptStream(options?: DataOptions): Pipe {
    const wasm = coreNow();
    const key = this.#key.inner;
    const given = toOptions(options, DATA_OPTIONS);
    const entries = toEntries(given.context);
    const own = new Handle(key.share());
    const begin = open(wasm, () => own.inner, entries);
    const opener = {
      open: (beginning: Uint8Array) => {
        const message = begin(beginning);
        own.free();
        return message;
      },
      free: () => own.free(),
    };
    return decryptionStream(wasm, opener, given);
  }

  /** Plaintext bytes [start, end), end clipped to the size, reading only the chunks that hold them, the header, and where needed the last chunk.
   *  @throws as decrypt(); `network` where the source fails, `truncated` where it ends before its size */
  async decryptRange(source: Blob | RangeSource, start: number, end: number, options?: DataOptions): Promise<Out> {
    this.#key.inner;
    const given = toOptions(options, DATA_OPTIONS);
    checkRange(start, end);
    const entries = toEntries(given.context);
    throwIfAborted(given.signal);
    const reader = toReader(source, given.signal);
    const wasm = await core();
    return rangeOf(
      wasm,
      open(wasm, () => this.#key.inner, entries),
      reader,
      [start, end],
      given,
    );
  }

  /** Wipes the key. May be called twice. */
  free(): void {
    this.#key.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

/** The id of the key a ciphertext was made with, read from its header. Needs init() done.
 *  @throws `invalid-format`, `unsupported-version`, `truncated`, `invalid-argument`, `not-initialised` */
export function keyIdOf(sealed: Bytes): string {
  const wasm = coreNow();
  const bytes = toBytes(sealed, "the sealed data");
  // The header is all that is looked at.
  return call(() => wasm.keyIdOf(bytes.subarray(0, wasm.messageStart())));
}

/** Length of the plaintext, authenticated with the last chunk when `key` is given. A padded message without key: `invalid-argument`.
 *  @throws as decryptRange() */
export async function plaintextSize(source: Blob | RangeSource, key?: DataKey, options?: DataOptions): Promise<number> {
  if (key !== undefined) DataKey.toCore(key);
  const given = toOptions(options, DATA_OPTIONS);
  const entries = toEntries(given.context);
  throwIfAborted(given.signal);
  const reader = toReader(source, given.signal);
  const wasm = await core();
  return sizeOf(wasm, key && open(wasm, () => DataKey.toCore(key), entries), reader);
}

function seal(wasm: Core, key: CoreDataKey, entries: string[] | undefined, padded: boolean): NewMessage {
  return { body: call(() => wasm.CoreBody.seal(key, entries, padded)) };
}

function open(wasm: Core, key: () => CoreDataKey, entries: string[] | undefined) {
  return (beginning: Uint8Array): OpenMessage => {
    const inner = key();
    return { body: call(() => wasm.CoreBody.open(inner, beginning, entries)) };
  };
}

/** What wasm-bindgen gives owns its buffer; only its type doesn't say so. */
function own(bytes: Uint8Array): Out {
  return bytes as Out;
}
