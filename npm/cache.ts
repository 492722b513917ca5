import { MAX_NAME, shortText, toOptions } from "./arguments.js";
import type { CoreDataKey, CoreKeyCache } from "./core/wardkey_core.js";
import { call, core, release, tidy } from "./core.js";
import { DataKey } from "./data-key.js";
import { fromCore, invalid } from "./errors.js";
import { IndexedDbStore } from "./indexed-db.js";
import { KeyPair } from "./key-pair.js";
import { type CoreStore, CustomStore, type KeyStore } from "./key-store.js";
import { Pace } from "./pace.js";
import { channelTo } from "./tabs.js";
import { finish } from "./task.js";

export interface CacheOptions {
  /** Default "memory". "none" caches nothing. */
  store?: "memory" | "indexeddb" | "none" | KeyStore;
  /** A key is used for at most so many whole milliseconds after it was set; absolute, not sliding. Default 12 h. 0 is "none". */
  ttlMs?: number;
  /** Default 10 000, least recently used out first. */
  maxEntries?: number;
}

/** `degraded` says why a persistent store was asked for and memory serves instead. */
export interface CacheStats {
  /** What serves: "memory" where the cache is degraded. */
  store: "memory" | "indexeddb" | "none" | "custom";
  /** Keys that can be had now. */
  entries: number;
  /** Of the keys that were asked for, those that were there. */
  hits: number;
  misses: number;
  degraded?: string;
}

/** What goes from page to page of one cache. */
type Message = { deleted: string[] } | { cleared: true };

const HOURS = 3_600_000;
/** Ids of one task: opening an entry takes some 10 µs. */
const BATCH = 500;
const OPTIONS = ["store", "ttlMs", "maxEntries", "name", "userId", "sealedBy"];
const SECRET: unique symbol = Symbol("construct");

/** Data keys by id, for an application that manages its keys: they need not be unwrapped, or asked for, again. Reading never throws: what can't be read
 *  (wiped, blocked, corrupt, foreign, expired, or a clock that was set back) is a miss. A store that fails is left alone, and memory serves:
 *  `stats().degraded` says why. Whatever is written to a store is sealed, for this name and user. */
export class KeyCache {
  readonly #inner: CoreKeyCache;
  readonly #kind: CacheStats["store"];
  readonly #channel: BroadcastChannel | undefined;
  #closed = false;

