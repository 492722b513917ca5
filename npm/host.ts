// The world of a client, as the core asks for it: the key server, the device, and what is slow.
import type { Backend, Json } from "./backend.js";
import type { CacheSettings } from "./client-options.js";
import { core } from "./core.js";
import type { Device } from "./device.js";
import { isWardkeyError, type KnownErrorCode, toCore, WardkeyError } from "./errors.js";
import { IndexedDbStore } from "./indexed-db.js";
import { type CoreStore, CustomStore } from "./key-store.js";
import { Pace } from "./pace.js";
import { plain } from "./plain.js";
import { importPkcs8, newRsa, openNative, type RsaSuite, strictCrypto } from "./rsa.js";
import { derive } from "./slow.js";
import { type Deferred, deferred } from "./task.js";
import type { Out } from "./types.js";
import { run } from "./workers.js";

/** What Rust calls: `src/js/host.rs`, `backend.rs`, `device.rs`.
 *  @internal */
export class CoreHost {
  readonly #backend: Backend;
  readonly #hasShares: boolean;
  readonly #device: Device;
  readonly #cache: CacheSettings;
  readonly #ended = new AbortController();
  /** Ends what waits for the application. */
  readonly #asked = new Set<() => void>();
  /** Of calls that others wait for. */
  readonly #waits = new Map<number, Deferred<void>>();
  readonly #natives = new Map<string, Promise<CryptoKey | undefined>>();
  readonly #pace = new Pace();

  constructor(backend: Backend, device: Device, cache: CacheSettings) {
    this.#backend = backend;
    this.#hasShares = backend.appShare !== undefined;
    this.#device = device;
    this.#cache = cache;
  }

  /** Whatever is under way ends: `aborted`. */
  close(): void {
    this.#ended.abort();
    for (const end of this.#asked) end();
    for (const ticket of this.#waits.keys()) this.settle(ticket);
    this.forget();
    this.#device.close();
  }

  request(method: "GET" | "POST" | "PUT", path: string, body: Json | undefined, userId: string | undefined) {
    const { signal } = this.#ended;
    const options = userId === undefined ? { signal, public: true } : { signal, userId };
    return this.#ask(async () => plain(await this.#backend.request(method, path, body, options)));
  }

  hasAppShare(): boolean {
    return this.#hasShares;
  }

  /** Where the cache of an identity is kept; nothing: in memory alone. */
  openStore(tag: string): CoreStore | undefined {
    const { store } = this.#cache;
    if (store === "indexeddb") return new IndexedDbStore(tag);
    return typeof store === "object" ? new CustomStore(store) : undefined;
  }

  /** Has this task been long enough? */
  isLong(): boolean {
    return this.#pace.isLong();
  }

  /** Gives the event loop a turn then. */
  breathe(): Promise<void> {
    return this.#pace.breathe();
  }

  /** Resolves when the core's call with this ticket has ended. */
  settled(ticket: number): Promise<void> {
    let waiting = this.#waits.get(ticket);
    if (!waiting) {
      waiting = deferred();
      this.#waits.set(ticket, waiting);
    }
    return waiting.promise;
  }

  /** It has. */
  settle(ticket: number): void {
    this.#waits.get(ticket)?.resolve();
    this.#waits.delete(ticket);
  }

  /** What the core has to say beside an error's fixed text, by its number. */
  say(code: KnownErrorCode, message: string): number {
    return toCore(new WardkeyError(code, message)).said;
  }

  putShare(userId: string, share: string): Promise<void> {
    return this.#ask(async () => this.#backend.appShare?.put(userId, share));
  }

  takeShare(userId: string, receipt: string) {
    return this.#ask(async () => this.#backend.appShare?.get(userId, receipt));
  }

  storeLogin(store: (secret: string) => Promise<void>, secret: string): Promise<void> {
    return this.#ask(async () => store(secret));
  }

  /** What the application throws has a code; what it never answers ends with close(). */
  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    const { signal } = this.#ended;
    if (signal.aborted) throw closed();
    let end = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = () => reject(closed());
      this.#asked.add(end);
    });
    try {
      return await Promise.race([ask(), ended]);
    } catch (error) {
      throw signal.aborted ? closed() : toCore(told(error));
    } finally {
      this.#asked.delete(end);
    }
  }

  async derive(derivation: Out, salt: Out, iterations: number | undefined, password: Out): Promise<Uint8Array> {
    try {
      const [given, own] = [() => derivation.slice(), () => password.slice()];
      return await derive({ derivation: given, salt: () => salt, iterations: () => iterations, password: own });
    } finally {
      password.fill(0);
    }
  }

  async generateRsa(suite: RsaSuite): Promise<Uint8Array> {
    return newRsa(await core(), suite);
  }

  /** OAEP with the private key of this fingerprint: by WebCrypto, which keeps it until forget(), or in a worker. */
  async unwrapRsa(fingerprint: string, pkcs8: Out, label: Out, body: Out): Promise<Uint8Array> {
    try {
      const subtle = await strictCrypto();
      const native = subtle && (await this.#native(subtle, fingerprint, pkcs8));
      if (subtle && native) return await openNative(subtle, native, label, body);
      return await run("rsaUnwrap", () => [pkcs8.slice(), label.slice(), body.slice()]);
    } finally {
      pkcs8.fill(0);
    }
  }

  #native(subtle: SubtleCrypto, fingerprint: string, pkcs8: Out): Promise<CryptoKey | undefined> {
    let native = this.#natives.get(fingerprint);
    if (!native) {
      native = importPkcs8(subtle, pkcs8.slice());
      this.#natives.set(fingerprint, native);
    }
    return native;
  }

  /** What the open identity left here. */
  forget(): void {
    this.#natives.clear();
    this.#device.forget();
  }

  keepRsa = (row: string, pkcs8: Out) => this.#device.keepRsa(row, pkcs8);
  holdRsa = (row: string) => this.#device.holdRsa(row);
  unwrapKept = (row: string, label: Out, body: Out) => this.#device.unwrapRsa(row, label, body);
  readRow = (row: string) => this.#device.readRow(row);
  writeRow = (row: string, value: Out) => this.#device.writeRow(row, value);
  deleteRow = (row: string) => this.#device.deleteRow(row);
  rowNames = (prefix: string) => this.#device.rowNames(prefix);
  sealHere = (row: string, context: Out, plain: Out) => this.#device.sealHere(row, context, plain);
  openHere = (row: string, context: Out, sealed: Out) => this.#device.openHere(row, context, sealed);
}

/** Characters of what is told: whole, it is the cause. */
const MAX_MESSAGE = 500;

const closed = () => new WardkeyError("aborted", "closed while it was under way");

/** What the application threw, which may be anything. */
function told(cause: unknown): WardkeyError {
  try {
    if (isWardkeyError(cause)) {
      const { code, message, retryAfterMs, attemptsLeft } = cause;
      return new WardkeyError(code as KnownErrorCode, `${message}`.slice(0, MAX_MESSAGE), {
        cause,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        ...(attemptsLeft === undefined ? {} : { attemptsLeft }),
      });
    }
  } catch {
    // Its getters are the application's too.
  }
  return new WardkeyError("server", "the application's code failed", { cause });
}
