import { count, fields, list, Mismatch, matching, oneOf, text } from "./validate";

export const URGENCIES = ["immediate", "today", "days"] as const;
export type Urgency = (typeof URGENCIES)[number];
/** As seals say it; "" is not stated. */
export const SEXES = ["f", "m", "x", ""] as const;
export const KINDS = ["message", "accepted", "declined", "withdrawn"] as const;

export interface Patient {
  readonly name: string;
  /** yyyy-mm-dd, or "" */
  readonly born: string;
  readonly sex: string;
  readonly insuranceId?: string;
}

export interface AttachedFile {
  readonly fileId: string;
  readonly name: string;
  readonly type: string;
  /** Of the plaintext. */
  readonly size: number;
}

/** What one facility tells the other about a patient. Only these two ever see it. */
export interface TransferRecord {
  readonly patient: Patient;
  readonly diagnosis: string;
  readonly urgency: Urgency;
  readonly needs: readonly string[];
  readonly notes: string;
  readonly from: string;
  readonly files: readonly AttachedFile[];
}

export interface MessageText {
  readonly text: string;
  readonly kind: (typeof KINDS)[number];
}

export const LENGTHS = { name: 200, diagnosis: 500, need: 200, needs: 50, notes: 20_000, fileName: 1000, files: 50 };

/** Decrypted, but not what this application writes. Nothing of it is shown. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/** Decrypted is not yet well-formed: another program may have sealed it. */
export function readRecord(json: string): TransferRecord {
  return readJson(json, (value) => {
    const raw = fields(value, "record", ["patient", "diagnosis", "urgency", "needs", "notes", "from", "files"]);
    const patient = fields(raw.patient, "patient", ["name", "born", "sex", "insuranceId?"]);
    return {
      patient: {
        name: text(patient.name, "patient.name", LENGTHS.name),
        born: matching(patient.born, "patient.born", /^(\d{4}-\d{2}-\d{2})?$/, "a day"),
        sex: text(patient.sex, "patient.sex", 20),
        ...(patient.insuranceId === undefined || patient.insuranceId === null
          ? {}
          : { insuranceId: text(patient.insuranceId, "patient.insuranceId", 100) }),
      },
      diagnosis: text(raw.diagnosis, "diagnosis", LENGTHS.diagnosis),
      urgency: oneOf(raw.urgency, "urgency", URGENCIES),
      needs: list(raw.needs, "needs", LENGTHS.needs).map((need, at) => text(need, `needs[${at}]`, LENGTHS.need)),
      notes: text(raw.notes, "notes", LENGTHS.notes),
      from: text(raw.from, "from", LENGTHS.name),
      files: list(raw.files, "files", LENGTHS.files).map((file, at) => readFile(file, `files[${at}]`)),
    };
  });
}

function readFile(value: unknown, path: string): AttachedFile {
  const raw = fields(value, path, ["fileId", "name", "type", "size"]);
  return {
    fileId: matching(raw.fileId, `${path}.fileId`, /^[\w-]{1,64}$/, "an id"),
    name: text(raw.name, `${path}.name`, LENGTHS.fileName),
    type: text(raw.type, `${path}.type`, 200),
    size: count(raw.size, `${path}.size`),
  };
}

/** A record that isn't sent yet, and the names of files that it has no place for. */
export function readDraft(json: string): { record: TransferRecord; missing: readonly string[] } {
  return readJson(json, (value) => {
    const raw = fields(value, "draft", ["record", "missing"]);
    const missing = list(raw.missing, "missing", LENGTHS.files);
    return {
      record: readRecord(JSON.stringify(raw.record)),
      missing: missing.map((name, at) => text(name, `missing[${at}]`, LENGTHS.fileName)),
    };
  });
}

export function readMessage(json: string): MessageText {
  return readJson(json, (value) => {
    const raw = fields(value, "message", ["text", "kind"]);
    return { text: text(raw.text, "text", LENGTHS.notes), kind: oneOf(raw.kind, "kind", KINDS) };
  });
}

/** What a parser makes of decrypted JSON. @throws Unreadable */
export function readJson<T>(json: string, parse: (value: unknown) => T): T {
  try {
    return parse(JSON.parse(json));
  } catch (error) {
    // JSON.parse quotes its input in the message: nothing of that may travel on
    throw new Unreadable(error instanceof Mismatch ? error.path : "JSON");
  }
}

// What each ciphertext is bound to, so that no server can put one in the place of another.
export const transferContext = (id: string) => ({ type: "transfer", transfer: id });
export const messageContext = (transferId: string, id: string) => ({
  type: "message",
  transfer: transferId,
  message: id,
});
export const fileContext = (id: string) => ({ type: "file", file: id });
