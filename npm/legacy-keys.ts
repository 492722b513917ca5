// Exchange keys of the legacy layout: AES keys, one for an ordered pair of parties, wrapped by RSA-OAEP with SHA-1 in the delegator's record.
import * as glue from "./core/wardkey_legacy.js";
import { call } from "./core.js";
import { doesNotOpen, isWardkeyError } from "./errors.js";
import { KeyPair } from "./key-pair.js";
import { packed } from "./legacy-data.js";
import { fromHex, type LegacyParty, list, record, text } from "./legacy-layout.js";
import { Pace } from "./pace.js";
import { SideModule } from "./side-module.js";
import { spkiOf } from "./spki.js";
import type { Out } from "./types.js";

const side = /* @__PURE__ */ new SideModule(glue, packed, "wardkey/legacy");
/** A public key is named by the last bytes of its SubjectPublicKeyInfo: so many characters of hexadecimal. */
const NAME = 32;
const FAILED = "decryption-failed";

/** @throws `unsupported-environment` */
export async function loadLegacy(): Promise<void> {
  await side.load();
}

/** What AES-CBC holds; nothing where it doesn't open. What comes out proves nothing. */
export function openCbc(key: Uint8Array, sealed: Uint8Array): Out | undefined {
  return attempt(() => glue.open(key, sealed) as Out);
}

/** Would `wardkey.entities` take it? Its errors are those of encrypt(). */
export function checkEntity(entityType: string, entity: string, paths: string[], parties: string[]): void {
  side.call(() => glue.checkEntity(entityType, entity, paths, parties));
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return side.call(run);
  } catch (e) {
    if (isWardkeyError(e) && e.code === FAILED) return undefined;
    throw e;
  }
}

/** A private key, and the name that its public half has in the records. */
interface Holder {
  pair: KeyPair;
  name: string;
}

/** Wrapped for the public key of this name; "" where none is named. */
interface Wrapped {
  name: string;
  key: string;
}

/** The exchange keys that the holder's private keys open. */
export class ExchangeKeys {
  readonly #holders: readonly Holder[];
  readonly #records = new Map<string, LegacyParty>();
  /** What was opened, by the pair. */
  readonly #opened = new Map<string, Promise<readonly Out[]>>();
  readonly #pace = new Pace();
  #freed = false;

  constructor(pairs: readonly KeyPair[], parties: readonly LegacyParty[]) {
    const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#holders = pairs.map((pair) => ({ pair, name: hex(spkiOf(pair.publicKey)).slice(-NAME) }));
    for (const party of parties) this.#records.set(party.id, party);
  }

  /** @throws `invalid-argument` where a private key was freed */
  check(): void {
    for (const { pair } of this.#holders) KeyPair.toCore(pair);
  }

  /** Those of a pair. None: there is none, or none that is wrapped for the holder. Once opened they are kept.
   *  @throws `decryption-failed` where none opens of those that are; `invalid-format` */
  of(delegator: string, delegate: string): Promise<readonly Out[]> {
    const pair = JSON.stringify([delegator, delegate]);
    const known = this.#opened.get(pair);
    if (known) return known;
    const opening = this.#open(delegator, delegate);
    this.#opened.set(pair, opening);
    return opening;
  }

  async #open(delegator: string, delegate: string): Promise<readonly Out[]> {
    const found: Out[] = [];
    let isWrapped = false;
    const tried = new Set<string>();
    for (const { name, key } of this.#wrapped(delegator, delegate)) {
      const holders = this.#holders.filter((holder) => name === "" || holder.name === name);
      if (tried.has(key) || holders.length === 0) continue;
      tried.add(key);
      isWrapped = true;
      for (const holder of holders) {
        await this.#pace.breathe();
        const opened = this.#unwrap(holder.pair, key);
        if (opened) found.push(opened);
        if (opened) break;
      }
    }
    if (this.#freed) for (const key of found) key.fill(0);
    if (isWrapped && found.length === 0) throw doesNotOpen();
    return found;
  }

  /** Those with a name first: of the others each private key is tried. */
  *#wrapped(delegator: string, delegate: string): Generator<Wrapped> {
    const what = "a party's exchange keys";
    const { aesExchangeKeys, hcPartyKeys } = this.#records.get(delegator) ?? {};
    const unnamed: Wrapped[] = [];
    for (const delegates of Object.values(record(aesExchangeKeys, what))) {
      const keys = record(delegates, what);
      if (!Object.hasOwn(keys, delegate)) continue;
      for (const [name, key] of Object.entries(record(keys[delegate], what))) {
        const wrapped = { name: name.slice(-NAME), key: text(key, what) };
        if (wrapped.name === "") unnamed.push(wrapped);
        else yield wrapped;
      }
    }
    const pairs = record(hcPartyKeys, what);
    const older = Object.hasOwn(pairs, delegate) ? list(pairs[delegate], what) : [];
    yield* unnamed;
    yield* older.map((key) => ({ name: "", key: text(key, what) }));
  }

  #unwrap(pair: KeyPair, hex: string): Out | undefined {
    const wrapped = fromHex(hex);
    if (!wrapped) return undefined;
    const pkcs8 = call(() => KeyPair.toCore(pair).pkcs8());
    try {
      const key = attempt(() => glue.unwrap(pkcs8, wrapped) as Out);
      return key && (key.length === 16 || key.length === 32) ? key : undefined;
    } finally {
      pkcs8.fill(0);
    }
  }

  /** Wipes what was opened. */
  free(): void {
    this.#freed = true;
    for (const opening of this.#opened.values()) {
      opening.then(
        (keys) => {
          for (const key of keys) key.fill(0);
        },
        () => undefined,
      );
    }
    this.#opened.clear();
  }
}
