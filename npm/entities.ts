// Records of the application that are encrypted member by member, linked by sealed ids, and shared by a few short values.
import { isObject, MAX_NAME, shortText, toOptions } from "./arguments.js";
import type { CoreClient, CoreTask } from "./core/wardkey_core.js";
import { fromCore, invalid, isWardkeyError, type KnownErrorCode, WardkeyError } from "./errors.js";
import { toNames } from "./group.js";
import type { Settled } from "./items.js";
import { Pace } from "./pace.js";

/** Which members are sealed: "name", "address.street", "notes[].text", "extra.*". All others stay clear.
 *  A path that matches nothing is `invalid-argument` (a typo must not leak), unless it ends in "?"; the error's message names it. */
export type FieldManifest = readonly string[];

/** "A→B" -> values sealed under the exchange key of that pair, base64url. */
export type DelegationMap = Record<string, string[]>;

/** An entity as the application stores it. What no manifest names stands in it as it was. */
export interface EncryptedEntity {
  id: string;
  entityType: string;
  /** What the manifest names, under a key of this entity alone. */
  encryptedSelf: string;
  /** That key, for each pair. */
  encryptionKeys: DelegationMap;
  /** Secret ids of this entity, for each pair: they stand in clear in its children. */
  delegations: DelegationMap;
  /** Ids of its parents, for each pair. */
  cryptedForeignKeys: DelegationMap;
  /** Secret ids of its parents, in clear: what the database is asked by. */
  secretForeignKeys: string[];
  [clear: string]: unknown;
}

/** Entities of the open identity: records that are linked, and that people and groups share pair by pair. An entity is an object of JSON, as JSON.stringify() writes it; numbers,
 *  members that nobody knows and the order of arrays stay as they are. Whoever reads an entity may share it on. Everything takes what it is given at once: later changes of the
 *  objects are nothing to it. After lock(): `locked`. */
export interface Entities {
  /** Encrypts an entity for the own user, and for the users and groups of `shareWith`. With `parent`, which the own user reads, the result carries the parent's secret foreign key in clear
   *  and the parent's id only encrypted. The first time that somebody seals for somebody it makes an exchange key, which the key server keeps.
   *  @throws `invalid-argument`: no id, a reserved member, a path that matches nothing, a party with the id of the entity; `invalid-format` of a parent that is none; `unknown-user`,
   *  `unknown-group`, `not-certified`, `pin-mismatch`, whose messages name who it is; `stale` for a group of which nobody has lately said what its newest state is; `limit`, `conflict`, `locked`, `network`, `server`; as decrypt() of
   *  the parent */
  encrypt<T extends { id: string }>(
    entityType: string,
    entity: T,
    manifest: FieldManifest,
    options?: { parent?: EncryptedEntity; shareWith?: readonly string[] },
  ): Promise<EncryptedEntity>;

  /** What was encrypted, with the clear members as they stand in it now.
   *  @throws `not-a-recipient`: it wasn't shared with the own user or one of his groups, or the exchange key is lost for him; `revoked`: with a group that he left; `decryption-failed`,
   *  `unwrap-failed`, `truncated`, `bad-signature`, `rollback`, `fork` for what is not as it should be; `key-mismatch` also for an entity whose links were changed; `forbidden` for pairs from nowhere;
   *  `invalid-format`, `limit`; `locked`, `network`, `server` */
  decrypt<T>(entity: EncryptedEntity): Promise<T>;

  /** Many entities, with one request for all exchange keys that aren't here, and one private operation for each. One that doesn't open is an error in its place, as decrypt() has it.
   *  @throws `invalid-argument` for what is no array, `locked` */
  decryptMany<T>(entities: readonly EncryptedEntity[]): Promise<Settled<T>[]>;

  /** encryptedSelf is made anew under the same key; nothing else changes but the clear members. What was sealed and `manifest` doesn't name any more is stored in clear: give the manifest that it was
   *  encrypted with, and let no path end in "?" that needn't. Who had the key reads this too, if it is given to him: who must not is left behind by an entity that
   *  is encrypted anew.
   *  @throws `invalid-argument`, also for another id; as decrypt() of the previous one */
  update<T extends { id: string }>(
    previous: EncryptedEntity,
    entity: T,
    manifest: FieldManifest,
  ): Promise<EncryptedEntity>;

  /** Adds delegations only: encryptedSelf keeps its bytes. Who has the entity already is passed over.
   *  @throws `forbidden` for who would be more than eight steps from who made it; as decrypt() and encrypt() */
  share(entity: EncryptedEntity, partyIds: readonly string[]): Promise<EncryptedEntity>;

