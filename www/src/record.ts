import { Problem } from "./problem";
import { count, fields, Mismatch, matching, text } from "./validate";

/** What the ward tells the clinic about a patient. Only this page's two clinicians ever see it. */
export interface TransferRecord {
  readonly patient: string;
  /** yyyy-mm-dd, or "" */
  readonly born: string;
  readonly diagnosis: string;
  readonly notes: string;
  /** Name, size and digest of the attached file are sealed with the record: the server doesn't learn them. */
  readonly file?: AttachedFile;
}

export interface AttachedFile {
  readonly name: string;
  readonly size: number;
  readonly sha256?: string;
}

export const LENGTHS = { patient: 200, diagnosis: 500, notes: 20_000, fileName: 1000 } as const;

const VERSION = 1;
const DAY = /^(\d{4}-\d{2}-\d{2})?$/;

export function encodeRecord(record: TransferRecord): string {
  return JSON.stringify({ version: VERSION, ...record });
}

/** Reads what encodeRecord wrote. Decrypted is not yet well-formed: another program may have sealed it. */
export function decodeRecord(bytes: Uint8Array): TransferRecord {
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const raw = fields(json, "record", ["version", "patient", "born", "diagnosis", "notes", "file?"]);
    if (raw.version !== VERSION) throw new Mismatch("record.version", String(VERSION));
    return {
      patient: text(raw.patient, "record.patient", LENGTHS.patient),
      born: matching(raw.born, "record.born", DAY, "a day"),
      diagnosis: text(raw.diagnosis, "record.diagnosis", LENGTHS.diagnosis),
      notes: text(raw.notes, "record.notes", LENGTHS.notes),
      ...(raw.file === undefined ? {} : { file: decodeFile(raw.file) }),
    };
  } catch {
    // JSON.parse quotes its input in the message: nothing of that may travel on
    throw new Problem("record-format");
  }
}

function decodeFile(value: unknown): AttachedFile {
  const raw = fields(value, "record.file", ["name", "size", "sha256?"]);
  return {
    name: text(raw.name, "record.file.name", LENGTHS.fileName),
    size: count(raw.size, "record.file.size"),
    ...(raw.sha256 === undefined
      ? {}
      : { sha256: matching(raw.sha256, "record.file.sha256", /^[0-9a-f]{64}$/, "SHA-256") }),
  };
}
