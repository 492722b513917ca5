// What a client keeps on this device, from page to page, and the keys that can't be taken out of the browser. Whatever fails of it, memory serves.
import { call, coreNow } from "./core.js";
import { Database } from "./database.js";
import { available } from "./engine.js";
import { nameOf } from "./key-store.js";
import { importPkcs8, openNative, strictCrypto } from "./rsa.js";
import type { Out } from "./types.js";

/** One for all applications of an origin: rows name their application and user. */
const NAME = "wardkey.device";
const AES = "AES-GCM";
const IV = 12;

/** The row of the key that seals another row: it goes with that row. */
const keyOf = (row: string) => `key.${row}`;

/** @internal */
export class Device {
  readonly #database: Database | undefined;
  readonly #degraded: (reason: string) => void;
  /** What couldn't be written. */
  readonly #rows = new Map<string, Uint8Array>();
  /** What is in the database, as far as this page has seen. */
  readonly #kept = new Set<string>();
  /** What is still there although it should be gone. */
  readonly #left = new Set<string>();
  /** RSA private keys that the open identity goes on with, whatever becomes of their rows. */
  readonly #held = new Map<string, CryptoKey>();
  /** What was told already. */
  readonly #told = new Set<string>();
  #failed = false;

  /** @param degraded is told why memory serves */
  constructor(kind: "indexeddb" | "memory", degraded: (reason: string) => void) {
    this.#database = kind === "indexeddb" ? new Database(NAME) : undefined;
    this.#degraded = degraded;
  }

  /** Where things are kept now. */
  get kind(): "indexeddb" | "memory" {
    return this.#database && !this.#failed && this.#rows.size === 0 ? "indexeddb" : "memory";
  }

  /** How often the database had to be made, because there was none; undefined where that isn't known. */
  get created(): number | undefined {
    return this.#database?.created;
  }

  /** Is something still on the device that was to be deleted? */
  get sticks(): boolean {
    return this.#left.size > 0;
  }

  async readRow(row: string): Promise<Uint8Array | undefined> {
    const own = this.#rows.get(row);
    if (own) return own;
    const found = await this.#try("readonly", (table) => table.get(row));
    if (!(found?.result instanceof Uint8Array)) return undefined;
    this.#kept.add(row);
    return found.result;
  }

  /** Is it safely kept? */
  async writeRow(row: string, value: Out): Promise<boolean> {
    if (await this.#try("readwrite", (table) => table.put(value, row))) {
      this.#rows.delete(row);
      this.#kept.add(row);
      this.#left.delete(row);
      return true;
    }
    this.#rows.set(row, value);
    return false;
  }

  async deleteRow(row: string): Promise<void> {
    this.#rows.delete(row);
    const done = await this.#try("readwrite", (table) => {
      table.delete(row);
      table.delete(keyOf(row));
      return true;
    });
    if (done || !this.#kept.has(row)) {
      this.#kept.delete(row);
      this.#left.delete(row);
    } else {
      this.#left.add(row);
    }
  }

  /** Names of rows that begin so. */
  async rowNames(prefix: string): Promise<string[]> {
    const range = typeof IDBKeyRange === "function" ? IDBKeyRange.bound(prefix, `${prefix}\uffff`) : undefined;
    const found = await this.#try("readonly", (table) => table.getAllKeys(range));
    // What can't be read may be there still.
    const names = found ? found.result.filter((name) => typeof name === "string") : [...this.#kept];
    return [...new Set([...names, ...this.#rows.keys()])].filter((name) => name.startsWith(prefix));
  }

  /** iv ‖ AES-GCM for a row; nothing where there is no key that stays here. */
  async sealHere(row: string, context: Out, plain: Out): Promise<Uint8Array | undefined> {
    const subtle = available();
    const key = subtle && (await this.#key(subtle, row));
    if (!subtle || !key) return undefined;
    call(() => coreNow().checkRandom());
    const iv = crypto.getRandomValues(new Uint8Array(IV));
    const sealed = await subtle.encrypt({ name: AES, iv, additionalData: context }, key, plain);
    const whole = new Uint8Array(IV + sealed.byteLength);
    whole.set(iv);
    whole.set(new Uint8Array(sealed), IV);
    return whole;
  }

  async openHere(row: string, context: Out, sealed: Out): Promise<Uint8Array | undefined> {
    const subtle = available();
    const found = await this.#try("readonly", (table) => table.get(keyOf(row)));
    if (!subtle || !isKey(found?.result)) return undefined;
    const iv = sealed.slice(0, IV);
    const opened = await subtle.decrypt({ name: AES, iv, additionalData: context }, found.result, sealed.slice(IV));
    return new Uint8Array(opened);
  }

  /** An RSA private key, which can't be taken out again. Is it safely kept? */
  async keepRsa(row: string, pkcs8: Out): Promise<boolean> {
    const subtle = await strictCrypto();
    const key = subtle && (await importPkcs8(subtle, pkcs8));
    if (!key) return false;
    const kept = await this.#try("readwrite", (table) => this.#put(table, key, row));
    if (kept) this.#kept.add(row);
    return kept === true;
  }

  /** Takes the key of a row into memory, until forget(). Is there one? */
  async holdRsa(row: string): Promise<boolean> {
    const found = await this.#try("readonly", (table) => table.get(row));
    if (!isKey(found?.result)) return false;
    this.#held.set(row, found.result);
    return true;
  }

  /** Opens with the key of a row; nothing where there is none. */
  async unwrapRsa(row: string, label: Out, body: Out): Promise<Uint8Array | undefined> {
    const subtle = await strictCrypto();
    if (!this.#held.has(row)) await this.holdRsa(row);
    const key = this.#held.get(row);
    return subtle && key && openNative(subtle, key, label, body);
  }

  /** What the open identity left in memory. */
  forget(): void {
    this.#held.clear();
  }

  /** Finds out how the database is now. */
  async look(): Promise<void> {
    await this.#try("readonly", (table) => table.count());
  }

  close(): void {
    this.#database?.close();
  }

  /** The key that is there, or a new one; none where it can't be stored: it is never kept in another form. */
  async #key(subtle: SubtleCrypto, row: string): Promise<CryptoKey | undefined> {
    const fresh = await subtle.generateKey({ name: AES, length: 256 }, false, ["encrypt", "decrypt"]);
    const kept = await this.#try("readwrite", (table) => {
      const kept = { key: undefined as CryptoKey | undefined };
      const found = table.get(keyOf(row));
      found.onsuccess = () => {
        // Another page may have been faster.
        if (isKey(found.result)) kept.key = found.result;
        else if (this.#put(table, fresh, keyOf(row))) kept.key = fresh;
      };
      return kept;
    });
    return kept?.key;
  }

  /** Some browsers can't clone a key: all else is kept as before. */
  #put(table: IDBObjectStore, key: CryptoKey, row: string): boolean {
    try {
      table.put(key, row);
      return true;
    } catch (error) {
      this.#tell(`a CryptoKey can't be kept: ${nameOf(error)}`);
      return false;
    }
  }

  #tell(reason: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#degraded(reason);
  }

  async #try<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => T): Promise<T | undefined> {
    try {
      const done = await this.#database?.run(mode, work);
      this.#failed = false;
      return done;
    } catch (reason) {
      this.#tell(String(reason));
      this.#failed = true;
      return undefined;
    }
  }
}

function isKey(value: unknown): value is CryptoKey {
  return typeof CryptoKey === "function" && value instanceof CryptoKey && !value.extractable;
}
