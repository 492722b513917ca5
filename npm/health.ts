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

/** A marker that there is an identity here: apart from it, a wipe of the database can't be told from a first visit.
 *  @internal */
export class Marker {
  readonly #name: string;

  constructor(appId: string) {
    this.#name = `wardkey.identity.${appId}`;
  }

  /** There is an identity on this device, or none any more. */
  set(isHere: boolean): void {
    const { wiped } = this.#read();
    this.#write({ isHere, wiped });
  }

  /** Nothing was found on this device. If something should be there, it was wiped at most now. */
  missing(): void {
    const { isHere } = this.#read();
    if (isHere) this.#write({ isHere: false, wiped: Date.now() });
  }

  get lastWipe(): Date | undefined {
    const { wiped } = this.#read();
    return wiped === undefined ? undefined : new Date(wiped);
  }

  #read(): { isHere: boolean; wiped: number | undefined } {
    try {
      const { isHere, wiped } = JSON.parse(localStorage.getItem(this.#name) ?? "{}");
      return { isHere: isHere === true, wiped: Number.isSafeInteger(wiped) ? wiped : undefined };
    } catch {
      return { isHere: false, wiped: undefined };
    }
  }

  #write(told: { isHere: boolean; wiped: number | undefined }): void {
    try {
      localStorage.setItem(this.#name, JSON.stringify(told));
    } catch {
      // Workers have none; it may be full, or refused: then nothing is known.
    }
  }
}
