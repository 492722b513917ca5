// People over a key server in the page: whatever goes between the two can be seen, counted and changed.
import { openRealServer } from "./real-server.mjs";
import { equal, FAST, fails, until } from "./tools.mjs";

let applications = 0;

/** A key server of its own for this application: memoryBackend(), or a real one where the tests run over those. `codes()` has those that it has mailed. */
export async function keyServer(tools, appId, { now, state, testing } = {}) {
  if (tools.realServers) {
    if (now || state || testing) throw new Error("a real key server has no clock to set, and no snapshot");
    return openRealServer(tools, appId);
  }
  const { memoryBackend } = await (testing ?? tools.internal("testing"));
  const memory = memoryBackend({ ...(now ? { now } : {}), ...(state ? { state } : {}) });
  return { ...memory, codes: async () => memory.deliveredCodes(), listened: async () => {} };
}

/** A key server of an application of its own; `asked` has what it was asked, and `change` the next answers. */
export async function makeWorld(tools, { appId: given, ...options } = {}) {
  applications += 1;
  const appId = given ?? `app-${applications}-${Math.random().toString(36).slice(2)}`;
  const server = await keyServer(tools, appId, options);
  let listening = 0;
  const world = {
    appId,
    server,
    /** Somebody listens to pushes, and the server knows of all who do. */
    async listened() {
      await until("somebody listens", () => listening > 0);
      await server.listened(listening);
    },
    asked: [],
    /** Is given what was asked and how to ask it, and answers in the server's place. */
    answer: (_what, ask) => ask(),
    backend: {
      request(method, path, body, options) {
        const what = `${method} ${path}`;
        world.asked.push({ what, body, options });
        return world.answer(what, () => server.request(method, path, body, options), body);
      },
      events: (...given) => {
        listening += 1;
        return server.events(...given);
      },
      appShare: server.appShare,
    },
    /** What was asked since the last call of this. */
    take: () => world.asked.splice(0).map(({ what }) => what),
    good: () => {
      world.answer = (_what, ask) => ask();
    },
    /** Nobody answers. */
    offline: (pkg) => {
      world.answer = async () => {
        throw new pkg.WardkeyError("network", "cut");
      };
    },
    /** Changes the answers to this request. */
    change: (wanted, change) => {
      world.answer = async (what, ask) => {
        const reply = await ask();
        return what === wanted ? change(reply) : reply;
      };
    },
    open: (pkg, userId, options = {}) =>
      pkg.Wardkey.open({ appId, backend: world.backend, userId, kdf: FAST, identityStore: "memory", ...options }),
    /** A user with an account, who is ready. */
    join: async (pkg, userId, options, registration) => {
      const user = await world.open(pkg, userId, options);
      await user.register({ userId, password: passwordOf(userId), ...registration });
      return user;
    },
    /** The user of an account on a device that has nothing of him. */
    come: async (pkg, userId, options) => {
      const user = await world.open(pkg, userId, options);
      equal(await user.unlock({ userId, password: passwordOf(userId) }), "restored", "another device");
      return user;
    },
  };
  return world;
}

export const passwordOf = (userId) => `the password of ${userId}`;

/** What an object tells of: `[type, detail]` each. */
export function heard(user, types = ["statuschange", "pin-changed", "backup-changed", "cache-degraded"]) {
  const events = [];
  for (const type of types) user.addEventListener(type, ({ detail }) => events.push([type, detail]));
  return events;
}

export const statuses = (events) => events.filter(([type]) => type === "statuschange").map(([, { status }]) => status);

/** How an error is, in all that an application branches on. */
export async function failure(run) {
  try {
    await run();
    return "ok";
  } catch (error) {
    const { code, retryAfterMs, attemptsLeft } = error;
    return { code, retryAfterMs, attemptsLeft };
  }
}

/** With the clocks of this page moved on. */
export async function later(ms, run) {
  const [wall, monotonic] = [Date.now, performance.now];
  Date.now = () => wall.call(Date) + ms;
  performance.now = () => monotonic.call(performance) + ms;
  try {
    return await run();
  } finally {
    Date.now = wall;
    // It was the prototype's.
    delete performance.now;
  }
}

/** The keys of the module are as they were: whatever was tried has trapped nothing. */
export async function isAlive(pkg) {
  const key = await pkg.DataKey.generate();
  equal((await key.decrypt(await key.encrypt("alive"))).length, 5, "the module works on");
  key.free();
}

export { fails };
