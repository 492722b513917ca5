import { keyIdOf, PublicKey } from "wardkey";
import { toBase64url } from "./bytes";
import { PEOPLE } from "./people";
import { Problem } from "./problem";
import { FIELDS, type Holdings, type SealedPart, type StoredBackup, type Transfer } from "./server";
import { binary, count, fields, instant, list, Mismatch, matching, oneOf, text } from "./validate";

// What the server holds, as a file:
//   magic ‖ length of the manifest, u32 big-endian ‖ manifest, JSON ‖ sealed parts, one after the other
// Sealed parts stay bytes: a large one is never turned into text.

const MAGIC = "wardkey-demo/1\n";
const MAGIC_START = "wardkey-demo/";
const LENGTH_BYTES = 4;
const LIMITS = { manifest: 1 << 28, transfers: 10_000, wraps: 1 << 24, backup: 1 << 20, publicKey: 8192 } as const;

export const EXTENSION = ".wardkey";

export function writeBundle({ directory, backups, transfers }: Holdings): Blob {
  const manifest = {
    directory: [...directory].map(([userId, publicKey]) => ({ userId, publicKey })),
    backups: [...backups].map(([userId, { bytes, storedAt }]) => ({ userId, storedAt, backup: toBase64url(bytes) })),
    transfers: transfers.map(({ id, from, to, sentAt, wraps, parts }) => ({
      id,
      from,
      to,
      sentAt,
      wraps: toBase64url(wraps),
      parts: parts.map(({ field, sealed }) => ({ field, size: sealed.length })),
    })),
  };
  const json = new TextEncoder().encode(JSON.stringify(manifest));
  const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
  length.setUint32(0, json.length);
  return new Blob([MAGIC, length, json, ...transfers.flatMap(({ parts }) => parts.map(({ sealed }) => sealed))]);
}

/** Takes nothing on trust but what only a key can check: that the sealed bytes are unchanged shows when they are opened. */
export async function readBundle(file: Blob): Promise<Holdings> {
  const start = await file.slice(0, MAGIC.length + LENGTH_BYTES).arrayBuffer();
  const magic = new TextDecoder().decode(new Uint8Array(start, 0, Math.min(start.byteLength, MAGIC.length)));
  if (magic !== MAGIC) throw new Problem(magic.startsWith(MAGIC_START) ? "file-version" : "file-kind");
  if (start.byteLength < MAGIC.length + LENGTH_BYTES) throw new Problem("file-cut");
  const length = new DataView(start).getUint32(MAGIC.length);
  const body = MAGIC.length + LENGTH_BYTES + length;
  if (length > LIMITS.manifest) throw new Problem("file-content", "manifest");
  if (body > file.size) throw new Problem("file-cut");
  const manifest = await file.slice(MAGIC.length + LENGTH_BYTES, body).arrayBuffer();
  try {
    return await readManifest(parse(manifest), file, body);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("file-content", error instanceof Mismatch ? error.path : undefined);
  }
}

function parse(json: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    throw new Mismatch("manifest", "JSON");
  }
}

async function readManifest(value: unknown, file: Blob, start: number): Promise<Holdings> {
  const raw = fields(value, "manifest", ["directory", "backups", "transfers"]);
  const directory = readMap(raw.directory, "directory", readKey);
  const backups = readMap(raw.backups, "backups", readBackup);
  for (const userId of backups.keys())
    if (!directory.has(userId)) throw new Mismatch("backups", "a public key for each");
  const parts = new PartReader(file, start);
  const transfers = new Map<string, Transfer>();
  for (const [at, entry] of list(raw.transfers, "transfers", LIMITS.transfers).entries()) {
    const transfer = await readTransfer(entry, `transfers[${at}]`, parts);
    if (transfers.has(transfer.id)) throw new Mismatch(`transfers[${at}].id`, "an id of its own");
    transfers.set(transfer.id, transfer);
  }
  parts.end();
  return { directory, backups, transfers: [...transfers.values()] };
}

function readKey(value: unknown, path: string): [string, string] {
  const raw = fields(value, path, ["userId", "publicKey"]);
  const key = text(raw.publicKey, `${path}.publicKey`, LIMITS.publicKey);
  try {
    PublicKey.parse(key);
  } catch {
    throw new Mismatch(`${path}.publicKey`, "a public key");
  }
  return [userIdAt(raw.userId, `${path}.userId`), key];
}

function readBackup(value: unknown, path: string): [string, StoredBackup] {
  const raw = fields(value, path, ["userId", "storedAt", "backup"]);
  const storedAt = instant(raw.storedAt, `${path}.storedAt`);
  const bytes = binary(raw.backup, `${path}.backup`, LIMITS.backup);
  return [userIdAt(raw.userId, `${path}.userId`), { bytes, storedAt }];
}

async function readTransfer(value: unknown, path: string, source: PartReader): Promise<Transfer> {
  const raw = fields(value, path, ["id", "from", "to", "sentAt", "wraps", "parts"]);
  const parts: SealedPart[] = [];
  for (const [at, entry] of list(raw.parts, `${path}.parts`, FIELDS.length).entries()) {
    const part = await source.next(entry, `${path}.parts[${at}]`);
    if (part.field !== FIELDS[at]) throw new Mismatch(`${path}.parts[${at}].field`, String(FIELDS[at]));
    parts.push(part);
  }
  if (parts.length === 0) throw new Mismatch(`${path}.parts`, "a record");
  return {
    id: matching(raw.id, `${path}.id`, /^[0-9a-f]{32}$/, "an id"),
    from: userIdAt(raw.from, `${path}.from`),
    to: list(raw.to, `${path}.to`, PEOPLE.length).map((userId, at) => userIdAt(userId, `${path}.to[${at}]`)),
    sentAt: instant(raw.sentAt, `${path}.sentAt`),
    wraps: binary(raw.wraps, `${path}.wraps`, LIMITS.wraps),
    parts,
  };
}

function userIdAt(value: unknown, path: string): string {
  return oneOf(
    value,
    path,
    PEOPLE.map(({ userId }) => userId),
  );
}

function readMap<T>(value: unknown, path: string, read: (value: unknown, path: string) => [string, T]): Map<string, T> {
  const map = new Map<string, T>();
  for (const [at, entry] of list(value, path, PEOPLE.length).entries()) {
    const [userId, item] = read(entry, `${path}[${at}]`);
    if (map.has(userId)) throw new Mismatch(`${path}[${at}].userId`, "one entry for each user");
    map.set(userId, item);
  }
  return map;
}

/** Hands out the sealed parts in order; each byte of the file belongs to exactly one. */
class PartReader {
  readonly #file: Blob;
  #at: number;

  constructor(file: Blob, start: number) {
    this.#file = file;
    this.#at = start;
  }

  async next(value: unknown, path: string): Promise<SealedPart> {
    const raw = fields(value, path, ["field", "size"]);
    const end = this.#at + count(raw.size, `${path}.size`);
    if (end > this.#file.size) throw new Problem("file-cut");
    const field = oneOf(raw.field, `${path}.field`, FIELDS);
    const sealed = new Uint8Array(await this.#file.slice(this.#at, end).arrayBuffer());
    this.#at = end;
    try {
      keyIdOf(sealed);
    } catch {
      throw new Mismatch(path, "a sealed message");
    }
    return { field, sealed };
  }

  end(): void {
    if (this.#at !== this.#file.size) throw new Mismatch("end of file", "nothing more");
  }
}
