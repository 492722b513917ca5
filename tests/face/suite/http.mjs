// What the tests of httpBackend() share: a key server of their own over real HTTP, and a clock that runs fast.
import { base64url, equal, utf8 } from "./tools.mjs";

const ask = globalThis.fetch;

/** A key server (../key-server.mjs), what it does next, what it was asked; and a backend for it. `at`: another server than the page's own. */
export function openServer(pkg, tools, at = tools.url) {
  const url = `${at}keys/room-${Math.random().toString(36).slice(2)}`;
  const control = async (what, body) => {
    const method = body === undefined ? "GET" : "PUT";
    return (await ask(`${url}/${what}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) })).json();
  };
  const server = {
    url,
    tokens: 0,
    /** Steps in the place of the next answers. */
    script: (...steps) => control("script", steps),
    /** What it was asked since the last call of this. */
    log: () => control("log"),
    paths: async () => (await control("log")).map(({ method, path }) => `${method} ${path}`),
    codes: () => control("codes"),
    left: () => control("left"),
    open: () => control("open"),
    backend: (options = {}) =>
      pkg.httpBackend({
        url,
        token: () => {
          server.tokens += 1;
          return server.token("anna");
        },
        ...options,
      }),
    token: (userId) => `token.${base64url(utf8(userId))}.${server.tokens}`,
  };
  return server;
}

export const KDF = { name: "argon2id", memoryKiB: 65_536, passes: 3 };
export const login = ["POST", "/v1/public/login", { appId: "app.example", userId: "anna", kdf: KDF }, { public: true }];
/** Of a user without an account: the key server says so. */
export const read = ["GET", "/v1/backup", undefined, { userId: "anna" }];
export const directory = ["POST", "/v1/directory", { userIds: [], bundles: [] }, { userId: "anna" }];

/** While pauses take a fraction of their time, and the page's clock goes on by the whole: they are random numbers. Limits aren't, and take their time, however slow
 *  this machine is: what `run` is given as `pass` goes on by so many milliseconds at once, and gives how many limits have ended by that. Its other argument is what was waited for. */
export async function hurried(run, factor = 40) {
  const { setTimeout, clearTimeout } = globalThis;
  const { now } = Performance.prototype;
  const [waits, limits] = [[], new Map()];
  let passed = 0;
  const clock = () => now.call(performance) + passed;
  globalThis.setTimeout = (act, ms = 0, ...given) => {
    if (ms > 0) waits.push(ms);
    if (!isRandom(ms)) {
      const id = setTimeout(act, ms, ...given);
      // No shorter ones: Node has some of its own.
      if (ms >= 20_000) limits.set(id, { act, end: clock() + ms });
      return id;
    }
    const begun = clock();
    const over = () => {
      passed += Math.max(0, begun + ms - clock());
      act(...given);
    };
    return setTimeout(over, ms / factor);
  };
  globalThis.clearTimeout = (id) => {
    limits.delete(id);
    clearTimeout(id);
  };
  Object.defineProperty(performance, "now", { value: clock, configurable: true });
  const pass = (ms) => {
    passed += ms;
    const over = [...limits].filter(([, { end }]) => end <= clock());
    for (const [id, { act }] of over) {
      globalThis.clearTimeout(id);
      act();
    }
    return over.length;
  };
  try {
    await run(waits, pass);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    delete performance.now;
  }
  return waits;
}

/** Pauses are: limits are whole, or by sixteenths as a body is longer, and those of Node itself are whole. */
export const isRandom = (ms) => !Number.isInteger(16 * ms);

/** With another member of the global object, which may not be there. */
export async function within(name, value, run) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    return await run();
  } finally {
    if (before) Object.defineProperty(globalThis, name, before);
    else delete globalThis[name];
  }
}

/** What a call ends with, as the error. */
export async function errorOf(run) {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error("it succeeds");
}

export async function ends(run, expected, what) {
  const { code, retryAfterMs, attemptsLeft } = await errorOf(run);
  const given = typeof expected === "string" ? { code: expected } : expected;
  equal([code, retryAfterMs, attemptsLeft], [given.code, given.retryAfterMs, given.attemptsLeft], what);
}
