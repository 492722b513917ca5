// Backends of applications: whatever they throw, answer or do, a call ends with a code of the package, and nothing traps.
import { failure, isAlive, makeWorld, passwordOf } from "./people.mjs";
import { equal, FAST, fails, ok } from "./tools.mjs";

const given = { userId: "anna", password: passwordOf("anna") };

function cyclic() {
  const object = { a: [1], kdf: {} };
  object.self = object;
  object.a.push(object.a, object);
  object.kdf.kdf = object.kdf;
  return object;
}

const thrower = (name) =>
  Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new TypeError("the application's");
    },
  });

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Every trap of it throws. */
function mine() {
  const trap = () => {
    throw new RangeError("the application's");
  };
  return new Proxy({}, new Proxy({}, { get: () => trap }));
}

/** What isn't the JSON that was expected, and mostly not JSON at all. */
const oddities = () => [
  undefined,
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  10n,
  "",
  "x",
  "\ud800",
  "A".repeat(43),
  "=".repeat(44),
  "A".repeat(1 << 20),
  Symbol("x"),
  () => {},
  [],
  [null],
  [[]],
  [[], [undefined], {}],
  new Array(5),
  {},
  { length: 3, 0: "x" },
  Object.create(null),
  JSON.parse('{"__proto__": {"kdf": 1}, "constructor": null}'),
  new Date(Number.NaN),
  new Uint8Array(32),
  new Map([["kdf", 1]]),
  new Error("x"),
  new String("x"),
  Promise.resolve({}),
  cyclic(),
  Array.from({ length: 5000 }, () => "A".repeat(43)),
  JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`),
  thrower("kdf"),
  thrower("active"),
  Object.defineProperty([1, 2], "1", {
    get() {
      throw new TypeError("the application's");
    },
  }),
  revoked(),
  mine(),
];

const label = (value) => {
  try {
    return `${Object.prototype.toString.call(value)} ${typeof value === "symbol" ? "" : String(value).slice(0, 30)}`;
  } catch {
    return "what throws when it is asked";
  }
};

/** Everything that makes requests, of an identity that is ready; each may leave it locked. */
const scenario = (anna, session, other) => ({
  loginSecret: () => anna.loginSecret({ ...given, password: `${Math.random()}` }),
  register: () => anna.register(given),
  unlock: () => anna.unlock(given),
  changePassword: () => anna.changePassword({ oldPassword: given.password, newPassword: given.password }),
  startRecovery: () => anna.startRecovery({ userId: "anna" }),
  setRecoveryContact: () => anna.setRecoveryContact({ password: given.password, email: "a@example.org" }),
  renewKeys: () => anna.renewKeys({ password: given.password }),
  safetyNumber: () => anna.safetyNumber("bob"),
  createSession: () => anna.createSession({ recipients: [{ user: "bob" }, { placeholder: "x" }] }),
  // One that nobody holds, and that isn't kept: it is asked for.
  openSession: async () => {
    await anna.cache.clear();
    (await anna.openSession(other)).free();
  },
  recipients: () => session.recipients(),
  addRecipients: () => session.addRecipients([{ placeholder: `${Math.random()}` }]),
  rotate: () => session.rotate(),
  auditLog: () => anna.auditLog(),
});

async function stage(pkg, tools) {
  const { errorCodes } = await tools.glue();
  const world = await makeWorld(tools);
  const bob = await world.join(pkg, "bob");
  const anna = await world.join(pkg, "anna", {}, { recoveryContact: { email: "a@example.org" } });
  const session = await anna.createSession({ recipients: [{ user: "bob" }] });
  const unheld = await anna.createSession({ recipients: [{ user: "bob" }] });
  const other = unheld.id;
  unheld.free();
  const close = async () => {
    world.good();
    for (const user of [anna, bob]) await user.close();
    await isAlive(pkg);
  };
  return { world, anna, bob, session, other, close, codes: new Set(errorCodes()) };
}

/** How a call ends; anything but success and a code of the package is told. */
async function ends(pkg, codes, run) {
  let timer;
  const end = await Promise.race([
    run().then(
      () => "ok",
      (error) => (pkg.isWardkeyError(error) && codes.has(error.code) ? error : `${error?.name}: ${error?.message}`),
    ),
    new Promise((resolve) => {
      timer = setTimeout(resolve, 30_000, "no end");
    }),
  ]);
  clearTimeout(timer);
  if (end === "ok") return end;
  if (typeof end === "string") throw new Error(`it ends with ${end}`);
  if (end.code === "unsupported-environment") throw new Error(`a trap: ${end.message}`);
  return end.code;
}

/** All places in a reply, as paths. */
function places(json, path = []) {
  if (typeof json !== "object" || json === null) return [path];
  const inner = Object.entries(json).flatMap(([name, value]) => places(value, [...path, name]));
  return [path, ...inner];
}

function placed(json, [name, ...rest], value) {
  if (name === undefined) return value;
  const copy = Array.isArray(json) ? [...json] : { ...json };
  copy[name] = placed(json[name], rest, value);
  return copy;
}

/** An error of the key server, and what an application's own code throws: what becomes of it says which it was. */
const refusals = (pkg) => [
  new pkg.WardkeyError("forbidden", "no token"),
  new pkg.WardkeyError("throttled", "later", { retryAfterMs: 5 }),
  new pkg.WardkeyError("network", "the cable is out"),
  new pkg.WardkeyError("not-invented-yet", "a later version's"),
  new TypeError("the disk is full"),
];

/** Does this error tell of that one? */
function tells(pkg, error, refusal, what) {
  ok(pkg.isWardkeyError(error), `${what}: ${error}`);
  const known = { "not-invented-yet": "server", undefined: "server" }[refusal.code] ?? refusal.code;
  const message = refusal.code ? refusal.message : "the application's code failed";
  equal(
    [error.code, error.message, error.retryAfterMs, error.cause === refusal],
    [known, message, refusal.retryAfterMs, true],
    what,
  );
}

export default {
  "which refusal it was": async (pkg, tools) => {
    const { world, anna, bob, other, close } = await stage(pkg, tools);
    const theirs = await bob.createSession({ recipients: [{ user: "anna" }] });
    const session = await anna.openSession(theirs.id);
    const caught = (promise) =>
      promise.then(
        () => "nothing",
        (error) => error,
      );
    for (const refusal of refusals(pkg)) {
      const of = (what) => `${what}, ${refusal.message}`;
      // A generation that isn't known here yet.
      await theirs.rotate();
      const sealed = await theirs.encrypt("x");
      await anna.cache.clear();
      const asked = (path) => async (what, ask) => {
        if (what.endsWith(path)) throw refusal;
        return ask();
      };
      world.answer = asked("/v1/keys");
      // One asks for both.
      const both = await Promise.all([0, 1].map(() => caught(anna.openSession(other))));
      for (const error of both) tells(pkg, error, refusal, of("openSession"));
      const [{ error }] = await session.decryptMany([{ sealed }]);
      tells(pkg, error, refusal, of("decryptMany"));
      world.answer = asked("/v1/directory");
      tells(pkg, await caught(anna.safetyNumber("bob")), refusal, of("safetyNumber"));
      world.good();
      for (const [name, run] of Object.entries({
        put: () => anna.setRecoveryContact({ password: given.password, email: "a@example.org" }),
        get: async () => {
          const { recoveryId } = await anna.startRecovery({ userId: "anna" });
          const { code } = (await world.server.codes()).at(-1);
          await anna.finishRecovery({ userId: "anna", recoveryId, code, newPassword: "new" });
        },
      })) {
        const good = world.backend.appShare;
        const fail = () => Promise.reject(refusal);
        world.backend.appShare = { ...good, [name]: fail };
        tells(pkg, await caught(run()), refusal, of(name));
        world.backend.appShare = good;
      }
    }
    // A long one is cut, and whole in the cause.
    world.answer = async () => {
      throw new pkg.WardkeyError("forbidden", "x".repeat(100_000));
    };
    const { message, cause } = await caught(anna.safetyNumber("bob"));
    equal([message, cause.message.length], ["x".repeat(500), 100_000], "a long one");
    await close();
  },

  "whatever it throws": async (pkg, tools) => {
    const { world, anna, close } = await stage(pkg, tools);
    const branded = (code, more) => Object.assign(new pkg.WardkeyError("server", "x"), { code, ...more });
    const other = new (await tools.fresh().index()).WardkeyError("throttled", "of another copy", { retryAfterMs: 9 });
    const evil = Object.defineProperty(new pkg.WardkeyError("network", "x"), "code", {
      get() {
        throw new Error("the application's");
      },
    });
    for (const [thrown, expected] of [
      [new pkg.WardkeyError("network", "x"), { code: "network" }],
      [new pkg.WardkeyError("throttled", "x", { retryAfterMs: 1500 }), { code: "throttled", retryAfterMs: 1500 }],
      [new pkg.WardkeyError("otp-wrong", "x", { attemptsLeft: 0 }), { code: "otp-wrong", attemptsLeft: 0 }],
      [other, { code: "throttled", retryAfterMs: 9 }],
      [branded("teapot"), { code: "server" }],
      [branded(""), { code: "server" }],
      [branded(7), { code: "server" }],
      [branded("throttled", { retryAfterMs: -1 }), { code: "throttled" }],
      [branded("throttled", { retryAfterMs: Number.NaN, attemptsLeft: "3" }), { code: "throttled" }],
      [branded("throttled", { retryAfterMs: 1e300, attemptsLeft: 1.5 }), { code: "throttled" }],
      [evil, { code: "server" }],
      [{ code: "network" }, { code: "server" }],
      [new Error("x"), { code: "server" }],
      [new DOMException("x", "AbortError"), { code: "server" }],
      [new TypeError("Failed to fetch"), { code: "server" }],
      [undefined, { code: "server" }],
      [null, { code: "server" }],
      ["text", { code: "server" }],
      [7, { code: "server" }],
      [Symbol("x"), { code: "server" }],
      [thrower("code"), { code: "server" }],
      [revoked(), { code: "server" }],
      [mine(), { code: "server" }],
    ]) {
      for (const answer of [
        () => Promise.reject(thrown),
        () => {
          throw thrown;
        },
      ]) {
        world.answer = answer;
        const error = await anna.safetyNumber("bob").catch((error) => error);
        ok(error instanceof pkg.WardkeyError, label(thrown));
        const { code, retryAfterMs, attemptsLeft } = error;
        equal(
          [code, retryAfterMs, attemptsLeft],
          [expected.code, expected.retryAfterMs, expected.attemptsLeft],
          label(thrown),
        );
        ok(error.cause === thrown, `its cause: ${label(thrown)}`);
      }
    }
    world.good();
    equal(typeof (await anna.safetyNumber("bob")), "string", "it works on");
    await close();
  },

  "the error of the rules, as it stands": async (pkg, tools) => {
    const { anna, close } = await stage(pkg, tools);
    const error = await anna.openSession("A".repeat(43)).catch((error) => error);
    equal([error.code, error.name], ["unknown-session", "WardkeyError"], "in a list");
    const refused = await anna.register(given).catch((error) => error);
    equal(refused.code, "already-registered", "a request");
    ok(refused.cause instanceof pkg.WardkeyError && refused.message === refused.cause.message, "and its words");
    equal(
      await failure(() => anna.startRecovery({ userId: "bob" })),
      { code: "no-backup" },
      "a member that isn't there",
    );
    await close();
  },

  "whatever it answers, whole": async (pkg, tools) => {
    const { world, anna, session, other, codes, close } = await stage(pkg, tools);
    const found = new Set();
    for (const [name, call] of Object.entries(scenario(anna, session, other))) {
      for (const odd of oddities()) {
        world.answer = async () => odd;
        try {
          found.add(await ends(pkg, codes, call));
        } catch (error) {
          throw new Error(`${name}, ${label(odd)}: ${error.message}`);
        }
        if (anna.status !== "ready") {
          world.good();
          await anna.unlock(given);
        }
      }
    }
    ok(found.has("invalid-format"), `how calls ended: ${[...found]}`);
    await close();
  },

  "whatever stands in a reply": async (pkg, tools) => {
    const { world, anna, session, other, codes, close } = await stage(pkg, tools);
    const found = new Set();
    const changes = [
      undefined,
      null,
      7,
      -1,
      1e300,
      "x",
      "A".repeat(43),
      [],
      {},
      [[]],
      thrower("0"),
      revoked(),
      mine(),
      cyclic(),
    ];
    // A derivation for each would take minutes: those that derive are changed by themselves in the whole.
    const { safetyNumber, createSession, openSession, recipients, addRecipients, rotate, auditLog, startRecovery } =
      scenario(anna, session, other);
    const calls = {
      safetyNumber,
      createSession,
      openSession,
      recipients,
      addRecipients,
      rotate,
      auditLog,
      startRecovery,
    };
    for (const [name, call] of Object.entries(calls)) {
      const replies = new Map();
      world.answer = async (what, ask) => {
        const reply = await ask();
        replies.set(what, reply);
        return reply;
      };
      await call();
      ok(replies.size > 0, `${name} asks`);
      for (const [changed, reply] of replies) {
        // Of long lists some members say as much as all.
        const paths = places(reply).filter((_, at, all) => all.length < 40 || at % Math.ceil(all.length / 40) === 0);
        for (const path of paths) {
          for (const odd of changes) {
            world.answer = async (what, ask) => {
              const own = await ask();
              try {
                return what === changed ? placed(own, path, odd) : own;
              } catch {
                return own;
              }
            };
            try {
              found.add(await ends(pkg, codes, call));
            } catch (error) {
              throw new Error(`${name}, ${changed} ${path.join(".")}, ${label(odd)}: ${error.message}`);
            }
            if (anna.status !== "ready") {
              world.good();
              await anna.unlock(given);
            }
          }
        }
      }
    }
    for (const code of ["ok", "invalid-format"]) ok(found.has(code), `how calls ended: ${[...found]}`);
    await close();
  },

  "whatever stands in the replies to an unlocking": async (pkg, tools) => {
    const { world, anna, codes, close } = await stage(pkg, tools);
    const found = new Set();
    const backup = await world.server.request("GET", "/v1/backup", undefined, { userId: "anna" });
    for (const path of places(backup)) {
      for (const odd of [undefined, null, 7, "x", "A".repeat(43), [], {}, thrower("0"), mine()]) {
        await anna.lock();
        // One derivation for all.
        await anna.loginSecret(given);
        world.change("GET /v1/backup", (reply) => placed(reply, path, odd));
        try {
          found.add(await ends(pkg, codes, () => anna.unlock(given)));
        } catch (error) {
          throw new Error(`${path.join(".")}, ${label(odd)}: ${error.message}`);
        }
        world.good();
      }
    }
    for (const code of ["ok", "invalid-format"]) ok(found.has(code), `how calls ended: ${[...found]}`);
    await close();
  },

  "a getter that calls back": async (pkg, tools) => {
    const { world, anna, other, close } = await stage(pkg, tools);
    let called = 0;
    const back = (reply) => {
      const members = Object.keys(reply).map((name) => [
        name,
        {
          enumerable: true,
          get: () => {
            called += 1;
            void [anna.status, anna.fingerprint, anna.userId];
            // Not without end: no task would come after it, and what breathes waits for one.
            if (called < 100) anna.safetyNumber("bob").catch(() => {});
            return reply[name];
          },
        },
      ]);
      return Object.defineProperties({}, Object.fromEntries(members));
    };
    world.answer = async (_what, ask) => back(await ask());
    await anna.cache.clear();
    equal((await anna.openSession(other)).id, other, "openSession()");
    await anna.safetyNumber("bob");
    ok(called > 3, `called back ${called} times`);
    await close();
  },

  "what it is given: JSON, and how to ask": async (pkg, tools) => {
    const { world, anna, session, close } = await stage(pkg, tools);
    world.asked.length = 0;
    await anna.safetyNumber("bob");
    await session.recipients();
    await anna.loginSecret(given);
    await anna.startRecovery({ userId: "anna" });
    await anna.changePassword({ oldPassword: given.password, newPassword: given.password });
    for (const { what, body, options } of world.asked.filter(({ options }) => options.userId !== "bob")) {
      ok(/^(GET|POST|PUT) \/v1\/[\w/-]+$/.test(what), what);
      equal(JSON.parse(JSON.stringify(body ?? null)), body ?? null, `${what}: JSON`);
      equal(what.startsWith("GET"), body === undefined, `${what}: a body`);
      ok(options.signal instanceof AbortSignal && !options.signal.aborted, `${what}: a signal`);
      const isPublic = /login|recoveries/.test(what);
      equal([options.public, options.userId], isPublic ? [true, undefined] : [undefined, "anna"], `${what}: who asks`);
    }
    // Whoever changes what he is given changes nothing here.
    world.answer = (_what, ask, body) => {
      const reply = ask();
      for (const name of Object.keys(body ?? {})) body[name] = null;
      return reply;
    };
    await anna.createSession({ recipients: [{ user: "bob" }] });
    const { signal } = world.asked.at(-1).options;
    await close();
    equal(signal.aborted, true, "close() ends requests");
  },

  "what is no backend": async (pkg) => {
    const request = async () => ({});
    const open = (backend) => pkg.Wardkey.open({ appId: "a", backend, kdf: FAST, identityStore: "memory" });
    for (const backend of [
      undefined,
      null,
      7,
      "x",
      request,
      [],
      {},
      { request: 7 },
      { request, events: 7 },
      { request, events: null },
      { request, appShare: null },
      { request, appShare: 7 },
      { request, appShare: {} },
      { request, appShare: { put: request } },
      { request, appShare: { put: request, get: "x" } },
    ])
      await fails(pkg, "invalid-argument", () => open(backend), label(backend));
    class Own {
      async request() {
        throw new pkg.WardkeyError("throttled", "x", { retryAfterMs: this.after });
      }
      after = 7;
      events() {
        return () => this.after;
      }
    }
    const user = await open(new Own());
    const { code, retryAfterMs } = await failure(() => user.loginSecret(given));
    equal([code, retryAfterMs], ["throttled", 7], "an object of a class");
    await user.close();
  },
};
