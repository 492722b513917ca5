/** `wardkey/testing`: a key server inside the page, for tests and first steps. It adds nothing to `wardkey` itself. */
import { throwIfAborted, toBytes, toOptions, wellFormed } from "./arguments.js";
import { toAsked } from "./asked.js";
import { type Backend, type Json, toText } from "./backend.js";
import type { TestServer } from "./core/wardkey_testing.js";
import { invalid } from "./errors.js";
import { call, startServer } from "./testing-module.js";
import { type DeliveredCode, readState, writeState } from "./testing-state.js";
import type { Bytes, Out } from "./types.js";

export interface MemoryBackendOptions {
  /** The server's clock, in milliseconds since 1970; Date.now() if there is none. */
  now?: () => number;
  /** What snapshot() gave. */
  state?: Bytes;
}

/** A Backend that is a whole key server, with the application's half of the two-man rule. */
export interface MemoryBackend extends Required<Backend> {
  /** Everything, the server's secrets and the shares among it, in clear: for memoryBackend({ state }). */
  snapshot(): Promise<Out>;
  /** The one-time codes that a real server would have mailed, the newest last. */
  deliveredCodes(): { to: string; userId?: string; code: string }[];
  /** The key server's fingerprint, for `trust.escrowKey`: what the operator of a real one tells. From the first call of this, or the first login, it serves this application.
   *  @throws `invalid-argument`; `key-mismatch` if it serves another one */
  escrowKey(appId: string): Promise<string>;
  /** What an application's server does for a placeholder without contact: assigns it to a group, in every session that has it.
   *  @throws `invalid-argument`, `unknown-group`; `stale` without a head of the group; `unknown-session` where nothing has it; `forbidden` where it has a contact */
  assignPlaceholder(placeholder: string, groupId: string): Promise<void>;
}

interface Answer {
  reply: Json;
  mails: DeliveredCode[];
  events: Told[];
}

interface Told {
  userId: string;
  event: Json;
}

/** A whole key server inside the page, under the same rules as the real one, for tests and first steps: nothing in it is protected from the page. Several Wardkey
 *  objects can share one. It serves the application of its first login, or of escrowKey(); another one's is `key-mismatch`. Who a request says that asks is believed.
 *  @throws `invalid-argument`; `invalid-format`, `unsupported-version` for a state that is none, some of them at the first call */
export function memoryBackend(options?: MemoryBackendOptions): MemoryBackend {
  const { now = () => Date.now(), state } = toOptions(options, ["now", "state"]);
  if (typeof now !== "function") throw invalid("now is not a function");
  const restored = state === undefined ? undefined : readState(toBytes(state, "the state"));
  const delivered = restored?.delivered ?? [];
  const listeners = new Listeners();

  let starting: Promise<TestServer> | undefined;
  /** Begins with the first call; calls go on in the order in which they were made. */
  function started(): Promise<TestServer> {
    starting ??= startServer(restored?.server).catch((error) => {
      starting = undefined;
      throw error;
    });
    return starting;
  }

  return {
    async request(method, path, body, asked) {
      const { signal, userId, isPublic } = toAsked(asked);
      const [how, where] = [wellFormed(method, "the method"), wellFormed(path, "the path")];
      const caller = isPublic ? undefined : userId;
      const text = toText(body);
      const server = await started();
      throwIfAborted(signal);
      const at = time(now);
      const answer: Answer = JSON.parse(call(() => server.request(at, how, where, text, caller)));
      delivered.push(...answer.mails);
      for (const { userId, event } of answer.events) listeners.tell(userId, event);
      return answer.reply;
    },

    events(userId, onEvent) {
      wellFormed(userId, "the user id");
      if (typeof onEvent !== "function") throw invalid("the listener is not a function");
      return listeners.add(userId, onEvent);
    },

    appShare: {
      async put(userId, share) {
        const given = [wellFormed(userId, "the user id"), wellFormed(share, "the share")] as const;
        const server = await started();
        call(() => server.putShare(...given));
      },
      async get(userId, receipt) {
        const given = [wellFormed(userId, "the user id"), wellFormed(receipt, "the receipt")] as const;
        const server = await started();
        const at = time(now);
        return call(() => server.takeShare(at, ...given));
      },
    },

    async snapshot() {
      const server = await started();
      return writeState({ delivered, server: call(() => server.state()) });
    },

    deliveredCodes() {
      return delivered.map((code) => ({ ...code }));
    },

    async escrowKey(appId) {
      const given = wellFormed(appId, "the app id");
      const server = await started();
      return call(() => server.escrowKey(given));
    },

    async assignPlaceholder(placeholder, groupId) {
      const given = [wellFormed(placeholder, "the placeholder"), wellFormed(groupId, "the group id")] as const;
      const server = await started();
      const at = time(now);
      const told: Told[] = JSON.parse(call(() => server.assignPlaceholder(at, ...given)));
      for (const { userId, event } of told) listeners.tell(userId, event);
    },
  };
}

function time(now: () => number): bigint {
  const ms = now();
  if (!(typeof ms === "number" && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) {
    throw invalid("now() gives no time in milliseconds");
  }
  return BigInt(Math.floor(ms));
}

class Listeners {
  readonly #of = new Map<string, Set<(event: Json) => void>>();

  add(userId: string, onEvent: (event: Json) => void): () => void {
    const own = (event: Json) => onEvent(event);
    const listening = this.#of.get(userId) ?? new Set();
    this.#of.set(userId, listening.add(own));
    return () => void listening.delete(own);
  }

  /** Later, and each apart: what one does or throws is nothing to the caller or to the others. They may hear of a write before its caller does, as over a network. */
  tell(userId: string, event: Json): void {
    const listening = this.#of.get(userId);
    const text = JSON.stringify(event);
    for (const own of listening ?? []) {
      Promise.resolve().then(() => {
        if (listening?.has(own)) own(JSON.parse(text));
      });
    }
  }
}
