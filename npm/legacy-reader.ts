// Reads a document of the legacy layout with the holder's keys.
import { isPlain, toOptions, wellFormed } from "./arguments.js";
import { fromBase64 } from "./base64.js";
import { doesNotOpen, invalid, WardkeyError } from "./errors.js";
import { KeyPair } from "./key-pair.js";
import { ExchangeKeys, loadLegacy, openCbc } from "./legacy-keys.js";
import {
  delegations,
  fromHex,
  LEGACY,
  type LegacyDocument,
  type LegacyParty,
  list,
  malformed,
  text,
} from "./legacy-layout.js";
import type { Out } from "./types.js";

/** Of objects inside of each other. */
const MAX_DEPTH = 128;
const SECRET: unique symbol = Symbol("construct");
const OPTIONS = ["partyIds", "privateKeys", "parties", "formerIds"];

export interface OpenLegacyOptions {
  /** The holder's id in the legacy database; with those of the organisations whose private keys he has. */
  partyIds: string | readonly string[];
  /** RSA key pairs of these parties, older ones among them: KeyPair.importRsa() of a PKCS#8 or a JWK. They are needed for as long as the reader is. */
  privateKeys: KeyPair | readonly KeyPair[];
  /** Records of the parties who shared something with the holder, and of the holder: where their exchange keys stand. */
  parties: readonly LegacyParty[];
  /** Ids under which documents were encrypted before they were merged into others, by the document's id now. */
  formerIds?: Readonly<Record<string, readonly string[]>>;
}

/** A document that was read. Nothing of it is authenticated: whoever could write to the legacy database could change it, or make it up. */
export interface LegacyEntity {
  id: string;
  /** Paths of what was encrypted in it, as a field manifest has them. */
  encrypted: string[];
  /** All members in clear, without those of the layout. */
  entity: Record<string, unknown> & { id: string };
  /** Its own secret ids: what stood in the `secretForeignKeys` of its children. One that is a key of the document is left out. What a forged document gives for an id may be a key all the same:
   *  it must not get to that database, in a query or a log, before it is known as the id of something there. */
  secretIds: string[];
  /** Ids of its parents. Of them the same is true. */
  parentIds: string[];
  secretForeignKeys: string[];
  /** Who could read it, by ids of the legacy database, the holder too. */
  readers: string[];
}

/** Whoever holds an RSA key of the legacy layout. Opened keys are kept until free(). */
export class LegacyReader {
  readonly #own: readonly string[];
  readonly #keys: ExchangeKeys;
  readonly #formerIds: Readonly<Record<string, readonly string[]>>;
  #freed = false;

  private constructor(
    secret: typeof SECRET,
    own: readonly string[],
    keys: ExchangeKeys,
    formerIds: Readonly<Record<string, readonly string[]>>,
  ) {
    if (secret !== SECRET) throw invalid("a LegacyReader comes from openLegacy()");
    this.#own = own;
    this.#keys = keys;
    this.#formerIds = formerIds;
  }

  /** @internal */
  static of(
    own: readonly string[],
    keys: ExchangeKeys,
    formerIds: Readonly<Record<string, readonly string[]>>,
  ): LegacyReader {
    return new LegacyReader(SECRET, own, keys, formerIds);
  }

