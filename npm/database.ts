// A database of the page's own, with one table, on the platform's own API. Whatever the browser does to us ends in a rejection that says why.
import { named, nameOf, Patience } from "./key-store.js";

const VERSION = 1;
const TABLE = "entries";
/** An older connection that doesn't close blocks ours without end. */
const OPEN_MS = 3000;
const PATIENCE_MS = 15_000;
/** Browsers close connections: iOS in the background, all of them when storage is cleared. One more try, on a new connection. */
const LOST = ["InvalidStateError", "AbortError", "UnknownError"];

/** @internal */
export class Database {
  readonly #name: string;
  readonly #patience = new Patience(PATIENCE_MS);
  #connection: Promise<IDBDatabase> | undefined;
  #closed = false;
  /** How often it had to be made, because there was none. */
  created: number | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** What `work` gave, after its transaction is complete. */
  async run<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => T): Promise<T> {
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

  close(): void {
    this.#closed = true;
    this.#drop();
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
