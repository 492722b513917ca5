// WardkeyOptions, checked, and as the core takes them.
import { copyKdf, isPlain, MAX_NAME, shortText, toOptions } from "./arguments.js";
import { type Backend, toBackend } from "./backend.js";
import { type CacheOptions, kindOf, toLimit } from "./cache.js";
import { invalid } from "./errors.js";
import { CustomStore } from "./key-store.js";
import type { Kdf, Suite } from "./types.js";

export interface WardkeyOptions {
  /** The application's name, 1 to 128 bytes. Keys are bound to it: it never changes. */
  appId: string;
  /** httpBackend(), memoryBackend() of `wardkey/testing`, or your own. */
  backend: Backend;
  /** Which identity of a shared device; otherwise the one that was opened here last. */
  userId?: string;
  /** What is kept of sessions, so that they open without a request. maxStalenessMs: a cached key is used only if the server's revocations were read within this time; one small request serves all keys.
   *  Default 60 s while online. Offline (requests fail without any answer) ttlMs decides. */
  cache?: CacheOptions & { maxStalenessMs?: number };
  /** Where the sealed identity is kept between page loads; default "indexeddb", falling back to memory. */
  identityStore?: "indexeddb" | "memory";
  /** After unlock, reloads and other tabs open "ready" for this long, absolutely; 0: every load asks for the password. Default 8 h. */
  resumeMs?: number;
  /** Locks when nobody has touched a page of this application for so long; default off. */
  lockAfterMs?: number;
  /** Of new keys; default "hybrid". */
  suite?: Exclude<Suite, "rsa-2048">;
  /** How passwords are derived, for new accounts; default Argon2id. An account keeps its own: another one than this is `kdf-policy`. */
  kdf?: Kdf;
  /** Others that existing accounts may still have. */
  acceptKdf?: readonly Kdf[];
  trust?: {
    /** Name or id -> fingerprint known out of band. */
    anchors?: Record<string, string>;
    /** Who is neither anchored nor pinned: is pinned as the key server presents him, or `not-certified`. Default "pin". */
    firstUse?: "pin" | "reject";
    /** The key server's fingerprint, from whoever runs it; otherwise the first that is seen is pinned. */
    escrowKey?: string;
  };
}

const OPTIONS = [
  "appId",
  "backend",
  "userId",
  "cache",
  "identityStore",
  "resumeMs",
  "lockAfterMs",
  "suite",
  "kdf",
  "acceptKdf",
  "trust",
];
const CACHE = ["store", "ttlMs", "maxEntries", "maxStalenessMs"];
const HOURS = 3_600_000;

/** @internal */
export interface CacheSettings {
  kind: ReturnType<typeof kindOf>;
  store: CacheOptions["store"];
}

/** @internal */
export interface Settings {
  cache: CacheSettings;
  appId: string;
  userId: string | undefined;
  backend: Backend;
  identityStore: "indexeddb" | "memory";
  lockAfterMs: number | undefined;
  /** For the core. */
  core: Record<string, unknown>;
}

/** @internal */
export function toSettings(options: WardkeyOptions): Settings {
  const given = toOptions(options, OPTIONS);
  const { userId, identityStore = "indexeddb", lockAfterMs, trust = {}, acceptKdf = [], kdf, suite } = given;
  const appId = shortText(given.appId, "appId", MAX_NAME, "invalid-argument");
  if (userId !== undefined) shortText(userId, "userId", MAX_NAME, "invalid-argument");
  if (identityStore !== "indexeddb" && identityStore !== "memory") {
    throw invalid('identityStore is "indexeddb" or "memory"');
  }
  if (!Array.isArray(acceptKdf)) throw invalid("acceptKdf is not an array");
  const { anchors = {}, firstUse = "pin", escrowKey } = toOptions(trust, ["anchors", "firstUse", "escrowKey"]);
  if (!isPlain(anchors)) throw invalid("anchors is not a plain object");
  if (firstUse !== "pin" && firstUse !== "reject") throw invalid('firstUse is "pin" or "reject"');
  if (suite !== undefined) shortText(suite, "the suite", MAX_NAME, "invalid-argument");
  if (escrowKey !== undefined) shortText(escrowKey, "escrowKey", MAX_NAME, "invalid-argument");
  const { store = "memory", ttlMs = 12 * HOURS, maxEntries, maxStalenessMs } = toOptions(given.cache, CACHE);
  const limit = (value: number | undefined, what: string) => (value === undefined ? undefined : toLimit(value, what));
  const kind = kindOf(store, ttlMs);
  if (kind === "custom") new CustomStore(store);
  return {
    appId,
    userId,
    cache: { kind, store: kind === "none" ? "none" : store },
    backend: toBackend(given.backend),
    identityStore,
    lockAfterMs: lockAfterMs === undefined ? undefined : duration(lockAfterMs, "lockAfterMs"),
    core: {
      appId,
      suite,
      kdf: kdf === undefined ? undefined : copyKdf(kdf),
      acceptKdf: acceptKdf.map(copyKdf),
      resumeMs: duration(given.resumeMs ?? 8 * HOURS, "resumeMs"),
      anchors: Object.entries(anchors).map(([name, fingerprint]) => [
        shortText(name, "an anchor's name", MAX_NAME, "invalid-argument"),
        shortText(fingerprint, "an anchor's fingerprint", MAX_NAME, "invalid-argument"),
      ]),
      reject: firstUse === "reject",
      escrowKey,
      ttlMs: kind === "none" ? 0 : toLimit(ttlMs, "ttlMs"),
      maxEntries: limit(maxEntries, "maxEntries"),
      maxStalenessMs: limit(maxStalenessMs, "maxStalenessMs"),
    },
  };
}

function duration(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(`${what} is not a whole number of milliseconds from 0`);
  }
  return value;
}
