/** The codes of version 1 of the API. This release has not all of its calls, so it throws some of them only. Closed; equals the core's enum, by test. */
export type KnownErrorCode =
  | "not-initialised"
  | "invalid-argument"
  | "invalid-format"
  | "unsupported-version"
  | "downgrade"
  | "decryption-failed"
  | "truncated"
  | "unwrap-failed"
  | "key-mismatch"
  | "key-policy"
  | "wrong-password"
  | "password-format"
  | "kdf-policy"
  | "no-backup"
  | "backup-rollback"
  | "locked"
  | "already-registered"
  | "unknown-user"
  | "unknown-group"
  | "unknown-session"
  | "not-a-recipient"
  | "forbidden"
  | "revoked"
  | "stale"
  | "rollback"
  | "fork"
  | "conflict"
  | "not-certified"
  | "pin-mismatch"
  | "bad-signature"
  | "otp-wrong"
  | "otp-expired"
  | "otp-locked"
  | "throttled"
  | "storage-unavailable"
  | "network"
  | "server"
  | "aborted"
  | "limit"
  | "rng"
  | "unsupported-environment";
/** A known one, or one that a later version brings. */
export type ErrorCode = KnownErrorCode | (string & {});

/** Marks errors of every copy of the package in a page. */
const BRAND = Symbol.for("wardkey.error");

/** Every failure is a WardkeyError with a stable code. Messages name no secret and no plaintext.
 *  Cryptographic failures of one kind look the same. */
export class WardkeyError extends Error {
  override readonly name = "WardkeyError" as const;
  readonly code: ErrorCode;
  readonly retryAfterMs?: number;
  readonly attemptsLeft?: number;

  constructor(
    code: KnownErrorCode,
    message?: string,
    options?: { cause?: unknown; retryAfterMs?: number; attemptsLeft?: number },
  ) {
    super(message ?? code, options && "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options?.attemptsLeft !== undefined) this.attemptsLeft = options.attemptsLeft;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Works across two copies of the package in one page. */
export function isWardkeyError(e: unknown): e is WardkeyError {
  try {
    return e instanceof Error && (e as { [BRAND]?: unknown })[BRAND] === true;
  } catch {
    // A revoked proxy answers no question.
    return false;
  }
}

/** @internal */
export function invalid(message: string): WardkeyError {
  return new WardkeyError("invalid-argument", message);
}

/** As the core says it.
 *  @internal */
export function lockedMeanwhile(): WardkeyError {
  return new WardkeyError("locked", "the identity is locked");
}

/** As the core says it.
 *  @internal */
export function doesNotOpen(): WardkeyError {
  return new WardkeyError("decryption-failed", "wrong key or context, or changed bytes");
}

/** What applications' code threw last, and what the core had to say beside its fixed texts, by number. The core keeps of an error what there is to branch on, and this number. */
const said = new Map<number, WardkeyError>();
const REMEMBERED = 64;
let count = 0;

/** An error that the core is told of, and that is found again in what comes of it.
 *  @internal */
export function toCore(error: WardkeyError): WardkeyError & { said: number } {
  count += 1;
  said.set(count, error);
  said.delete(count - REMEMBERED);
  return Object.assign(error, { said: count });
}

/** What the core threw, as the package throws it: with what an application's code had said of it. A trap of the module is no known failure: it says so, and keeps its cause.
 *  @internal */
export function fromCore(e: unknown): WardkeyError {
  if (isWardkeyError(e)) return e;
  if (e instanceof Error && "code" in e && typeof e.code === "string") {
    const { retryAfterMs, attemptsLeft, ...more } = e as {
      retryAfterMs?: number;
      attemptsLeft?: number;
      said?: number;
    };
    const reason = said.get(more.said ?? 0);
    return new WardkeyError(e.code as KnownErrorCode, reason?.message ?? e.message, {
      ...(reason && { cause: reason.cause }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(attemptsLeft === undefined ? {} : { attemptsLeft }),
    });
  }
  return new WardkeyError("unsupported-environment", "the WebAssembly module failed", { cause: e });
}
