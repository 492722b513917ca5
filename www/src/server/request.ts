import { type KnownErrorCode, WardkeyError } from "wardkey";

/** What the application's server refuses, and `network` where nobody answered. */
export type ServerCode =
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "invalid-argument"
  | "too-large"
  | "throttled"
  | "network"
  | "server";

export class ServerError extends Error {
  override readonly name = "ServerError";
  constructor(
    readonly code: ServerCode,
    message: string = code,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** The login isn't, or is no more. */
export const isRefused = (error: unknown): boolean => error instanceof ServerError && error.code === "unauthenticated";

export const isNotFound = (error: unknown): boolean => error instanceof ServerError && error.code === "not-found";

const CODES: readonly string[] = [
  "unauthenticated",
  "forbidden",
  "not-found",
  "conflict",
  "invalid-argument",
  "too-large",
  "throttled",
];

/** What the application says of its half of a recovery is said in the key server's codes: docs/API.md, 4.5. */
const SHARE_CODES: readonly string[] = ["no-backup", "bad-signature", "key-mismatch", "invalid-format", "otp-expired"];

type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface AskOptions {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
}

/** The answer, whatever it holds. @throws ServerError, or AbortError if the signal says so. */
export async function send(method: Method, path: string, body?: BodyInit, options: AskOptions = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (method !== "GET") headers.set("x-requested-with", "wardkey-demo");
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(body === undefined ? {} : { body }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ServerError("network");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** JSON there and back. */
export async function ask<T>(method: Method, path: string, body?: unknown, options: AskOptions = {}): Promise<T> {
  const json = body === undefined ? undefined : JSON.stringify(body);
  const headers = json === undefined ? {} : { "content-type": "application/json" };
  return read(await send(method, path, json, { ...options, headers }), options.signal);
}

/** The JSON of an answer. */
export async function read<T>(response: Response, signal?: AbortSignal): Promise<T> {
  const text = await response.text().catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ServerError("network");
  });
  try {
    return (text === "" ? {} : JSON.parse(text)) as T;
  } catch {
    // whatever it was, it wasn't the application's server
    throw new ServerError("server");
  }
}

const TRIES = 4;
const PAUSE_MS = 400;

/** Asks what may be asked twice again where nobody answered, or somebody in between. */
export async function again<T>(request: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await request();
    } catch (error) {
      const isPassing = error instanceof ServerError && (error.code === "network" || error.code === "server");
      if (!isPassing || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (tries - 1) * Math.random()));
    }
  }
}

/** What the application's server says on behalf of the package: that nobody answered means offline to it, and what is in its cache still opens. */
export async function asBackend<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const code = error.code === "network" ? "network" : error.code === "unauthenticated" ? "forbidden" : "server";
    throw new WardkeyError(code, error.message, { cause: error });
  }
}

async function refusal(response: Response): Promise<ServerError | WardkeyError> {
  const said = (await response.json().catch(() => ({}))) as { code?: string; message?: string; retryAfterMs?: number };
  const { code = "", message, retryAfterMs } = said;
  if (CODES.includes(code)) return new ServerError(code as ServerCode, message, retryAfterMs);
  if (SHARE_CODES.includes(code)) return new WardkeyError(code as KnownErrorCode, message);
  // somebody in between: what he refuses says nothing of the login
  return new ServerError("server");
}
