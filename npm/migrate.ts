// Moves documents of the legacy layout to `wardkey.entities`, one after the other, in a run that can be interrupted anywhere.
import { isObject, isPlain, shortText, throwIfAborted, toOptions, wellFormed } from "./arguments.js";
import { fromBase64url, toBase64url } from "./base64.js";
import type { EncryptedEntity, FieldManifest } from "./entities.js";
import { invalid, isWardkeyError, WardkeyError } from "./errors.js";
import { checkEntity } from "./legacy-keys.js";
import { LEGACY, type LegacyDocument } from "./legacy-layout.js";
import { type LegacyEntity, LegacyReader } from "./legacy-reader.js";
import type { Wardkey } from "./wardkey.js";

type Order<T> = Iterable<T> | AsyncIterable<T>;
/** Documents in an order that stays the same from run to run, or who gives those after the one with this id: a cursor of the database. */
export type Documents = Order<LegacyDocument> | ((after: string | undefined) => Order<LegacyDocument>);

export interface MigrateOptions {
  /** What reads them: openLegacy(). */
  reader: LegacyReader;
  /** The entity type of a document. */
  entityType: string | ((read: LegacyEntity) => string);
  /** What of it is encrypted, beside what was: that never becomes clear. */
  manifest?: FieldManifest | ((read: LegacyEntity) => FieldManifest);
  /** Users and groups of Wardkey, by their ids in the legacy database. Who isn't named gets nothing: the names in a legacy document are in clear, and anybody's who can write to the database. */
  parties: Readonly<Record<string, string>>;
  /** The moved document with this id, where one has it for its parent: what an earlier item of this run or another gave. A document with a parent can't be moved without it.
   *  It is only asked for ids that `documents` has before the child, or `knownIds`: what a forged document calls its parent may be its key. */
  parent?: (id: string) => EncryptedEntity | undefined | Promise<EncryptedEntity | undefined>;
  /** Ids of documents that children of this run may have for parents and that `documents` doesn't have before them: of another collection, or before `from` where `documents` is a function. */
  knownIds?: Iterable<string>;
  /** Reads and reports, and changes nothing: neither here nor at the key server. */
  dryRun?: boolean;
  /** `position` of the last item that was kept: the run goes on after it. */
  from?: string;
  /** Ends the run before its next document: `aborted`. */
  signal?: AbortSignal;
  /** How many documents were done, those before `from` among them. */
  onProgress?: (done: number) => void;
}

/** What became of a document. */
export interface Migrated {
  /** For `from`: keep it in the same transaction as `entity`. */
  position: string;
  /** Empty where there is none. */
  id: string;
  /** `moved`: `entity` is to be stored in its place. `would-move`: in a dry run. `already`: it is encrypted by Wardkey. `failed`: it stays as it is, for `error`. */
  outcome: "moved" | "would-move" | "already" | "failed";
  entity?: EncryptedEntity;
  /** With `entity`: the paths of what is encrypted in it, for update(): the manifest, and what was encrypted before, where it may be absent later. */
  encrypted?: FieldManifest;
  error?: WardkeyError;
  /** Ids of its parents in the legacy database, those that are known; it was linked to the first. */
  parentIds: string[];
  /** Users and groups of Wardkey with whom it is shared, the own user apart. */
  sharedWith: string[];
  /** Who could read it in the legacy database, and is no name of `parties`. */
  notShared: string[];
}

const OPTIONS = [
  "reader",
  "entityType",
  "manifest",
  "parties",
  "parent",
  "knownIds",
  "dryRun",
  "from",
  "signal",
  "onProgress",
];
const RESERVED = ["entityType", ...LEGACY];
/** What a document is to blame for, or its parent, or the parties that it is for. With all else the run ends, and goes on later where it stopped. */
const OF_DOCUMENT = [
  "invalid-argument",
  "invalid-format",
  "limit",
  "unsupported-version",
  "decryption-failed",
  "truncated",
  "unwrap-failed",
  "not-a-recipient",
  "key-mismatch",
  "unknown-user",
  "unknown-group",
  "not-certified",
  "pin-mismatch",
  "bad-signature",
  "rollback",
  "forbidden",
  "revoked",
];
const MAX_POSITION = 8192;
const NOT_YET = "its parent isn't moved yet";

/** Reads documents in the legacy layout, and gives each as `wardkey.entities.encrypt()` makes it of its content: with the id and the clear members that it had, as a child of its first parent, for
 *  the own user and those of `parties` who could read it. Nothing is stored: the application keeps `entity` and `position` of each item, in one transaction, before it asks for the next.
 *  A run that ended in between goes on `from` the last position that was kept, and neither leaves a document out nor gives one twice. Parents come before their children.
 *  A document that can't be read or moved is an item with an `error`. What has to do with all of them ends the run instead: `locked`, `network`, `server`, `throttled`, `stale`, `aborted` and their like.
 *  Nothing in the legacy layout is authenticated: docs/THREAT-MODEL.md says what a database could have made of it. Look at a dry run first.
 *  @throws at once: `invalid-argument`; from the iterator: `conflict` where `documents` has another document at the place of `from`, what `documents` and `parent` throw, and as said above */
