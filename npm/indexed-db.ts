// The store "indexeddb": one database for each cache and user.
import { Database } from "./database.js";
import { type CoreStore, same } from "./key-store.js";
import type { Out } from "./types.js";

const AT_ONCE = 500;

/** @internal */
export class IndexedDbStore implements CoreStore {
  readonly #database: Database;

  constructor(tag: string) {
    this.#database = new Database(`wardkey.cache.${tag}`);
  }

  get created(): number | undefined {
    return this.#database.created;
  }

  async getMany(ids: string[]): Promise<(Uint8Array | undefined)[]> {
    const requests = await this.#database.run("readonly", (table) => ids.map((id) => table.get(id)));
    return requests.map(({ result }) => bytes(result));
  }

  async setMany(ids: string[], values: Out[]): Promise<void> {
    await this.#database.run("readwrite", (table) => {
      let at = 0;
      // Each some 20 µs: the rest when these are done, in the same transaction.
      const put = () => {
        const end = Math.min(at + AT_ONCE, ids.length);
        let last: IDBRequest | undefined;
        for (; at < end; at += 1) last = table.put(values[at], ids[at]);
        if (last && at < ids.length) last.onsuccess = put;
      };
      put();
    });
  }

  async deleteMany(ids: string[]): Promise<void> {
    await this.#database.run("readwrite", (table) => {
      for (const id of ids) table.delete(id);
    });
  }

  async all(): Promise<[string[], (Uint8Array | undefined)[]]> {
    const [ids, values] = await this.#database.run(
      "readonly",
      (table) => [table.getAllKeys(), table.getAll()] as const,
    );
    return [ids.result.map((id) => (typeof id === "string" ? id : "")), values.result.map(bytes)];
  }

  async replace(id: string, old: Uint8Array | undefined, next: Out): Promise<Uint8Array | undefined> {
    const standing = await this.#database.run("readwrite", (table) => {
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
    await this.#database.run("readwrite", (table) => table.clear());
  }

  close(): void {
    this.#database.close();
  }
}

function bytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
