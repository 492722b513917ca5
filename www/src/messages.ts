import { isWardkeyError, type KnownErrorCode } from "wardkey";
import type { LoadCost } from "./app";
import type { KeyState } from "./clinician";
import { formatBytes } from "./format";
import type { Person } from "./people";
import { Problem, type ProblemCode } from "./problem";
import type { Field } from "./server";
import type { Step } from "./story";
import { LARGEST_FILE } from "./transfer";

// Every sentence that the page says while it runs.

export const SHORTEST_PASSWORD = 10;

export const say = {
  starting: "Starting the encryption…",
  keys: {
    title: "Key pair",
    creating: "Creating a key pair…",
    created: "Key pair ready. The public key is in the server’s directory.",
    fingerprint: "Fingerprint of the public key",
    create: "Create a key pair",
    absent: "No key pair yet.",
    memory: "The private key is in this page’s memory, and nowhere else.",
  },
  backup: {
    title: "Password backup",
    none: "No backup yet. If the browser is wiped now, this key is lost.",
    since: (time: string) => `Backup at the server since ${time}. Only the password opens it.`,
    first: "Back up the private key",
    again: "Back up again, with another password",
    password: "Password",
    repeat: "Repeat the password",
    show: "Show the password",
    showBoth: "Show the passwords",
    hint: `At least ${SHORTEST_PASSWORD} characters. A sentence is easier to remember. Nobody can reset it.`,
    tooShort: `Please use at least ${SHORTEST_PASSWORD} characters.`,
    different: "The two passwords differ.",
    missing: "Please enter the password.",
    submit: "Seal and back up",
    busy: "Argon2id is working: 64 MiB of memory, three passes. Slow on purpose, so that guessing is slow too.",
    done: (milliseconds: number) => `Backed up. Argon2id took ${formatSeconds(milliseconds)}.`,
  },
  unlock: {
    title: "Private key gone",
    withBackup: "The password brings it back from the server’s backup.",
    withoutBackup:
      "The server holds no backup of it. Load the server’s contents from a file below, or start over with a new key pair.",
    submit: "Unlock",
    done: (milliseconds: number) => `The key is back. Argon2id took ${formatSeconds(milliseconds)}.`,
    first: "The private key is gone. Unlock first.",
    startOver: "Start over with a new key pair",
  },
  compose: {
    title: "New transfer",
    locked: "A transfer can be written once the key is there.",
    patient: "Patient’s name",
    born: "Date of birth",
    diagnosis: "Diagnosis",
    notes: "Notes for the clinic",
    file: "Attached file",
    choose: "Choose a file",
    drop: "or drop one here: a scan, a letter, anything.",
    chosen: (name: string, size: number) => `${name}, ${formatBytes(size)}`,
    removeFile: "Remove the file",
    readers: "Readable for",
    submit: "Encrypt and send",
    example: "Fill in an example",
    empty: "Please enter the patient’s name or attach a file.",
    future: "Please enter a day in the past.",
    encrypting: (name: string) => `Encrypting ${name}`,
    digesting: "Almost done: computing the file’s SHA-256…",
    working: "Encrypting…",
    cancel: "Cancel",
    cancelled: "Cancelled. Nothing was sent.",
    sent: "Encrypted and sent. The server got nothing readable.",
    sentFile: (name: string) => `SHA-256 of ${name}`,
  },
  inbox: {
    title: "Transfers",
    none: "No transfer at the server yet.",
    label: (shortId: string) => `Transfer ${shortId}`,
    from: (person: Person, mine: boolean, time: string) => `${mine ? "Sent by you" : `From ${person.name}`}, ${time}`,
    fresh: "New",
    withFile: "with a file",
    open: "Open",
    close: "Close",
    opening: "Decrypting…",
    opened: "Opened.",
    openName: (shortId: string) => `Open transfer ${shortId}`,
    closeName: (shortId: string) => `Close transfer ${shortId}`,
    empty: "–",
    decryptFile: (size: number) => `Decrypt the file (${formatBytes(size)})`,
    decrypting: (name: string) => `Decrypting ${name}`,
    cancelled: "Cancelled. The file was not decrypted.",
    saveFile: (name: string) => `Save ${name}`,
    digesting: "Almost done: computing the file’s SHA-256…",
    digest: "SHA-256 of the decrypted file",
    digestSame: "The same as the sender’s.",
    digestOther: "Not the same as the sender’s. Don’t rely on this file.",
    fileReady: "The file is decrypted, in this page’s memory.",
  },
  browser: {
    count: (n: number, one: string, many: string) => (n === 0 ? "empty" : `${n} ${n === 1 ? one : many}`),
    inMemory: "in memory",
    gone: "gone",
    wiping: "Wiping this browser…",
    wiped:
      "Wiped: the browser holds nothing of this page, and the private keys are gone. The server still has everything.",
    partly: "Wiped, but the browser kept something: another tab with this page may be open.",
  },
  server: {
    nothing: "Nothing yet.",
    saved: (name: string) => `Saved as ${name}.`,
    loading: "Reading the file…",
    loaded: (transfers: number, backups: number) =>
      `Loaded: ${plural(transfers, "transfer", "transfers")}, ${plural(backups, "backup", "backups")}.`,
    keyId: "Key id",
    wrapSet: "Wrap set",
    wrapsFor: (people: string) => `the key, wrapped for ${people}`,
    publicKeySize: (suite: string, size: string) => `${suite}, ${size}`,
    partSize: { record: "padded, so that its length says little", file: "as long as the file" } satisfies Record<
      Field,
      string
    >,
    part: { record: "Sealed record", file: "Sealed file" } satisfies Record<Field, string>,
    sealedBackup: "Sealed private key",
    firstBytes: (label: string) => `${label}: first bytes`,
    more: (bytes: number) => (bytes > 0 ? `… and ${formatBytes(bytes)} more like this` : ""),
  },
  confirm: {
    cancel: "Cancel",
    wipeTitle: "Wipe without a backup?",
    wipe: (people: readonly Person[]) =>
      `${names(people)} ${people.length === 1 ? "has" : "have"} no backup. After the wipe nobody can bring that private key back, and what was encrypted for it stays closed.`,
    wipeAction: "Wipe anyway",
    loadTitle: "Replace what the page holds?",
    load: ({ unsavedTransfers, otherKeys }: LoadCost) => [
      ...(unsavedTransfers > 0
        ? [
            `The server of this page holds ${plural(unsavedTransfers, "transfer", "transfers")} that no saved file may have.`,
          ]
        : []),
      ...(otherKeys.length > 0
        ? [
            `The file has another public key for ${names(otherKeys)} than this page knows. Go on only if you know where the file comes from. The key known here is forgotten; the password opens the file’s backup.`,
          ]
        : []),
    ],
    loadAction: "Load the file",
    startOverTitle: "Start over with a new key pair?",
    startOver: (person: Person) =>
      `What was encrypted for the old key of ${person.name} stays closed with the new one. If the server’s contents were saved to a file with a backup, load that instead.`,
    startOverAction: "Create new keys",
  },
} as const;