export function migrate(
  wardkey: Wardkey,
  documents: Documents,
  options: MigrateOptions,
): AsyncGenerator<Migrated, void, undefined> {
  if (!isObject(wardkey) || !isObject((wardkey as Partial<Wardkey>).entities)) throw invalid("not a Wardkey");
  if (!isPlain(options)) throw invalid("the options are not an object");
  const {
    reader,
    entityType,
    manifest = [],
    parties,
    parent,
    knownIds = [],
    dryRun = false,
    from,
    signal,
    onProgress,
  } = toOptions(options, OPTIONS);
  LegacyReader.check(reader);
  if (typeof entityType !== "string" && typeof entityType !== "function")
    throw invalid("the entity type is text or a function");
  if (!Array.isArray(manifest) && typeof manifest !== "function")
    throw invalid("a manifest is an array of paths or a function");
  if (!isPlain(parties)) throw invalid("parties is a plain object of names");
  for (const name of Object.values(parties)) wellFormed(name, "a party");
  if (parent !== undefined && typeof parent !== "function") throw invalid("parent is not a function");
  if (!isObject(knownIds) || !(Symbol.iterator in knownIds)) throw invalid("knownIds can't be iterated");
  if (typeof dryRun !== "boolean") throw invalid("dryRun is not a boolean");
  if (typeof documents !== "function" && !isOrder(documents)) throw invalid("the documents can't be iterated");
  const start = from === undefined ? FIRST : read(from);
  const moving: Moving = {
    wardkey,
    reader,
    entityType,
    manifest: manifest as Moving["manifest"],
    parties: { ...parties },
    parent,
    known: new Map(Array.from(knownIds, (id) => [wellFormed(id, "a known id"), true])),
    dryRun,
  };
  return run(moving, documents, start, signal, onProgress);
}

interface Moving {
  wardkey: Wardkey;
  reader: LegacyReader;
  entityType: string | ((read: LegacyEntity) => string);
  manifest: FieldManifest | ((read: LegacyEntity) => FieldManifest);
  parties: Readonly<Record<string, string>>;
  parent: MigrateOptions["parent"];
  /** Ids that the database named by itself; and is that document moved, or would it be, as far as this run knows? */
  known: Map<string, boolean>;
  dryRun: boolean;
}

/** How many documents were done, the id of the last, or of the last that has one where `documents` is a function, and how many came after that: a cursor can't begin behind those. */
interface Place {
  done: number;
  id: string;
  after: number;
}

const FIRST: Place = { done: 0, id: "", after: 0 };

async function* run(
  moving: Moving,
  documents: Documents,
  start: Place,
  signal: AbortSignal | undefined,
  onProgress: ((done: number) => void) | undefined,
): AsyncGenerator<Migrated, void, undefined> {
  throwIfAborted(signal);
  const isCursor = typeof documents === "function";
  const order = isCursor ? documents(start.id === "" ? undefined : start.id) : documents;
  if (!isOrder(order)) throw invalid("the documents can't be iterated");
  if (start.id !== "") moving.known.set(start.id, true);
  let { done, id, after } = isCursor ? { ...start, done: start.done - start.after, after: 0 } : FIRST;
  for await (const document of order) {
    throwIfAborted(signal);
    done += 1;
    if (done <= start.done) {
      const isSame = isCursor ? idOf(document) === "" : done < start.done || idOf(document) === start.id;
      if (!isSame) throw moved();
      if (isCursor) after += 1;
      else moving.known.set(idOf(document), true);
      continue;
    }
    const item = await move(moving, document);
    moving.known.set(item.id, item.outcome !== "failed");
    throwIfAborted(signal);
    if (isCursor && item.id === "") after += 1;
    else [id, after] = [item.id, 0];
    onProgress?.(done);
    yield { position: write({ done, id, after }), ...item };
  }
  if (done < start.done) throw moved();
}

type Item = Omit<Migrated, "position">;

async function move(moving: Moving, document: LegacyDocument): Promise<Item> {
  const item: Item = { id: idOf(document), outcome: "failed", parentIds: [], sharedWith: [], notShared: [] };
  try {
    if (isMoved(document)) return { ...item, outcome: "already" };
    const legacy = await moving.reader.read(document);
    item.parentIds = legacy.parentIds.filter((id) => moving.known.has(id));
    Object.assign(item, share(moving, legacy.readers));
    const [entityType, paths] = chosen(moving, legacy);
    // What was encrypted is there now. That it stays in clear is worse than an error.
    const manifest = [...paths, ...legacy.encrypted];
    const parentId = parentIdOf(moving, legacy);
    if (moving.dryRun) {
      const own = moving.wardkey.userId;
      const names = [...item.sharedWith, ...(own === undefined ? [] : [own])];
      checkEntity(entityType, JSON.stringify(legacy.entity), manifest, names);
      return { ...item, outcome: "would-move" };
    }
    const parent = parentId === undefined ? undefined : await parentOf(moving, parentId);
    const options = { shareWith: item.sharedWith, ...(parent && { parent }) };
    const encrypted = [...new Set([...paths, ...legacy.encrypted.map((path) => `${path}?`)])];
    const entity = await moving.wardkey.entities.encrypt(entityType, legacy.entity, manifest, options);
    return { ...item, outcome: "moved", entity, encrypted };
  } catch (e) {
    // What was closed or freed meanwhile is no document's fault.
    LegacyReader.check(moving.reader);
    const isOpen = moving.dryRun || moving.wardkey.fingerprint !== undefined;
    if (isOpen && isWardkeyError(e) && OF_DOCUMENT.includes(e.code)) return { ...item, error: e };
    throw e;
  }
}