  /** What to query the database with to find the children of a patient.
   *  @throws as decrypt() */
  secretForeignKeys(parent: EncryptedEntity): Promise<string[]>;

  /** Ids of the entities that this one was made a child of. Its links are compared with what was sealed in it.
   *  @throws as decrypt() */
  parentIds(child: EncryptedEntity): Promise<string[]>;
}

/** UTF-16 units of an entity's JSON at most. */
const MAX_ENTITY = 1 << 26;
/** Bytes of a piece of memory for texts. */
const PIECE = 1 << 17;
const COMMA = 0x2c;
const NOTHING = /* @__PURE__ */ new Uint8Array();
const encoder = /* @__PURE__ */ new TextEncoder();
/** Of a manifest; docs/SPEC.md, section 18.10. */
const MAX_PATHS = 1000;
const MAX_PATH = 65_536;

/** Whom entities are shared with. */
const PARTY = "a user or a group";

/** What says that somebody can't open something. */
const CLOSED = [
  "not-a-recipient",
  "revoked",
  "decryption-failed",
  "unwrap-failed",
  "key-mismatch",
  "bad-signature",
  "truncated",
  "rollback",
  "fork",
];

/** Runs a call of the core to its end. */
type Run = <T>(make: (core: CoreClient) => CoreTask) => Promise<T>;

/** @internal */
export function entitiesOf(run: Run, user: () => string | undefined): Entities {
  return new OwnEntities(run, user);
}

class OwnEntities implements Entities {
  readonly #run: Run;
  readonly #user: () => string | undefined;

  constructor(run: Run, user: () => string | undefined) {
    this.#run = run;
    this.#user = user;
  }

  async encrypt<T extends { id: string }>(
    entityType: string,
    entity: T,
    manifest: FieldManifest,
    options?: { parent?: EncryptedEntity; shareWith?: readonly string[] },
  ): Promise<EncryptedEntity> {
    const { parent, shareWith = [] } = toOptions(options, ["parent", "shareWith"]);
    const type = shortText(entityType, "the entity type", MAX_NAME, "invalid-argument");
    const [text, paths] = [toText(entity, "the entity"), toPaths(manifest)];
    const above = parent === undefined ? undefined : toText(parent, "the parent");
    const others = toNames(shareWith, "shareWith", PARTY);
    // What doesn't verify here is somebody else's: nothing is opened but the parent.
    return JSON.parse(await this.#run<string>((core) => core.encryptEntity(type, text, paths, above, others)));
  }

  async decrypt<T>(entity: EncryptedEntity): Promise<T> {
    const text = toText(entity, "the entity");
    return this.#parsed((core) => core.decryptEntity(text));
  }

  async decryptMany<T>(entities: readonly EncryptedEntity[]): Promise<Settled<T>[]> {
    if (!Array.isArray(entities)) throw invalid("the entities are not an array");
    const pace = new Pace();
    const given: readonly EncryptedEntity[] = Array.from(entities);
    const results = new Array<Settled<T>>(given.length);
    const [texts, packed]: [Texts, Uint8Array[]] = [new Texts(), []];
    const lists = new Set<string>();
    for (const entity of given) {
      try {
        const parts = toParts(entity);
        lists.add(pairsOf(entity, parts[1] ?? parts[0]));
        packed.push(texts.pack(parts));
      } catch (e) {
        const error = isWardkeyError(e) ? e : invalid("an entity can't be read");
        results[packed.length] = { ok: false, error };
        packed.push(NOTHING);
      }
      if (pace.isLong()) await pace.breathe();
    }
    const put = (place: number, one: string | Error): void => {
      // What was refused above isn't opened.
      results[place] ??=
        one instanceof Error ? { ok: false, error: this.#why(fromCore(one)) } : { ok: true, value: JSON.parse(one) };
    };
    await this.#run<void>((core) => core.decryptEntities(packed, [...lists], put));
    return results;
  }

  async update<T extends { id: string }>(
    previous: EncryptedEntity,
    entity: T,
    manifest: FieldManifest,
  ): Promise<EncryptedEntity> {
    const [before, text, paths] = [
      toText(previous, "the previous one"),
      toText(entity, "the entity"),
      toPaths(manifest),
    ];
    return this.#parsed((core) => core.updateEntity(before, text, paths));
  }

  async share(entity: EncryptedEntity, partyIds: readonly string[]): Promise<EncryptedEntity> {
    const [text, others] = [toText(entity, "the entity"), toNames(partyIds, "partyIds", PARTY)];
    return this.#parsed((core) => core.shareEntity(text, others));
  }

  async secretForeignKeys(parent: EncryptedEntity): Promise<string[]> {
    const text = toText(parent, "the parent");
    return this.#told((core) => core.secretForeignKeys(text));
  }

  async parentIds(child: EncryptedEntity): Promise<string[]> {
    const text = toText(child, "the child");
    return this.#told((core) => core.parentIds(text));
  }

  async #parsed<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    return JSON.parse(await this.#told<string>(make));
  }

  async #told<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    try {
      return await this.#run<T>(make);
    } catch (e) {
      throw isWardkeyError(e) ? this.#why(e) : e;
    }
  }

  /** Of what doesn't open a developer wants to know for whom. */
  #why(error: WardkeyError): WardkeyError {
    const user = this.#user();
    if (!CLOSED.includes(error.code) || user === undefined) return error;
    const message = `${user} can't open this: ${error.message}`;
    return new WardkeyError(
      error.code as KnownErrorCode,
      message,
      "cause" in error ? { cause: error.cause } : undefined,
    );
  }
}

