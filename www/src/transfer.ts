import { type Context, DataKey, type KeyPair, type Progress, type PublicKey, unwrapKey, wrapKey } from "wardkey";
import { type Octets, randomHex, sha256 } from "./bytes";
import { Problem } from "./problem";
import { type AttachedFile, decodeRecord, encodeRecord, type TransferRecord } from "./record";
import type { Field, SealedPart, Transfer } from "./server";

// One data key for each transfer. It encrypts the record and the file, and travels wrapped for each reader.

export interface Watch {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Reader {
  readonly userId: string;
  readonly publicKey: PublicKey;
}

/** Encrypted in one piece, in memory. */
export const LARGEST_FILE = 2 ** 30;

type Named = Pick<Transfer, "id" | "from">;

/** Sealed bytes open only as this field of this transfer of this sender. */
function context({ id, from }: Named, field: Field): Context {
  return { app: "wardkey-demo", record: id, from, field };
}

function wrapContext({ id, from }: Named): Context {
  return { app: "wardkey-demo", record: id, from };
}

export async function sealTransfer(
  from: string,
  readers: readonly Reader[],
  written: Omit<TransferRecord, "file">,
  file: File | undefined,
  watch: Watch,
): Promise<{ transfer: Transfer; file: AttachedFile | undefined }> {
  if (file && file.size > LARGEST_FILE) throw new Problem("file-too-large");
  const named: Named = { id: randomHex(16), from };
  const key = await DataKey.generate();
  try {
    const sealedFile = file && (await key.encrypt(file, { ...watch, context: context(named, "file") }));
    const attached = file && (await describeFile(file));
    const record = { ...written, ...(attached ? { file: attached } : {}) };
    const sealedRecord = await key.encrypt(encodeRecord(record), {
      context: context(named, "record"),
      padding: "padme",
    });
    const wraps = await wrapKey(
      key,
      readers.map(({ publicKey }) => publicKey),
      { context: wrapContext(named) },
    );
    // the last moment to change one's mind
    watch.signal?.throwIfAborted();
    const parts: SealedPart[] = [{ field: "record", sealed: sealedRecord }];
    if (sealedFile) parts.push({ field: "file", sealed: sealedFile });
    const to = readers.map(({ userId }) => userId);
    return { transfer: { ...named, to, sentAt: new Date().toISOString(), wraps, parts }, file: attached };
  } finally {
    key.free();
  }
}

async function describeFile(file: File): Promise<AttachedFile> {
  const digest = await sha256(file);
  return { name: file.name, size: file.size, ...(digest === undefined ? {} : { sha256: digest }) };
}

export async function openRecord(transfer: Transfer, keyPair: KeyPair): Promise<TransferRecord> {
  return decodeRecord(await openPart(transfer, "record", keyPair, {}));
}

export function openFile(transfer: Transfer, keyPair: KeyPair, watch: Watch): Promise<Octets> {
  return openPart(transfer, "file", keyPair, watch);
}

async function openPart(transfer: Transfer, field: Field, keyPair: KeyPair, watch: Watch): Promise<Octets> {
  const part = transfer.parts.find((candidate) => candidate.field === field);
  if (!part) throw new Problem("record-format");
  const key = await unwrapKey(transfer.wraps, keyPair, { context: wrapContext(transfer) });
  try {
    return await key.decrypt(part.sealed, { ...watch, context: context(transfer, field) });
  } finally {
    key.free();
  }
}