/** What the application says of a document. What it throws itself ends the run. */
function chosen({ entityType, manifest }: Moving, legacy: LegacyEntity): [string, string[]] {
  const type = typeof entityType === "function" ? entityType(legacy) : entityType;
  const paths: unknown = typeof manifest === "function" ? manifest(legacy) : manifest;
  if (!Array.isArray(paths)) throw invalid("a manifest is an array of paths");
  return [wellFormed(type, "the entity type"), paths.map((path) => wellFormed(path, "a path"))];
}

function share(
  { wardkey, reader, parties }: Moving,
  readers: readonly string[],
): Pick<Item, "sharedWith" | "notShared"> {
  const others = readers.filter((id) => !LegacyReader.own(reader).includes(id));
  const isNamed = (id: string) => Object.hasOwn(parties, id);
  const named = others.filter(isNamed).map((id) => parties[id] as string);
  return {
    sharedWith: [...new Set(named)].filter((name) => name !== wardkey.userId),
    notShared: others.filter((id) => !isNamed(id)),
  };
}

/** The id of the parent that it is linked to. What isn't known as an id goes nowhere. */
function parentIdOf({ known, dryRun }: Moving, { parentIds: [id] }: LegacyEntity): string | undefined {
  if (id === undefined) return undefined;
  if (!known.has(id)) throw invalid("its parent is none of the documents before it, nor of knownIds");
  if (dryRun && !known.get(id)) throw invalid(NOT_YET);
  return id;
}

async function parentOf({ parent }: Moving, id: string): Promise<EncryptedEntity> {
  const found = await parent?.(id);
  if (!found) throw invalid(NOT_YET);
  if (idOf(found) !== id) throw invalid("what was given for its parent is another document");
  if (!hasMembers(found)) throw invalid(NOT_YET);
  return found;
}

/** Of a pair, and of the one value that it has in encryptionKeys: docs/SPEC.md, sections 18.6 and 18.8. */
const PAIR = /^[^→]+→[^→]+$/u;
const SEALED_KEY = /^[\w-]{139}$/;
/** Bytes of a sealed content with nothing in it. */
const LEAST_SEALED = 72;

function hasMembers(document: unknown): document is Record<string, unknown> {
  return isPlain(document) && RESERVED.every((name) => Object.hasOwn(document, name));
}

/** Is it as encrypt() makes them? What only has their members is no reason to pass a document over in silence. */
function isMoved(document: unknown): boolean {
  if (!hasMembers(document)) return false;
  const { entityType, encryptedSelf, encryptionKeys } = document as Partial<EncryptedEntity>;
  if (!isText(entityType) || !isText(encryptedSelf) || !isPlain(encryptionKeys)) return false;
  const pairs: [string, unknown][] = Object.entries(encryptionKeys);
  const isSealedKey = (value: unknown) => typeof value === "string" && SEALED_KEY.test(value);
  return (
    (fromBase64url(encryptedSelf)?.length ?? 0) >= LEAST_SEALED &&
    pairs.length > 0 &&
    pairs.every(
      ([pair, values]) => PAIR.test(pair) && Array.isArray(values) && values.length === 1 && values.every(isSealedKey),
    )
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function idOf(document: unknown): string {
  const { id } = isPlain(document) ? (document as Partial<LegacyDocument>) : {};
  return typeof id === "string" ? id : "";
}

function isOrder(value: unknown): value is Order<LegacyDocument> {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as Iterable<unknown>)[Symbol.iterator] === "function" || Symbol.asyncIterator in value;
}

function moved(): WardkeyError {
  return new WardkeyError("conflict", "the documents aren't in the order in which the run began");
}

/** A text that means something to this file alone. */
function write({ done, id, after }: Place): string {
  return toBase64url(new TextEncoder().encode(JSON.stringify([1, done, id, after])));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function read(position: unknown): Place {
  const bytes = fromBase64url(shortText(position, "the position", MAX_POSITION, "invalid-argument"));
  try {
    const [version, done, id, after]: unknown[] = JSON.parse(new TextDecoder().decode(bytes));
    if (version === 1 && isCount(done) && isCount(after) && done > 0 && after <= done && typeof id === "string") {
      return { done, id, after };
    }
  } catch {
    // As what is none.
  }
  throw invalid("the position is none that migrate() gave");
}
