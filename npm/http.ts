// Requests of docs/API.md over HTTP: who asks, what is repeated and how long it is waited for. Loaded by the first httpBackend().
import { MAX_NAME, shortText, throwIfAborted, wellFormed } from "./arguments.js";
import { toAsked } from "./asked.js";
import type { Backend, Json } from "./backend.js";
import { invalid, isWardkeyError, WardkeyError } from "./errors.js";
import { type Answer, pieces, read } from "./http-answer.js";
import { Events } from "./http-events.js";
import { within } from "./within.js";

/** What was given to httpBackend(), checked. `url` is absolute and ends without a slash.
 *  @internal */
export interface HttpSettings {
  url: string;
  share: string | undefined;
  token: () => Promise<string> | string;
  fetch: typeof fetch | undefined;
}

interface Call {
  url: string;
  method: string;
  text: string | undefined;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string | undefined>;
  /** Without a token. */
  isPublic?: boolean;
  /** Sent twice, it does no more than once. */
  isRepeatable?: boolean;
  credentials?: RequestCredentials;
}

/** How often a request is sent at most, whatever the reason. */
const TRIES = 4;
/** Before the second; before each later one twice that. Less at random, so that not all clients come back at the same time. */
const FIRST_PAUSE_MS = 400;
/** A server that wants more is not waited for. */
const LONGEST_WAIT_MS = 10_000;
/** Without a byte of the answer. A body has as much longer as the slowest line takes to send it. No try begins after twice the whole. */
const QUIET_MS = 20_000;
const SLOWEST_BYTES_PER_MS = 16;
/** For what isn't told to a page by a server that knows nothing of it. */
const PROBE_MS = 5_000;
/** What isn't recognised by its content, so that a repetition is by a key. */
const KEYED = /^\/v1\/(public\/recoveries(\/[^/]+\/code)?|groups\/[^/]+\/claims(\/[^/]+)?)$/;
/** RFC 6750. */
const TOKEN = /^[\w.~+/-]+=*$/;
const METHODS = ["GET", "POST", "PUT", "DELETE"];
/** No browser keeps, logs elsewhere or adds anything; the token doesn't follow a redirection. */
const QUIETLY = { cache: "no-store", redirect: "manual", referrerPolicy: "no-referrer" } as const;

/** @internal */
export class Http {
  readonly #settings: HttpSettings;
  /** Users whose share was given out: they have forgotten their passwords, and have no tokens. */
  readonly #released = new Set<string>();

  constructor(settings: HttpSettings) {
    this.#settings = settings;
  }

  async request(
    method: string,
    path: string,
    text: string | undefined,
    options: Parameters<Backend["request"]>[3],
  ): Promise<Json> {
    const { signal, idempotencyKey, userId, isPublic } = toAsked(options);
    if (!METHODS.includes(method)) throw invalid("no method of a key server");
    if (method === "GET" && text !== undefined) throw invalid("GET has no body");
    if (!wellFormed(path, "the path").startsWith("/")) throw invalid("a path begins with a slash");
    if (idempotencyKey !== undefined && !/^[!-~]{1,255}$/.test(idempotencyKey)) {
      throw invalid("an idempotency key is 1 to 255 characters of ASCII");
    }
    const key = idempotencyKey ?? (method === "POST" && KEYED.test(path) ? newKey() : undefined);
    const headers = { "idempotency-key": key, "wardkey-user": isPublic ? undefined : encoded(userId) };
    const json = await this.#ask({ url: this.#settings.url + path, method, text, signal, headers, isPublic });
    if (json === undefined) throw new WardkeyError("server", "an answer without content");
    return json;
  }

  /** By the logged-in user; and once by the user to whom the last one was given. */
  async putShare(userId: string, share: string): Promise<void> {
    const call = this.#toShare("PUT", { userId: name(userId), share: wellFormed(share, "the share") });
    if (this.#released.delete(userId)) {
      try {
        await this.#ask({ ...call, isPublic: true });
        return;
      } catch (error) {
        // Too late: she may be logged in by now.
        if (!isWardkeyError(error) || error.code !== "forbidden") throw error;
      }
    }
    await this.#ask(call);
  }

  /** It is given out once, so it is asked for once. */
  async getShare(userId: string, receipt: string): Promise<string> {
    const body = { userId: name(userId), receipt: wellFormed(receipt, "the receipt") };
    const reply = await this.#ask({ ...this.#toShare("POST", body), isPublic: true, isRepeatable: false });
    const { share } = (reply ?? {}) as { share?: unknown };
    if (typeof share !== "string") throw new WardkeyError("server", "the application's answer has no share");
    this.#released.add(userId);
    return share;
  }

  /** Of the application: what it gave for a receipt, a cookie, goes to it again. */
  #toShare(method: string, body: Record<string, string>): Call {
    return { url: this.#settings.share ?? "", method, text: JSON.stringify(body), credentials: "same-origin" };
  }

