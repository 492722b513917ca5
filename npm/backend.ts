// The key server, and the application's half of the two-man rule, as the application supplies them.
import { isObject } from "./arguments.js";
import { invalid, WardkeyError } from "./errors.js";

export type Json = null | boolean | number | string | Json[] | { [k: string]: Json };

/** What the client asks of the world: the requests of docs/API.md; bytes are base64url. Everything in a body is public, sealed or signed.
 *  Your own backend wraps or forwards. Throw a WardkeyError ("network" where nobody answered, "throttled", "server"); any other Error becomes "server". */
export interface Backend {
  request(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: Json,
    options?: {
      signal?: AbortSignal;
      idempotencyKey?: string;
      /** who asks */
      userId?: string;
      /** needs no token */
      public?: boolean;
    },
  ): Promise<Json>;
  /** Push. Returns what stops it. */
  events?(userId: string, onEvent: (e: Json) => void): () => void;
  /** The application's half of the two-man rule. get() is given the key server's signed receipt for a right code; the application checks it. */
  appShare?: {
    put(userId: string, share: string): Promise<void>;
    get(userId: string, receipt: string): Promise<string>;
  };
}

/** Has it what a backend has? */
export function toBackend(given: unknown): Backend {
  const backend = given as Partial<Backend> | undefined;
  if (!isObject(backend) || typeof backend.request !== "function") throw invalid("backend has no request()");
  if (backend.events !== undefined && typeof backend.events !== "function") throw invalid("events is not a function");
  if (backend.appShare !== undefined) toAppShare(backend.appShare);
  return backend as Backend;
}

/** Has it what the application's half has?
 *  @internal */
export function toAppShare(given: unknown): NonNullable<Backend["appShare"]> {
  const appShare = given as Backend["appShare"] | null;
  if (typeof appShare?.put === "function" && typeof appShare.get === "function") return appShare;
  throw invalid("appShare has no put() and get()");
}

/** A body as it is sent: what was given at the time of the call.
 *  @internal */
export function toText(body: Json | undefined): string | undefined {
  if (body === undefined) return undefined;
  let text: unknown;
  try {
    text = JSON.stringify(body);
  } catch (cause) {
    throw new WardkeyError("invalid-argument", "the body is not JSON", { cause });
  }
  if (typeof text !== "string") throw invalid("the body is not JSON");
  return text;
}
