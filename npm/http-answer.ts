// What an answer says: JSON of a key server's, an error of its own, or something by somebody in between.
import type { Json } from "./backend.js";
import { type KnownErrorCode, WardkeyError } from "./errors.js";

/** @internal */
export interface Answer {
  /** undefined: there was no content. */
  json?: Json | undefined;
  error?: WardkeyError;
  status?: number;
  /** Another try may end otherwise. */
  isPassing?: boolean;
  /** Nobody answered, as far as the page is told. */
  isUnheard?: boolean;
}

/** Those of docs/API.md, section 1. What else a server says, `network` above all, it can't know. */
const CODES =
  "invalid-argument invalid-format unsupported-version truncated downgrade key-policy kdf-policy key-mismatch unwrap-failed bad-signature pin-mismatch forbidden revoked not-a-recipient otp-wrong unknown-user unknown-group unknown-session no-backup already-registered conflict stale rollback fork otp-expired limit throttled otp-locked server".split(
    " ",
  );
const PASSING = [500, 502, 503, 504];
const BY_STATUS: Record<number, KnownErrorCode> = {
  401: "forbidden",
  403: "forbidden",
  413: "limit",
  429: "throttled",
};

/** @internal */
export function read({ ok, status, headers }: Response, text: string): Answer {
  const json = parse(text);
  if (ok && (json || text === "")) return { json };
  const { code, message, retryAfterMs, attemptsLeft } = json ?? {};
  const isOwn = !ok && CODES.includes(code as string);
  const media = /^[\w.+-]+\/[\w.+-]+/.exec(headers.get("content-type") ?? "")?.[0] ?? "no type";
  const what = !ok && status < 400 ? "a redirection" : `status ${status}, ${media}`;
  const error = new WardkeyError(
    isOwn ? (code as KnownErrorCode) : (BY_STATUS[status] ?? "server"),
    isOwn ? (typeof message === "string" ? message : undefined) : `no answer of a key server's: ${what}`,
    { ...count({ retryAfterMs: retryAfterMs ?? retryAfter(headers) }), ...count({ attemptsLeft }) },
  );
  // Half an answer looks like a whole one where an engine takes the end of a connection for its end.
  return { error, status, isPassing: PASSING.includes(status) || (ok && text.startsWith("{")) };
}

/** An object, as all answers are. */
function parse(text: string): Record<string, Json> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && !Array.isArray(json) ? ((json ?? undefined) as Record<string, Json>) : undefined;
  } catch {
    return undefined;
  }
}

/** The members that are whole numbers. */
function count(members: Record<string, unknown>) {
  return Object.fromEntries(
    Object.entries(members).filter(([, it]) => Number.isSafeInteger(it) && (it as number) >= 0),
  );
}

/** In milliseconds: RFC 9110 has seconds, or a date by the server's clock.
 *  @internal */
export function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after") ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const ms = Date.parse(text) - (Date.parse(headers.get("date") ?? "") || Date.now());
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** The text of a body, as it comes.
 *  @internal */
export async function* pieces({ body }: Response): AsyncGenerator<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    yield decoder.decode(piece.value, { stream: true });
  }
  yield decoder.decode();
}
