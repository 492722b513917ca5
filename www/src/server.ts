import type { Octets } from "./bytes";
import { Observable } from "./observable";

// The server of this first page. It lives in a variable, and this file imports nothing of wardkey: a server has no key
// to anything it holds.

/** "record": the text. "file": the attached file. */
export type Field = "record" | "file";
export const FIELDS: readonly Field[] = ["record", "file"];

export interface SealedPart {
  readonly field: Field;
  readonly sealed: Octets;
}

export interface Transfer {
  readonly id: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly sentAt: string;
  /** The transfer's data key, wrapped for each reader's public key. */
  readonly wraps: Octets;
  readonly parts: readonly SealedPart[];
}

export interface StoredBackup {
  readonly bytes: Octets;
  readonly storedAt: string;
}

export interface Holdings {
  /** user id → public key, text */
  readonly directory: ReadonlyMap<string, string>;
  readonly backups: ReadonlyMap<string, StoredBackup>;
  /** newest first */
  readonly transfers: readonly Transfer[];
}

export class Server extends Observable {
  #holdings: Holdings = { directory: new Map(), backups: new Map(), transfers: [] };
  #unsaved = false;

  get holdings(): Holdings {
    return this.#holdings;
  }

  /** There is something in here that no saved file has. */
  get unsaved(): boolean {
    return this.#unsaved;
  }

  publicKeyOf(userId: string): string | undefined {
    return this.#holdings.directory.get(userId);
  }

  backupOf(userId: string): StoredBackup | undefined {
    return this.#holdings.backups.get(userId);
  }

  publish(userId: string, publicKey: string): void {
    this.#set({ ...this.#holdings, directory: new Map(this.#holdings.directory).set(userId, publicKey) });
  }

  storeBackup(userId: string, bytes: Octets): void {
    const backup = { bytes, storedAt: new Date().toISOString() };
    this.#set({ ...this.#holdings, backups: new Map(this.#holdings.backups).set(userId, backup) });
  }

  accept(transfer: Transfer): void {
    this.#set({ ...this.#holdings, transfers: [transfer, ...this.#holdings.transfers] });
  }

  /** Puts back what was saved to a file. */
  restore(holdings: Holdings): void {
    this.#set(holdings, false);
  }

  /** These holdings are in a file now; what came since then isn't. */
  saved(holdings: Holdings): void {
    if (holdings !== this.#holdings) return;
    this.#unsaved = false;
    this.changed();
  }

  #set(holdings: Holdings, unsaved = true): void {
    this.#holdings = holdings;
    this.#unsaved = unsaved;
    this.changed();
  }
}
