// What a client keeps on this device, from page to page, and the key that can't be taken out of the browser. Whatever fails of it, memory serves.
import { Database } from "./database.js";
import { available } from "./engine.js";
import { importPkcs8, openNative, strictCrypto } from "./rsa.js";
import type { Out } from "./types.js";

/** One for all applications of an origin: rows name their application and user. */
const NAME = "wardkey.device";
/** The row of the key: it lives as long as the entry that it seals. */
const KEY = "key";
const SEALED_BY_KEY = "resume.";
const AES = "AES-GCM";
const IV = 12;

/** @internal */
export class Device {
  readonly #database: Database | undefined;
  /** What couldn't be written. */
  readonly #rows = new Map<string, Uint8Array>();
  #failed = false;

  constructor(kind: "indexeddb" | "memory") {
    this.#database = kind === "indexeddb" ? new Database(NAME) : undefined;
  }

  /** Where things are kept now. */
  get kind(): "indexeddb" | "memory" {
    return this.#database && !this.#failed ? "indexeddb" : "memory";
  }

  async readRow(row: string): Promise<Uint8Array | undefined> {
    const own = this.#rows.get(row);
    if (own) return own;
    const found = await this.#try("readonly", (table) => table.get(row));
    return found?.result instanceof Uint8Array ? found.result : undefined;
  }

  /** Is it safely kept? */
  async writeRow(row: string, value: Out): Promise<boolean> {
    if (await this.#try("readwrite", (table) => table.put(value, row))) {
      this.#rows.delete(row);
      return true;
    }
    this.#rows.set(row, value);
    return false;
  }

  async deleteRow(row: string): Promise<void> {
    this.#rows.delete(row);
    await this.#try("readwrite", (table) => {
      table.delete(row);
      if (row.startsWith(SEALED_BY_KEY)) table.delete(KEY);
      return true;
    });
  }

  /** Names of rows that begin so. */
  async rowNames(prefix: string): Promise<string[]> {
    const range = typeof IDBKeyRange === "function" ? IDBKeyRange.bound(prefix, `${prefix}\uffff`) : undefined;
    const found = await this.#try("readonly", (table) => table.getAllKeys(range));
    const names = (found?.result ?? []).filter((name) => typeof name === "string");
    return [...new Set([...names, ...[...this.#rows.keys()].filter((name) => name.startsWith(prefix))])];
  }

  /** iv ‖ AES-GCM; nothing where there is no key that stays here. */
  async sealHere(context: Out, plain: Out): Promise<Uint8Array | undefined> {
    const subtle = available();
    const key = subtle && (await this.#key(subtle));
    if (!subtle || !key) return undefined;
    const iv = crypto.getRandomValues(new Uint8Array(IV));
    const sealed = await subtle.encrypt({ name: AES, iv, additionalData: context }, key, plain);
    const whole = new Uint8Array(IV + sealed.byteLength);
    whole.set(iv);
    whole.set(new Uint8Array(sealed), IV);
    return whole;
  }

  async openHere(context: Out, sealed: Out): Promise<Uint8Array | undefined> {
    const subtle = available();
    const found = await this.#try("readonly", (table) => table.get(KEY));
    if (!subtle || !isKey(found?.result)) return undefined;
    const iv = sealed.slice(0, IV);
    const opened = await subtle.decrypt({ name: AES, iv, additionalData: context }, found.result, sealed.slice(IV));
    return new Uint8Array(opened);
  }

  /** An RSA private key, which can't be taken out again. Is it safely kept? */
  async keepRsa(row: string, pkcs8: Out): Promise<boolean> {
    const subtle = await strictCrypto();
    const key = subtle && (await importPkcs8(subtle, pkcs8));
    return key !== undefined && (await this.#try("readwrite", (table) => table.put(key, row))) !== undefined;
  }

  /** Opens with the key of a row; nothing where there is none. */
  async unwrapRsa(row: string, label: Out, body: Out): Promise<Uint8Array | undefined> {
    const subtle = await strictCrypto();
    const found = await this.#try("readonly", (table) => table.get(row));
    return subtle && isKey(found?.result) ? openNative(subtle, found.result, label, body) : undefined;
  }

  close(): void {
    this.#database?.close();
  }

  /** The key that is there, or a new one; none where it can't be stored: it is never kept in another form. */
  async #key(subtle: SubtleCrypto): Promise<CryptoKey | undefined> {
    const fresh = await subtle.generateKey({ name: AES, length: 256 }, false, ["encrypt", "decrypt"]);
    const kept = await this.#try("readwrite", (table) => {
      const kept = { key: undefined as CryptoKey | undefined };
      const found = table.get(KEY);
      found.onsuccess = () => {
        // Another page may have been faster.
        if (isKey(found.result)) kept.key = found.result;
        else {
          table.put(fresh, KEY);
          kept.key = fresh;
        }
      };
      return kept;
    });
    return kept?.key;
  }

  async #try<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => T): Promise<T | undefined> {
    try {
      const done = await this.#database?.run(mode, work);
      if (mode === "readwrite" && done !== undefined) this.#failed = false;
      return done;
    } catch {
      this.#failed = true;
      return undefined;
    }
  }
}

function isKey(value: unknown): value is CryptoKey {
  return typeof CryptoKey === "function" && value instanceof CryptoKey && !value.extractable;
}
