import { isWardkeyError, type KnownErrorCode } from "wardkey";
import { say } from "./language";
import { AddressProblem, type AddressProblemCode } from "./model/address-problem";
import { Unreadable } from "./model/record";
import { SentBefore } from "./model/sending";
import { type ServerCode, ServerError } from "./server/request";
import type { Problem, problems } from "./words/problems-en";

type Kind = Exclude<keyof typeof problems, "waitFor" | "codeWrong">;

const KINDS: Record<KnownErrorCode, Kind> = {
  "not-initialised": "unexpected",
  "invalid-argument": "unexpected",
  "invalid-format": "security",
  "unsupported-version": "update",
  downgrade: "security",
  "decryption-failed": "security",
  truncated: "incomplete",
  "unwrap-failed": "security",
  "key-mismatch": "security",
  "key-policy": "security",
  "wrong-password": "password",
  "password-format": "passwordFormat",
  "kdf-policy": "security",
  "no-backup": "noAccount",
  "backup-rollback": "security",
  locked: "locked",
  "already-registered": "exists",
  "unknown-user": "unknownPerson",
  "unknown-group": "unknownFacility",
  "unknown-session": "unknownRecord",
  "not-a-recipient": "notRecipient",
  forbidden: "forbidden",
  revoked: "revoked",
  stale: "again",
  rollback: "security",
  fork: "security",
  conflict: "again",
  "not-certified": "security",
  "pin-mismatch": "security",
  "bad-signature": "security",
  "otp-wrong": "codeOld",
  "otp-expired": "codeOld",
  "otp-locked": "codeLocked",
  throttled: "wait",
  "storage-unavailable": "deviceStorage",
  network: "connection",
  server: "server",
  aborted: "cancelled",
  limit: "tooLarge",
  rng: "random",
  "unsupported-environment": "unsupported",
};

const SERVER_KINDS: Record<ServerCode, Kind> = {
  unauthenticated: "ended",
  forbidden: "forbidden",
  "not-found": "unknownRecord",
  conflict: "again",
  "invalid-argument": "invalid",
  "too-large": "tooLarge",
  throttled: "wait",
  network: "connection",
  server: "server",
};

const ADDRESS_KINDS: Record<AddressProblemCode, Kind> = {
  facility: "facilityChanged",
  own: "ownFacility",
  book: "addressBook",
  waiting: "waiting",
};

export interface Explained {
  readonly what: string;
  readonly todo: string;
  /** For the help desk. */
  readonly code: string;
}

/** A failure in words that a clinician understands, with what to do about it. `login`: where it happened decides what "unauthenticated" means. */
export function explain(error: unknown, where?: "login" | "register"): Explained {
  const { problems } = say();
  const told = ([what, todo]: Problem | readonly string[], code: string): Explained => ({
    what: what ?? "",
    todo: todo ?? "",
    code,
  });
  if (isWardkeyError(error)) {
    // what the application's server said to the package
    if (error.cause instanceof ServerError) return explain(error.cause, where);
    const { code, retryAfterMs, attemptsLeft } = error;
    // The account is there, under the password of before.
    if (where === "register" && code === "wrong-password") return told(problems.returning, code);
    if (code === "otp-wrong") return told(problems.codeWrong(attemptsLeft), code);
    if (retryAfterMs !== undefined && code !== "network") {
      return told(problems.waitFor(Math.ceil(retryAfterMs / 1000)), code);
    }
    return told(problems[KINDS[code as KnownErrorCode] ?? "unexpected"], code);
  }
  if (error instanceof ServerError) {
    if (where && error.code === "unauthenticated") return told(problems.login, error.code);
    if (where === "register" && error.code === "conflict") return told(problems.exists, error.code);
    if (error.retryAfterMs !== undefined) {
      return told(problems.waitFor(Math.ceil(error.retryAfterMs / 1000)), error.code);
    }
    return told(problems[SERVER_KINDS[error.code]], error.code);
  }
  if (error instanceof AddressProblem) return told(problems[ADDRESS_KINDS[error.code]], `address: ${error.code}`);
  if (error instanceof SentBefore) return told(problems.sentBefore, "sent-before");
  if (error instanceof Unreadable) return told(problems.unreadable, `record: ${error.message}`);
  const name = error instanceof Error || error instanceof DOMException ? error.name : typeof error;
  if (name === "AbortError") return told(problems.cancelled, "aborted");
  if (name === "RangeError" || name === "QuotaExceededError") return told(problems.tooLarge, "memory");
  if (name === "NotReadableError" || name === "NotFoundError") return told(problems.file, "unreadable");
  // only the kind of error: its text may quote what it failed on
  return told(problems.unexpected, `unexpected: ${name}`);
}

export const isCancelled = (error: unknown): boolean => explain(error).code === "aborted";