  /** What the key server pushes, until the signal is aborted. */
  listen(userId: string, onEvent: (event: Json) => void, signal: AbortSignal): Promise<void> {
    const call = { url: `${this.#settings.url}/v1/events`, method: "GET", text: undefined };
    const headers = { accept: "text/event-stream", "wardkey-user": encoded(userId) };
    const open = (token: string, signal: AbortSignal) => this.#fetch({ ...call, headers }, token, signal);
    return new Events({ token: (signal) => this.#token(signal), open }, onEvent, signal).listen();
  }

  async #ask(call: Call): Promise<Json | undefined> {
    const { text = "", signal, isPublic, isRepeatable = true } = call;
    throwIfAborted(signal);
    const patience = QUIET_MS + text.length / SLOWEST_BYTES_PER_MS;
    const since = performance.now();
    let token = isPublic ? undefined : await this.#token(signal);
    let isRenewable = !isPublic;
    for (let tries = 1; ; ) {
      const answer = await this.#try(call, token, patience);
      if (!answer.error) return answer.json;
      if (answer.status === 401 && isRenewable) {
        isRenewable = false;
        token = await this.#token(signal);
        continue;
      }
      const wait = tries < TRIES ? pause(answer, tries, isRepeatable) : undefined;
      if (wait === undefined || performance.now() - since + wait > 2 * patience) throw await this.#named(answer, call);
      await within(undefined, signal, () => new Promise((resolve) => setTimeout(resolve, wait)));
      tries += 1;
    }
  }

  async #try(call: Call, token: string | undefined, patience: number): Promise<Answer> {
    let isAnswered = false;
    try {
      return await within(patience, call.signal, async (signal, alive) => {
        const response = await this.#fetch(call, token, signal);
        isAnswered = true;
        let text = "";
        for await (const piece of pieces(response)) {
          alive(QUIET_MS);
          text += piece;
        }
        return read(response, text);
      });
    } catch (cause) {
      if (isWardkeyError(cause)) return { error: cause };
      // Whose answer is cut off has said nothing.
      const message = isAnswered ? "the answer was cut off" : "nobody answered";
      return { error: new WardkeyError("network", message, { cause }), isUnheard: !isAnswered };
    }
  }

  #fetch({ url, method, text, headers, credentials = "omit" }: Call, token: string | undefined, signal: AbortSignal) {
    const all = Object.entries({
      accept: "application/json",
      "content-type": text === undefined ? undefined : "application/json",
      authorization: token && `Bearer ${token}`,
      ...headers,
    });
    const given = all.filter((entry): entry is [string, string] => entry[1] !== undefined);
    const own = this.#settings.fetch ?? globalThis.fetch;
    if (typeof own !== "function") throw new WardkeyError("unsupported-environment", "there is no fetch here");
    const body = text === undefined ? {} : { body: text };
    return own.call(globalThis, url, { method, headers: given, ...body, credentials, signal, ...QUIETLY });
  }

  /** An application's own error says what it is; otherwise it failed. */
  async #token(signal: AbortSignal | undefined): Promise<string> {
    let token: unknown;
    try {
      token = await within(undefined, signal, async () => this.#settings.token());
    } catch (cause) {
      if (isWardkeyError(cause)) throw cause;
      throw new WardkeyError("server", "token() failed", { cause });
    }
    if (typeof token === "string" && TOKEN.test(token)) return token;
    throw new WardkeyError("forbidden", "token() gave no bearer token");
  }

  /** A page isn't told what another origin's server answers that doesn't know it, as gateways do that fail: but whether anybody answers. */
  async #named({ error, isUnheard }: Answer, { url, signal }: Call): Promise<unknown> {
    const { origin } = new URL(url);
    if (!isUnheard || typeof location !== "object" || location.origin === origin || isOffLine()) return error;
    const own = this.#settings.fetch ?? globalThis.fetch;
    const asked = { mode: "no-cors", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" } as const;
    try {
      await within(PROBE_MS, signal, (signal) => own.call(globalThis, `${origin}/`, { ...asked, signal }));
    } catch {
      throwIfAborted(signal);
      return error;
    }
    return new WardkeyError("server", "somebody answers there, but not to this page: CORS, or a gateway that failed", {
      cause: error,
    });
  }
}

/** How long it is waited before the next try; undefined: there is none. */
function pause({ error, isPassing }: Answer, tries: number, isRepeatable: boolean): number | undefined {
  const { code, retryAfterMs } = error ?? {};
  const wait = (retryAfterMs ?? 0) + Math.random() * FIRST_PAUSE_MS * 2 ** (tries - 1);
  if ((retryAfterMs ?? 0) > LONGEST_WAIT_MS) return undefined;
  // It was refused before it did anything.
  if (code === "throttled") return retryAfterMs === undefined ? undefined : wait;
  // Neither is believed alone.
  const isWorthIt = code === "network" ? !isOffLine() : code === "server" && isPassing;
  return isWorthIt && isRepeatable ? wait : undefined;
}

const isOffLine = () => typeof navigator === "object" && navigator.onLine === false;

const name = (userId: string) => shortText(userId, "the user id", MAX_NAME, "invalid-argument");

function encoded(userId: string | undefined): string | undefined {
  return userId === undefined ? undefined : base64url(new TextEncoder().encode(name(userId)));
}

const newKey = () => base64url(crypto.getRandomValues(new Uint8Array(16)));

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
