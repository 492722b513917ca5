// What a front end shows before keys are lost.
import type { CacheStats } from "./cache.js";
import type { Engine } from "./engine.js";

export interface StorageHealth {
  /** Where the sealed identity is: "memory" where the browser keeps nothing. */
  identityStore: "indexeddb" | "memory";
  cacheStore: CacheStats["store"];
  /** Has the browser promised not to evict what this origin keeps? */
  persisted: boolean;
  /** "outdated": something of this device isn't in it yet. */
  backup: "current" | "outdated" | "none";
  /** When this device was last found emptied, as far as a marker in localStorage can tell. */
  lastWipe?: Date;
  /** Without it there is no WebCrypto, and each load asks for the password. */
  secureContext: boolean;
  engine: Engine;
  /** "inline": slow work stops this thread. */
  worker: "started" | "inline";
  /** Sessions that were created offline and wait to be sent. */
  outbox: number;
}

/** @internal */
export async function isPersisted(): Promise<boolean> {
  try {
    return (await navigator.storage.persisted()) === true;
  } catch {
    return false;
  }
}

/** @internal */
export function isSecure(): boolean {
  return typeof isSecureContext === "boolean" ? isSecureContext : true;
}

const MARKER = "wardkey.device";

/** A marker beside the database, that there is one: without it a wipe can't be told from a first visit.
 *  @internal */
export class Marker {
  /** How often this page has seen the database made. */
  #seen: number | undefined;
  #wiped: number | undefined;

  /** A database that had to be made, although this page or the marker knows of one, was wiped. */
  look(created: number | undefined): void {
    if (created === undefined) return;
    const { isThere, wiped } = read();
    const isFirst = this.#seen === undefined && !isThere;
    const isWiped = created - (this.#seen ?? 0) > (isFirst ? 1 : 0);
    this.#seen = created;
    this.#wiped = isWiped ? Date.now() : (wiped ?? this.#wiped);
    if (isWiped || !isThere) write(this.#wiped);
  }

  get lastWipe(): Date | undefined {
    return this.#wiped === undefined ? undefined : new Date(this.#wiped);
  }
}

function read(): { isThere: boolean; wiped: number | undefined } {
  try {
    const text = localStorage.getItem(MARKER);
    const wiped: unknown = JSON.parse(text ?? "{}").wiped;
    return { isThere: text !== null, wiped: Number.isSafeInteger(wiped) ? (wiped as number) : undefined };
  } catch {
    return { isThere: false, wiped: undefined };
  }
}

function write(wiped: number | undefined): void {
  try {
    localStorage.setItem(MARKER, JSON.stringify({ wiped }));
  } catch {
    // Workers have none; it may be full, or refused: then nothing is known.
  }
}