/** The JSON of an entity: whole, or in two objects. */
type Parts = [object: string, other?: string];

/** Many texts in UTF-8, in pieces of memory: beside what JavaScript tidies up, where texts of megabytes take longer than to read them. */
class Texts {
  #room = NOTHING;

  /** An object of JSON, and the members of another after its own. */
  pack([object, other]: Parts): Uint8Array {
    // A unit of UTF-16 takes three bytes at most.
    const most = 3 * (object.length + (other?.length ?? 0));
    if (most > PIECE) return encoder.encode(other === undefined ? object : `${object.slice(0, -1)},${other.slice(1)}`);
    if (most > this.#room.length) this.#room = new Uint8Array(PIECE);
    let { written } = encoder.encodeInto(object, this.#room);
    if (other !== undefined) {
      this.#room[written - 1] = COMMA;
      written += encoder.encodeInto(other.slice(1), this.#room.subarray(written)).written;
    }
    const packed = this.#room.subarray(0, written);
    this.#room = this.#room.subarray(written);
    return packed;
  }
}

/** Its JSON, as it is now. The names of its pairs have an arrow, and what JavaScript has with such a character takes twice the memory, and the time. */
function toParts(entity: EncryptedEntity): Parts {
  if (isObject(entity) && Object.getPrototypeOf(entity) === Object.prototype && !hasOwnJson(entity)) {
    const { encryptionKeys, delegations, cryptedForeignKeys, ...others } = entity;
    const [object, maps] = [
      toText(others, "an entity"),
      toText({ encryptionKeys, delegations, cryptedForeignKeys }, "an entity"),
    ];
    const isWhole = object === "{}" || maps === "{}" || object.length + maps.length > MAX_ENTITY;
    if (!isWhole) return [object, maps];
  }
  return [toText(entity, "an entity")];
}

/** Its JSON, as it is now. What it says of itself is for the core to read. */
function toText(entity: unknown, what: string): string {
  if (!isObject(entity) || Array.isArray(entity)) throw invalid(`${what} is not an object`);
  let text: unknown;
  try {
    text = JSON.stringify(entity);
  } catch {
    // What it threw may say what stands in it.
    throw invalid(`${what} can't be written as JSON`);
  }
  if (typeof text !== "string" || !text.startsWith("{")) throw invalid(`${what} is no object of JSON`);
  if (text.length > MAX_ENTITY) throw new WardkeyError("limit", `${what} is longer than any`);
  return text;
}

/** The names of its pairs, as they stand in its JSON, or in that of its maps. Whether they are any is for the core to say. */
function pairsOf(entity: EncryptedEntity, text: string): string {
  const isOther = hasOwnJson(entity) || hasOwnJson(entity.encryptionKeys);
  const { encryptionKeys } = isOther ? (JSON.parse(text) as EncryptedEntity) : entity;
  return isObject(encryptionKeys) ? Object.keys(encryptionKeys).join("\n") : "";
}

/** Says an object by itself what its JSON is, as rows of some databases do? */
const hasOwnJson = (object: unknown): boolean =>
  isObject(object) && typeof (object as { toJSON?: unknown }).toJSON === "function";

function toPaths(manifest: FieldManifest): string[] {
  if (!Array.isArray(manifest)) throw invalid("a manifest is an array of paths");
  if (manifest.length > MAX_PATHS) throw invalid("more than 1,000 paths");
  return manifest.map((path, place) => shortText(path, `manifest[${place}]`, MAX_PATH, "invalid-argument"));
}
