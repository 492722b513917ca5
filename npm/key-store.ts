// Where a cache keeps its entries: the application's own store, made safe to call.
import { toBytes } from "./arguments.js";
import { invalid } from "./errors.js";
import type { Bytes, Out } from "./types.js";

/** Where the cache keeps its entries. Values are sealed before they reach any store but "memory"; ids are not secret.
 *  One store serves one cache: `clear()` empties all of it, and `ids()` are taken for the cache's own. It may fail, lose or change values: what can't be
 *  used is a miss, and after a call that throws, or doesn't settle within 5 seconds, the cache goes on from memory. */
export interface KeyStore {
  getMany(ids: readonly string[]): Promise<(Bytes | undefined)[]> | (Bytes | undefined)[];
  setMany(entries: readonly { id: string; value: Out }[]): Promise<void> | void;
  deleteMany(ids: readonly string[]): Promise<void> | void;
  ids(): Promise<string[]> | string[];
  clear(): Promise<void> | void;
}

/** A store as the core calls it. It settles in time, and rejects with a text for the developer.
 *  @internal */
export interface CoreStore {
  getMany(ids: string[]): Promise<(Uint8Array | undefined)[]>;
  setMany(ids: string[], values: Out[]): Promise<void>;
  deleteMany(ids: string[]): Promise<void>;
  /** Ids and values. A value that can't be read is undefined. */
  all(): Promise<[string[], (Uint8Array | undefined)[]]>;
  /** Puts `next` in the place of `old`, and gives what stands there then. */
  replace(id: string, old: Uint8Array | undefined, next: Out): Promise<Uint8Array | undefined>;
  clear(): Promise<void>;
  /** How often it had to be made, because there was none; undefined where that isn't known. */
  readonly created: number | undefined;
  close(): void;
}

const METHODS = ["getMany", "setMany", "deleteMany", "ids", "clear"] as const;
const PATIENCE_MS = 5000;

/** The application's store.
 *  @internal */
export class CustomStore implements CoreStore {
  readonly #store: KeyStore;
  readonly #patience = new Patience(PATIENCE_MS);
  readonly created = undefined;

  constructor(store: unknown) {
    if (!isKeyStore(store)) throw invalid(`a store is "memory", "indexeddb", "none" or has ${METHODS.join(", ")}`);
    this.#store = store;
  }

  async getMany(ids: string[]): Promise<(Uint8Array | undefined)[]> {
    const values: unknown = await this.#ask("getMany", () => this.#store.getMany(ids));
    return ids.map((_, index) => bytesOrNothing(() => (values as unknown[])[index]));
  }

  async setMany(ids: string[], values: Out[]): Promise<void> {
    const entries = values.map((value, index) => ({ id: ids[index] as string, value }));
    await this.#ask("setMany", () => this.#store.setMany(entries));
  }

  async deleteMany(ids: string[]): Promise<void> {
    await this.#ask("deleteMany", () => this.#store.deleteMany(ids));
  }

  async all(): Promise<[string[], (Uint8Array | undefined)[]]> {
    const found: unknown = await this.#ask("ids", () => this.#store.ids());
    const ids = Array.isArray(found) ? found.filter((id) => typeof id === "string") : [];
    return [ids, ids.length === 0 ? [] : await this.getMany([...ids])];
  }

  async replace(id: string, old: Uint8Array | undefined, next: Out): Promise<Uint8Array | undefined> {
    const [found] = await this.getMany([id]);
    if (same(found, old)) await this.setMany([id], [next]);
    return (await this.getMany([id]))[0];
  }

  async clear(): Promise<void> {
    await this.#ask("clear", () => this.#store.clear());
  }

  close(): void {}

  #ask<T>(method: string, call: () => T | Promise<T>): Promise<T> {
    return this.#patience.wait(`the store's ${method}`, call);
  }
}

/** Waits for a store, for so long. What didn't answer once isn't waited for again.
 *  @internal */
export class Patience {
  readonly #ms: number;
  #spent = false;

  constructor(ms: number) {
    this.#ms = ms;
  }

  spend(): void {
    this.#spent = true;
  }

  /** What a call gives; it rejects with a text that says why not. */
  async wait<T>(what: string, call: () => T | Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      if (this.#spent) throw named("TimeoutError");
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          this.spend();
          reject(named("TimeoutError"));
        }, this.#ms);
      });
      return await Promise.race([call(), late]);
    } catch (error) {
      throw `${what}: ${nameOf(error)}`;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @internal */
export function named(name: string): Error {
  return Object.assign(new Error(name), { name });
}

/** The kind of an error: what else stands in it may be anything.
 *  @internal */
export function nameOf(error: unknown): string {
  try {
    const { name } = error as { name?: unknown };
    return typeof name === "string" && /^[A-Za-z]{1,40}$/.test(name) ? name : "Error";
  } catch {
    return "Error";
  }
}

/** @internal */
export function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function bytesOrNothing(read: () => unknown): Uint8Array | undefined {
  try {
    return toBytes(read(), "a value");
  } catch {
    return undefined;
  }
}

function isKeyStore(store: unknown): store is KeyStore {
  try {
    return (
      typeof store === "object" &&
      store !== null &&
      METHODS.every((name) => typeof (store as KeyStore)[name] === "function")
    );
  } catch {
    return false;
  }
}
