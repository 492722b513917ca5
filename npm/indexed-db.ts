// The store "indexeddb", on the platform's own API: one database for each cache and user. Whatever it does to us ends in a rejection that says why.
import { type CoreStore, named, nameOf, Patience, same } from "./key-store.js";
import type { Out } from "./types.js";

const VERSION = 1;
const TABLE = "entries";
/** An older connection that doesn't close blocks ours without end. */
const OPEN_MS = 3000;
const PATIENCE_MS = 15_000;
/** Browsers close connections: iOS in the background, all of them when storage is cleared. One more try, on a new connection. */
const LOST = ["InvalidStateError", "AbortError", "UnknownError"];

/** @internal */
export class IndexedDbStore implements CoreStore {
  readonly #name: string;
  readonly #patience = new Patience(PATIENCE_MS);
  #connection: Promise<IDBDatabase> | undefined;
  #closed = false;
  created: number | undefined;

  constructor(tag: string) {
    this.#name = `wardkey.cache.${tag}`;
  }

  async getMany(ids: string[]): Promise<(Uint8Array | undefined)[]> {
    const requests = await this.#run("readonly", (table) => ids.map((id) => table.get(id)));
    return requests.map(({ result }) => bytes(result));
  }

  async setMany(ids: string[], values: Out[]): Promise<void> {
    await this.#run("readwrite", (table) => {
      for (const [index, id] of ids.entries()) table.put(values[index], id);
    });
  }

  async deleteMany(ids: string[]): Promise<void> {
    await this.#run("readwrite", (table) => {
      for (const id of ids) table.delete(id);
    });
  }

  async all(): Promise<[string[], (Uint8Array | undefined)[]]> {
    const [ids, values] = await this.#run("readonly", (table) => [table.getAllKeys(), table.getAll()] as const);
    return [ids.result.map((id) => (typeof id === "string" ? id : "")), values.result.map(bytes)];
  }

  async replace(id: string, old: Uint8Array | undefined, next: Out): Promise<Uint8Array | undefined> {
    const standing = await this.#run("readwrite", (table) => {
      const standing = { value: undefined as Uint8Array | undefined };
      const found = table.get(id);
      found.onsuccess = () => {
        standing.value = bytes(found.result);
        if (!same(standing.value, old)) return;
        standing.value = next;
        table.put(next, id);
      };
      return standing;
    });
    return standing.value;
  }

  async clear(): Promise<void> {
    await this.#run("readwrite", (table) => table.clear());
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** What `work` gave, after its transaction is complete. */
  async #run<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => T): Promise<T> {
    return this.#patience.wait("IndexedDB", async () => {
      try {
        return await transact(await this.#open(), mode, work);
      } catch (error) {
        if (!LOST.includes(nameOf(error)) || this.#closed) throw error;
        this.#drop();
        return await transact(await this.#open(), mode, work);
      }
    });
  }

  #open(): Promise<IDBDatabase> {
    if (this.#connection) return this.#connection;
    const connection = this.#connect();
    this.#connection = connection;
    connection.catch(() => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    return connection;
  }

  #connect(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      if (typeof indexedDB !== "object" || indexedDB === null) throw named("missing");
      const request = indexedDB.open(this.#name, VERSION);
      let [late, isNew] = [false, false];
      const timer = setTimeout(() => {
        late = true;
        this.#patience.spend();
        reject(named("blocked"));
      }, OPEN_MS);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(TABLE);
        isNew = true;
      };
      request.onerror = () => {
        clearTimeout(timer);
        reject(request.error);
      };
      request.onsuccess = () => {
        clearTimeout(timer);
        const database = request.result;
        if (late || this.#closed) {
          database.close();
          reject(named("closed"));
          return;
        }
        this.created = (this.created ?? 0) + Number(isNew);
        // Another page deletes the database, or brings a newer one: nothing of ours is in its way.
        database.onversionchange = () => this.#drop();
        database.onclose = () => this.#drop();
        resolve(database);
      };
    });
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.then(
      (database) => database.close(),
      () => {},
    );
  }
}

function transact<T>(database: IDBDatabase, mode: IDBTransactionMode, work: (table: IDBObjectStore) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(TABLE, mode);
    let result: T;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error ?? named("AbortError"));
    try {
      result = work(transaction.objectStore(TABLE));
    } catch (error) {
      // Nothing of it is kept.
      reject(error);
      transaction.abort();
    }
  });
}

function bytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