export const STEP_TEXT: Record<Step, { title: string; hint: string }> = {
  keys: { title: "Keys", hint: "Each clinician’s key pair is made in the browser." },
  sent: { title: "Encrypt and send", hint: "The ward fills in a transfer." },
  opened: { title: "Open", hint: "The clinic opens it with its own key." },
  backedUp: { title: "Back up", hint: "Each seals the private key under a password." },
  wiped: { title: "Nightly wipe", hint: "Hospital IT empties the browser." },
  reopened: { title: "Key back", hint: "The password is enough to read again." },
};

export const STATE_TEXT: Record<KeyState, string> = {
  absent: "No key",
  creating: "Creating…",
  ready: "Key in memory",
  locked: "Locked",
};

export function names(people: readonly Person[]): string {
  return people.map(({ name }) => name).join(" and ");
}

function plural(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

function formatSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

// ---------------------------------------------------------------- errors

/** What failed, in words for a clinician; the code is for whoever is asked for help. */
export interface Explained {
  readonly text: string;
  readonly code: string;
}

export type Situation = "start" | "keys" | "send" | "open" | "file" | "backup" | "unlock" | "load" | "save" | "wipe";

const NOT_IN_THIS_VERSION = "The server refused this.";
const CHANGED = "This was changed on its way, or belongs to another transfer. Nothing of it is shown.";
const NO_START = "The encryption could not be started in this browser. Nothing can be encrypted here.";
const NOT_A_BACKUP = "The server’s backup isn’t one, or was damaged. The key could not be brought back.";

const WARDKEY: Record<KnownErrorCode, string> = {
  "not-initialised": "The encryption isn’t ready yet. Please try again in a moment.",
  "invalid-argument": "The page asked for something that makes no sense. Nothing was done.",
  "invalid-format": "This isn’t what it should be: the bytes at the server were damaged or exchanged.",
  "unsupported-version": "This was made by a newer version than this page understands.",
  downgrade: "The server offered weaker protection than before. Refused.",
  "decryption-failed": CHANGED,
  truncated: "A part of this is missing. Nothing of it is shown.",
  "unwrap-failed": "The wrapped key was changed, or belongs to another transfer. Nothing was opened.",
  "key-mismatch": "This belongs to another key or another user. Nothing was opened.",
  "key-policy": "That public key is too weak or malformed. Nothing was encrypted for it.",
  "wrong-password": "That is not the password of this backup. Nothing was changed; please try again.",
  "password-format": "A password can’t be empty, over 1,024 bytes, or contain control characters such as tabs.",
  "kdf-policy": "The backup asks for password settings that aren’t safe. Refused.",
  "no-backup": "The server has no backup for this user.",
  "backup-rollback": "The server gave an older backup than it should have. Refused.",
  locked: say.unlock.first,
  "already-registered": "This user already has keys.",
  "unknown-user": "The server knows no such user.",
  "unknown-group": "The server knows no such facility.",
  "unknown-session": "The server knows no such transfer.",
  "not-a-recipient": "This transfer was not encrypted for the key that is in memory now.",
  forbidden: NOT_IN_THIS_VERSION,
  revoked: "The right to read this was taken back.",
  stale: "The server’s information is too old to be relied on.",
  rollback: "The server gave older information than before. Refused.",
  fork: "The server tells different people different things. Refused.",
  conflict: "Somebody else changed this at the same moment. Please try again.",
  "not-certified": "It isn’t known whose key this is. Refused.",
  "pin-mismatch": "The public key isn’t the one that is known for this user. Refused.",
  "bad-signature": "The signature isn’t right. Refused.",
  "otp-wrong": "That code isn’t right.",
  "otp-expired": "That code has expired.",
  "otp-locked": "Too many wrong codes.",
  throttled: "Too many tries. Please wait a little.",
  "storage-unavailable": "The browser’s storage can’t be used.",
  network: "The server can’t be reached.",
  server: "The server failed.",
  aborted: "Cancelled.",
  limit: "This is larger than what can be handled in one piece.",
  rng: "The system’s random generator failed. Nothing was encrypted.",
  "unsupported-environment":
    "This browser is too old, or its settings forbid WebAssembly. Nothing can be encrypted here.",
};

const BY_SITUATION: Partial<Record<Situation, Partial<Record<KnownErrorCode, string>>>> = {
  start: { "invalid-argument": NO_START, "not-initialised": NO_START, limit: NO_START },
  send: { aborted: say.compose.cancelled },
  file: { aborted: say.inbox.cancelled },
  unlock: {
    "invalid-format": NOT_A_BACKUP,
    truncated: NOT_A_BACKUP,
    "decryption-failed": NOT_A_BACKUP,
    limit: NOT_A_BACKUP,
  },
};

const PROBLEM: Record<ProblemCode, string> = {
  "file-kind": "That file isn’t a saved server of this page. Nothing was loaded.",
  "file-version": "That file was saved by another version of this page. Nothing was loaded.",
  "file-cut": "That file ends too early: a part of it is missing. Nothing was loaded.",
  "file-content": "That file is damaged. Nothing was loaded.",
  "no-room": "This browser has no room for a file of this size. Nothing was saved.",
  "record-format": "This was decrypted, but isn’t a transfer record as this page writes them. Nothing of it is shown.",
  "file-too-large": `This first version encrypts a file in one piece, so up to ${formatBytes(LARGEST_FILE)}. Nothing was sent.`,
  "wrong-key": "The key in the backup isn’t the one in the server’s directory. Nothing was unlocked.",
  "changed-key":
    "The server’s directory has another public key for a reader than this browser knows. Nothing was sent.",
  "no-public-key": "A reader has no public key in the server’s directory. Nothing was sent.",
  locked: say.unlock.first,
  superseded: "The browser was wiped or reloaded meanwhile. Nothing was done.",
};

const MEMORY = "This doesn’t fit into the browser’s memory.";
const UNREADABLE = "The file can’t be read any more. Please choose it again.";
const UNEXPECTED = "Something in this page failed. Nothing was shown or sent.";

export function explain(error: unknown, situation: Situation): Explained {
  if (error instanceof Problem) {
    return { text: PROBLEM[error.code], code: error.where ? `${error.code}: ${error.where}` : error.code };
  }
  if (isWardkeyError(error)) return { text: wardkeyText(error.code, situation), code: error.code };
  const name = error instanceof Error ? error.name : typeof error;
  if (name === "AbortError") return { text: wardkeyText("aborted", situation), code: "aborted" };
  if (name === "RangeError" || name === "QuotaExceededError") return { text: MEMORY, code: "memory" };
  if (name === "NotReadableError" || name === "NotFoundError") return { text: UNREADABLE, code: "unreadable" };
  // only the kind of error: its text may quote what it failed on
  console.error(`wardkey demo: unexpected ${name} (${situation})`);
  return { text: UNEXPECTED, code: "unexpected" };
}

function wardkeyText(code: string, situation: Situation): string {
  const texts: Partial<Record<string, string>> = { ...WARDKEY, ...BY_SITUATION[situation] };
  return texts[code] ?? UNEXPECTED;
}