  /** @throws `invalid-argument` for what is none, and after free() of it or of its key pairs
   *  @internal */
  static check(reader: unknown): asserts reader is LegacyReader {
    if (!(typeof reader === "object" && reader !== null && #keys in reader)) throw invalid("not a LegacyReader");
    if (reader.#freed) throw invalid("used after free()");
    reader.#keys.check();
  }

  /** The ids of the holder.
   *  @internal */
  static own(reader: LegacyReader): readonly string[] {
    return reader.#own;
  }

  /** Opens a document, with the objects inside of it that are encrypted by themselves; one that isn't encrypted is given as it is. It isn't changed itself.
   *  @throws `invalid-argument` for what is no document, and after free(); `invalid-format` for one of another form; `not-a-recipient` where nothing of it is for the holder, or no exchange key
   *  of his; `limit` for one that is nested too deep. Whatever of it doesn't open, and whatever is opened and isn't what it should be, is the same `decryption-failed` */
  async read(document: LegacyDocument): Promise<LegacyEntity> {
    LegacyReader.check(this);
    if (!isPlain(document) || typeof (document as Partial<LegacyDocument>).id !== "string")
      throw invalid("a document is a plain object with an id");
    try {
      return await this.#read(jsonCopy(document));
    } finally {
      // By wiped keys nothing opens: that isn't the document's fault.
      LegacyReader.check(this);
    }
  }

  async #read(copy: LegacyDocument): Promise<LegacyEntity> {
    const { id, encryptionKeys, delegations: secretIds, cryptedForeignKeys } = copy;
    const secretForeignKeys = list(copy.secretForeignKeys, "secretForeignKeys").map((one) =>
      text(one, "secretForeignKeys"),
    );
    const inKeys = [...delegations(encryptionKeys, "encryptionKeys")];
    const inDelegations = [...delegations(secretIds, "delegations")];
    // Before there were encryptionKeys, the secret id was the key, too.
    const forKeys = inKeys.length > 0 ? inKeys : inDelegations;
    let entity: Record<string, unknown> & { id?: unknown } = copy;
    const encrypted = new Set<string>();
    const isEncrypted = isSealed(copy);
    const contents = isEncrypted ? await this.#open(id, forKeys) : await this.#openAny(id, forKeys);
    if (isEncrypted) {
      const keys = contents.flatMap(toKey);
      if (keys.length === 0) throw doesNotOpen();
      entity = unsealed(copy, keys, { path: "", found: encrypted, depth: 0 }) as Record<string, unknown>;
    }
    const ownIds = await this.#openAny(id, inDelegations);
    const parentIds = await this.#openAny(id, [...delegations(cryptedForeignKeys, "cryptedForeignKeys")]);
    // Nothing says what a value was sealed for: who writes to the database can put a key in the place of an id, to be asked for it.
    if (parentIds.some((parent) => contents.includes(parent) || ownIds.includes(parent))) throw doesNotOpen();
    for (const name of [...LEGACY, "id"]) encrypted.delete(name);
    for (const name of LEGACY) delete entity[name];
    if (entity.id !== id) throw doesNotOpen();
    const readers = new Set([...forKeys, ...inDelegations].map(({ delegate }) => delegate));
    return {
      id,
      encrypted: [...encrypted],
      entity: entity as LegacyEntity["entity"],
      // Where there are no encryptionKeys they are the same.
      secretIds: inKeys.length > 0 ? ownIds.filter((own) => !contents.includes(own)) : ownIds,
      parentIds,
      secretForeignKeys,
      readers: [...readers],
    };
  }

  /** As #open(), of a map that may have nothing for the holder. */
  async #openAny(id: string, values: readonly Value[]): Promise<string[]> {
    return values.some((value) => this.#isOwn(value)) ? this.#open(id, values) : [];
  }

  #isOwn({ owner, delegate }: Value): boolean {
    return this.#own.includes(delegate) || this.#own.includes(owner);
  }

  /** The contents of the values that the holder's exchange keys open: what was sealed for him first. Each begins with the document's id. */
  async #open(id: string, values: readonly Value[]): Promise<string[]> {
    const own = values.filter((value) => this.#isOwn(value));
    own.sort((one, other) => Number(this.#own.includes(other.delegate)) - Number(this.#own.includes(one.delegate)));
    const found = new Set<string>();
    let hasKeys = false;
    for (const { owner, delegate, sealed } of own) {
      let keys: readonly Out[] = [];
      try {
        keys = await this.#keys.of(owner, delegate);
      } catch (e) {
        // There is one, and it doesn't open: as a value that doesn't.
        if (!(e instanceof WardkeyError && e.code === "decryption-failed")) throw e;
        hasKeys = true;
      }
      hasKeys ||= keys.length > 0;
      for (const key of keys) {
        const content = this.#content(id, key, sealed);
        if (content !== undefined) found.add(content);
      }
    }
    if (!hasKeys) throw new WardkeyError("not-a-recipient", "there is no exchange key for the holder's keys");
    if (found.size === 0) throw doesNotOpen();
    return [...found];
  }

  /** What follows the id. */
  #content(id: string, key: Out, sealed: string): string | undefined {
    const bytes = fromHex(sealed);
    const opened = bytes && openCbc(key, bytes);
    if (!opened) return undefined;
    const content = utf8(opened);
    opened.fill(0);
    const former = Object.hasOwn(this.#formerIds, id) ? this.#formerIds[id] : undefined;
    const before = [id, ...(former ?? [])].map((one) => `${one}:`).find((one) => content?.startsWith(one));
    return before && content && content.length > before.length ? content.slice(before.length) : undefined;
  }

  /** Wipes the opened keys. May be called twice. */
  free(): void {
    this.#freed = true;
    this.#keys.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

type Value = { owner: string; delegate: string; sealed: string };

/** Reads what was encrypted for the holder of these RSA keys. Nothing is asked of any server.
 *  @throws `invalid-argument`; `key-policy` for a key pair that isn't RSA's; `invalid-format` for a party that is none; `unsupported-environment` */
export async function openLegacy(options: OpenLegacyOptions): Promise<LegacyReader> {
  if (!isPlain(options)) throw invalid("the options are not an object");
  const { partyIds, privateKeys, parties, formerIds = {} } = toOptions(options, OPTIONS);
  const own = (Array.isArray(partyIds) ? partyIds : [partyIds]).map((id) => wellFormed(id, "a party id"));
  const pairs: KeyPair[] = Array.isArray(privateKeys) ? Array.from(privateKeys) : [privateKeys];
  if (own.length === 0 || own.includes("")) throw invalid("there is no party id");
  if (pairs.length === 0) throw invalid("there is no private key");
  for (const pair of pairs) KeyPair.toCore(pair);
  if (!Array.isArray(parties)) throw invalid("the parties are not an array");
  const records = parties.map((party: unknown) => {
    if (!isPlain(party) || typeof (party as Partial<LegacyParty>).id !== "string") throw malformed("a party");
    return jsonCopy(party as LegacyParty);
  });
  if (
    !isPlain(formerIds) ||
    !Object.values(formerIds).every((ids) => Array.isArray(ids) && ids.every((id) => typeof id === "string"))
  ) {
    throw invalid("formerIds has arrays of ids");
  }
  const keys = new ExchangeKeys(pairs, records);
  await loadLegacy();
  return LegacyReader.of(own, keys, jsonCopy(formerIds));
}

/** A copy as JSON has it: later changes of it are nothing to us. */
function jsonCopy<T>(given: T): T {
  try {
    return JSON.parse(JSON.stringify(given));
  } catch {
    // What it threw may say what stands in it.
    throw invalid("what can't be written as JSON");
  }
}

/** A UUID without its dashes, or 16 or 32 bytes in hexadecimal. */
function toKey(content: string): Out[] {
  const hex = content.length === 36 ? content.replaceAll("-", "") : content;
  const key = hex.length === 32 || hex.length === 64 ? fromHex(hex) : undefined;
  return key ? [key] : [];
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const SEALED = { encryptedSelf: undefined, encryptedContent: "content" } as const;

/** Is it, or something inside of it, encrypted? */
function isSealed(value: unknown, depth = 0): boolean {
  if (depth > MAX_DEPTH) throw new WardkeyError("limit", "the document is nested too deep");
  if (typeof value !== "object" || value === null) return false;
  const members = value as Record<string, unknown>;
  if (!Array.isArray(value) && Object.keys(SEALED).some((name) => has(members, name))) return true;
  return Object.values(members).some((member) => isSealed(member, depth + 1));
}

const has = (members: Record<string, unknown>, name: string) =>
  Object.hasOwn(members, name) && typeof members[name] === "string" && members[name] !== "";

/** A name that no path of a manifest can have. In its place stands what makes of the path none that any manifest takes. */
const UNNAMABLE = /^$|[.[\]*?\p{Cc}]/u;

/** Where a value stands, and the paths of what was encrypted so far. */
interface Place {
  path: string;
  found: Set<string>;
  depth: number;
}

/** The same with all in it that is encrypted in clear. What was encrypted stands for what is beside it. */
function unsealed(value: unknown, keys: readonly Out[], { path, found, depth }: Place): unknown {
  if (depth > MAX_DEPTH) throw new WardkeyError("limit", "the document is nested too deep");
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((element) => unsealed(element, keys, { path: `${path}[]`, found, depth: depth + 1 }));
  }
  const to = (name: string) => `${path}${path === "" ? "" : "."}${UNNAMABLE.test(name) ? "[" : name}`;
  const entries = Object.entries(value).map(([name, member]) => [
    name,
    unsealed(member, keys, { path: to(name), found, depth: depth + 1 }),
  ]);
  let members: Record<string, unknown> = Object.fromEntries(entries);
  for (const [name, inside] of Object.entries(SEALED)) {
    if (!has(members, name)) continue;
    const { [name]: sealed, ...rest } = members;
    const content = opened(sealed as string, keys);
    const more = inside === undefined ? content : { [inside]: content };
    for (const added of Object.keys(more)) found.add(to(added));
    members = { ...rest, ...more };
  }
  return members;
}

/** By the first key that gives an object: nothing else says that a key is the right one. */
function opened(base64: string, keys: readonly Out[]): Record<string, unknown> {
  const sealed = fromBase64(base64);
  for (const key of sealed ? keys : []) {
    const bytes = openCbc(key, sealed as Out);
    const json = bytes && utf8(bytes)?.replace(/\0+$/, "");
    bytes?.fill(0);
    try {
      const content: unknown = JSON.parse(json ?? "");
      if (isPlain(content)) return content;
    } catch {
      // The next key.
    }
  }
  throw doesNotOpen();
}