  private constructor(
    secret: typeof SECRET,
    inner: CoreKeyCache,
    kind: CacheStats["store"],
    channel?: BroadcastChannel,
  ) {
    if (secret !== SECRET) throw invalid("a KeyCache comes from open()");
    this.#inner = inner;
    this.#kind = kind;
    this.#channel = channel;
    channel?.addEventListener("message", ({ data }) => this.#hear(data));
  }

  /** Opens the cache of this name and user, and reads its store in. `sealedBy` is who can open it again: a DataKey, from which a key for the entries is
   *  derived, or a KeyPair, for which a random one is wrapped and kept beside them. It may be freed afterwards. What is there under another key, user or
   *  name is a miss. Nothing that a store does makes this fail.
   *  `sealedBy` is required for every store but "memory" and "none" (`invalid-argument`).
   *  @throws `invalid-argument`; `key-policy` for a KeyPair of rsa-2048; `rng` */
  static async open(
    options: CacheOptions & { name: string; userId: string; sealedBy?: DataKey | KeyPair },
  ): Promise<KeyCache> {
    const {
      store = "memory",
      ttlMs = 12 * HOURS,
      maxEntries = 10_000,
      name,
      userId,
      sealedBy,
    } = toOptions(options, OPTIONS);
    const kind = kindOf(store, ttlMs);
    const custom = typeof store === "string" ? undefined : new CustomStore(store);
    const [ttl, most] = [toLimit(ttlMs, "ttlMs"), toLimit(maxEntries, "maxEntries")];
    const short = (text: unknown, what: string) => shortText(text, what, MAX_NAME, "invalid-argument");
    const [cache, user] = [short(name, "name"), short(userId, "userId")];
    if (sealedBy !== undefined) toSeal(sealedBy);
    if (sealedBy === undefined && store !== "memory" && store !== "none") {
      throw invalid("sealedBy is required for a store that keeps what it is given");
    }
    const { cacheTag, CoreKeyCache } = await core();
    const tag = call(() => cacheTag(cache, user));
    if (sealedBy === undefined || kind === "none" || kind === "memory") {
      const inner = call(() => CoreKeyCache.inMemory(cache, user, kind === "none" ? 0 : ttl, most));
      return new KeyCache(SECRET, inner, kind);
    }
    const kept: CoreStore = custom ?? new IndexedDbStore(tag);
    // From before the store is read on: what another page deletes meanwhile must not stay here.
    const channel = kind === "indexeddb" ? channelTo(`wardkey.cache.${tag}`) : undefined;
    const early: unknown[] = [];
    const listen = ({ data }: MessageEvent<unknown>) => early.push(data);
    channel?.addEventListener("message", listen);
    try {
      const opening = call(() =>
        sealedBy instanceof DataKey
          ? CoreKeyCache.openWithKey(cache, user, ttl, most, kept, DataKey.toCore(sealedBy))
          : CoreKeyCache.openWithPair(cache, user, ttl, most, kept, KeyPair.toCore(sealedBy)),
      );
      const opened = new KeyCache(SECRET, await finish(opening), kind, channel);
      for (const message of early) opened.#hear(message);
      return opened;
    } catch (error) {
      kept.close();
      channel?.close();
      throw fromCore(error);
    } finally {
      channel?.removeEventListener("message", listen);
    }
  }

  /** The key of this id, if it is there. It is the caller's to free(); the cache keeps its own. */
  async get(id: string): Promise<DataKey | undefined> {
    return (await this.getMany([id]))[0];
  }

  /** For each id its key, if it is there; from the store in one transaction. */
  async getMany(ids: readonly string[]): Promise<(DataKey | undefined)[]> {
    const wanted = toIds(ids);
    const keys: (DataKey | undefined)[] = [];
    const pace = new Pace();
    for (let at = 0; at < wanted.length; at += BATCH) {
      const reading = call(() => this.#inner.getMany(wanted.slice(at, at + BATCH)));
      const found = await finish<(CoreDataKey | undefined)[]>(reading);
      for (const key of found) keys.push(key && DataKey.fromCore(key));
      await pace.breathe();
    }
    return keys;
  }

  /** Keeps these keys, in one transaction where the store can. Their time to live begins.
   *  @throws `invalid-argument`, also after close(); `rng` */
  async set(keys: readonly DataKey[]): Promise<void> {
    if (!Array.isArray(keys)) throw invalid("the keys are not an array");
    const given: DataKey[] = [...keys];
    for (const key of given) DataKey.toCore(key);
    this.#open();
    const batch = call(() => this.#inner.batch());
    try {
      const pace = new Pace();
      for (const key of given) {
        call(() => batch.add(DataKey.toCore(key)));
        await pace.breathe();
      }
    } catch (error) {
      release(batch);
      throw error;
    }
    await finish(call(() => batch.save()));
  }

  /** Deletes these keys, in every page of this cache. Where the store fails, it is emptied, as soon as it can be.
   *  @throws `invalid-argument`, also after close() */
  async delete(ids: readonly string[]): Promise<void> {
    const gone = toIds(ids);
    this.#open();
    await finish(call(() => this.#inner.delete(gone)));
    this.#say({ deleted: gone });
  }

  /** Deletes everything, in every page of this cache.
   *  @throws `invalid-argument` after close() */
  async clear(): Promise<void> {
    this.#open();
    await finish(call(() => this.#inner.delete()));
    this.#say({ cleared: true });
  }

  /** `wipesSurvived`: how often the store was found emptied by somebody else, as far as this page and a marker in localStorage can tell. */
  async stats(): Promise<CacheStats & { wipesSurvived: number }> {
    return statsOf(this.#kind, call(() => this.#inner.stats()) as CoreStats);
  }

  /** Drops every key from memory; the store keeps what it has. Reading gives misses from here on. May be called twice. */
  close(): void {
    this.#closed = true;
    this.#channel?.close();
    tidy(() => this.#inner.close());
  }

  #open(): void {
    if (this.#closed) throw invalid("used after close()");
  }

  #say(message: Message): void {
    if (!this.#closed) this.#channel?.postMessage(message);
  }

  #hear(message: unknown): void {
    if (typeof message !== "object" || message === null || this.#closed) return;
    const { deleted } = message as { deleted?: unknown };
    if (Array.isArray(deleted)) tidy(() => this.#inner.forget(deleted.filter((id) => typeof id === "string")));
    else if ("cleared" in message) tidy(() => this.#inner.forget());
  }
}

/** @internal */
export type CoreStats = [entries: number, hits: number, misses: number, wipes: number, degraded: string | undefined];

/** @internal */
export function statsOf(kind: CacheStats["store"], stats: CoreStats): CacheStats & { wipesSurvived: number } {
  const [entries, hits, misses, wipesSurvived, degraded] = stats;
  const counts = { entries, hits, misses, wipesSurvived };
  return degraded === undefined ? { store: kind, ...counts } : { store: "memory", ...counts, degraded };
}

/** @internal */
export function kindOf(store: unknown, ttlMs: unknown): CacheStats["store"] {
  if (store === "memory" || store === "indexeddb" || store === "none") return ttlMs === 0 ? "none" : store;
  if (typeof store === "string") throw invalid('a store is "memory", "indexeddb", "none" or an object');
  return ttlMs === 0 ? "none" : "custom";
}

/** @internal */
export function toLimit(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(`${what} is not a whole number from 0`);
  }
  return value;
}

function toIds(ids: unknown): string[] {
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) throw invalid("the ids are not strings");
  return [...ids];
}

function toSeal(sealedBy: unknown): void {
  if (sealedBy instanceof DataKey) DataKey.toCore(sealedBy);
  else KeyPair.toCore(sealedBy as KeyPair);
}
