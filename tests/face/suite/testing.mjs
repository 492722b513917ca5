// `wardkey/testing`, request by request. What clients would send was recorded: server/testing/examples/record.rs.
import { allFail, base64url, equal, FAST, fails, ok, outcome, owns, PASSWORD, pattern, text, utf8 } from "./tools.mjs";

const KDF = { name: "argon2id", memoryKiB: 65_536, passes: 3 };
const GROUP = base64url(pattern(32));
const MINUTE = 60_000;
const PUBLIC = { public: true };

const login = (userId, appId = "app.example") => ["POST", "/v1/public/login", { appId, userId, kdf: KDF }, PUBLIC];
const start = (userId) => ["POST", "/v1/public/recoveries", { userId }, PUBLIC];
const as = (userId) => ({ userId });

/** A backend with Anna, who has a contact, and Bob; and what clients would send it. */
async function recorded(tools, options = {}) {
  const { memoryBackend } = await tools.internal("testing");
  const { now, key, share, state, revokePath, ...bodies } = await tools.json("face/recorded/testing.json");
  const clock = { now };
  const outer = utf8(`{"version":1,"delivered":[],"server":${state}}`);
  const backend = memoryBackend({ now: () => clock.now, state: outer, ...options });
  const body = (name) => JSON.parse(bodies[name]);
  const requests = {
    register: ["POST", "/v1/register", body("register"), as("carol")],
    write: ["PUT", "/v1/backup", body("write"), as("anna")],
    create: ["POST", "/v1/sessions", body("create"), as("anna")],
    revoke: ["POST", revokePath, body("revoke"), as("anna")],
    answer: (recoveryId, code) => ["POST", `/v1/public/recoveries/${recoveryId}/code`, { code, key }, PUBLIC],
  };
  return { backend, clock, share, requests, state: outer };
}

async function newBackend(tools) {
  const { memoryBackend } = await tools.internal("testing");
  return memoryBackend();
}

/** A started recovery of Anna's: its id and its code. */
async function recovery(backend) {
  const { recoveryId } = await backend.request(...start("anna"));
  return { recoveryId, code: backend.deliveredCodes().at(-1).code };
}

/** What becomes of microtasks and of tasks that are waiting. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

export default {
  "the main entry knows nothing of it": (pkg) => {
    equal(pkg.memoryBackend, undefined, "memoryBackend");
  },

  "a login": async (_pkg, tools) => {
    const backend = await newBackend(tools);
    const first = await backend.request(...login("ada"));
    equal(Object.entries(first.kdf).sort(), Object.entries(KDF).sort(), "the parameters come back");
    equal(first.serverSalt.length, 43, "32 bytes");
    equal(await backend.request(...login("ada")), first, "the same again");
    const other = await backend.request(...login("bob"));
    ok(other.serverSalt !== first.serverSalt, "another salt for another name");
    equal(other.keyServer, first.keyServer, "one identity");
    const elsewhere = await newBackend(tools);
    const theirs = await elsewhere.request(...login("ada"));
    ok(theirs.serverSalt !== first.serverSalt, "two objects have two salts");
    ok(theirs.keyServer[0] !== first.keyServer[0], "and two identities");
  },

  "the first login says which application it serves": async (pkg, tools) => {
    const backend = await newBackend(tools);
    await fails(pkg, "no-backup", () => backend.request(...start("ada")));
    await fails(pkg, "no-backup", () => backend.request("GET", "/v1/backup", undefined, as("ada")));
    const weak = { appId: "weak.example", userId: "ada", kdf: { name: "pbkdf2-sha256", iterations: 1 } };
    await fails(pkg, "kdf-policy", () => backend.request("POST", "/v1/public/login", weak, PUBLIC));
    await fails(pkg, "invalid-argument", () =>
      backend.request("POST", "/v1/public/login", { userId: "ada", kdf: KDF }),
    );
    await backend.request(...login("ada", "one.example"));
    await fails(pkg, "key-mismatch", () => backend.request(...login("ada", "two.example")));
    await fails(pkg, "key-mismatch", () => backend.request(...login("ada", "weak.example")));
    await backend.request(...login("bob", "one.example"));
  },

  "who asks": async (pkg, tools) => {
    const { backend } = await recorded(tools);
    const read = (options) => outcome(pkg, () => backend.request("GET", "/v1/backup", undefined, options));
    equal(await read(as("anna")), "ok", "Anna");
    equal(await read(as("nobody")), "no-backup", "somebody");
    equal(await read(undefined), "forbidden", "nobody");
    equal(await read({ userId: "anna", public: true }), "forbidden", "a public request has no caller");
    equal(await read({ userId: "anna", public: false }), "ok", "a request that isn't public");
    equal(await read(as("a→b")), "invalid-argument", "no user id");
    const feed = { cursor: null };
    await fails(pkg, "unknown-user", () => backend.request("POST", "/v1/feed", feed, as("nobody")));
    // What a public path knows of its caller is not used.
    const [method, path, body] = login("anna");
    const expected = await backend.request(method, path, body, PUBLIC);
    for (const options of [undefined, as("bob"), as("a→b"), { userId: "anna", public: true }]) {
      equal(await backend.request(method, path, body, options), expected, JSON.stringify(options));
    }
    const [anna, bob] = await Promise.all(
      ["anna", "bob"].map((name) => backend.request("GET", "/v1/backup", undefined, as(name))),
    );
    ok(anna.active !== bob.active, "each has the own backup");
  },

  "errors are the package's, with what the server says beside": async (pkg, tools) => {
    const { backend, clock, requests } = await recorded(tools);
    const failure = async (...asked) => backend.request(...asked).catch((error) => error);
    const notHere = await failure("GET", "/v1/nothing", undefined, as("anna"));
    ok(pkg.isWardkeyError(notHere) && notHere instanceof pkg.WardkeyError, "a WardkeyError");
    equal(notHere.code, "invalid-argument", "no such path");
    ok(notHere.message.includes("path"), notHere.message);
    ok(notHere.retryAfterMs === undefined && notHere.attemptsLeft === undefined, "nothing beside");

    const { recoveryId, code } = await recovery(backend);
    const wrong = await failure(...requests.answer(recoveryId, code === "00000000" ? "00000001" : "00000000"));
    equal([wrong.code, wrong.attemptsLeft], ["otp-wrong", 4], "a wrong code");
    for (let starts = 1; starts < 10; starts += 1) await recovery(backend);
    clock.now += MINUTE;
    const throttled = await failure(...start("anna"));
    equal([throttled.code, throttled.retryAfterMs], ["throttled", 24 * 60 * MINUTE - MINUTE], "too many");
  },

  "codes are delivered here, and end by the clock that was given": async (pkg, tools) => {
    const { backend, clock, requests } = await recorded(tools);
    equal(backend.deliveredCodes(), [], "none yet");
    const { sentTo } = await backend.request(...start("anna"));
    equal(sentTo, "a•••@hospital.example", "masked");
    const [delivered, ...more] = backend.deliveredCodes();
    equal(more.length, 0, "one");
    equal([delivered.to, delivered.userId], ["anna@hospital.example", "anna"], "to whom");
    ok(/^\d{8}$/.test(delivered.code), "8 digits");
    delivered.code = "changed";
    ok(/^\d{8}$/.test(backend.deliveredCodes()[0].code), "what was given is a copy");

    const { recoveryId, code } = await recovery(backend);
    clock.now += 10 * MINUTE;
    await fails(pkg, "otp-expired", () => backend.request(...requests.answer(recoveryId, code)));
    clock.now -= 1;
    const released = await backend.request(...requests.answer(recoveryId, code));
    equal(released.backups.length, 1, "a backup");
    await fails(pkg, "otp-expired", () => backend.request(...requests.answer(recoveryId, code)), "answered");
    await fails(pkg, "no-backup", () => backend.request(...start("bob")), "no contact");
  },

  "the clock is the page's unless one is given": async (_pkg, tools) => {
    const { memoryBackend } = await tools.internal("testing");
    const { state, requests } = await recorded(tools);
    const backend = memoryBackend({ state });
    await backend.request(...requests.register);
    const { entries } = await backend.request("POST", "/v1/journal", { sessionId: null, after: 0 }, as("carol"));
    const bytes = Uint8Array.from(atob(entries[0].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    // CBOR: a number of 8 bytes.
    const at = bytes.findIndex((byte, index) => byte === 0x1b && bytes[index + 1] === 0 && bytes[index + 2] === 0);
    const time = Number(new DataView(bytes.buffer).getBigUint64(at + 1));
    ok(Math.abs(time - Date.now()) < MINUTE, `${time}`);
  },

  "the application's share, once for a receipt": async (pkg, tools) => {
    const { backend, clock, share, requests } = await recorded(tools);
    const { recoveryId, code } = await recovery(backend);
    const { receipt } = await backend.request(...requests.answer(recoveryId, code));
    const { get, put } = backend.appShare;
    await fails(pkg, "key-mismatch", () => get("bob", receipt), "another's");
    await fails(pkg, "invalid-format", () => get("anna", "AQAB"), "no receipt");
    clock.now += 10 * MINUTE;
    await fails(pkg, "otp-expired", () => get("anna", receipt), "too late");
    clock.now -= 10 * MINUTE;
    equal(await get("anna", receipt), share, "the share");
    await fails(pkg, "otp-expired", () => get("anna", receipt), "used");

    const other = base64url(pattern(32, 3));
    await put("anna", other);
    await fails(pkg, "invalid-argument", () => put("anna", "AQAB"), "too short");
    const next = await recovery(backend);
    const released = await backend.request(...requests.answer(next.recoveryId, next.code));
    equal(await get("anna", released.receipt), other, "what was put");
    const empty = await newBackend(tools);
    await fails(pkg, "bad-signature", () => empty.appShare.get("anna", receipt), "another server");
  },

  "its fingerprint, before anybody has asked it anything": async (pkg, tools) => {
    const { memoryBackend } = await tools.internal("testing");
    const backend = memoryBackend();
    const fingerprint = await backend.escrowKey("app.example");
    equal([fingerprint.length, await backend.escrowKey("app.example")], [43, fingerprint], "the same again");
    const open = (userId, backend, escrowKey) =>
      pkg.Wardkey.open({
        appId: "app.example",
        backend,
        userId,
        kdf: FAST,
        identityStore: "memory",
        trust: { escrowKey },
      });
    const anna = await open("anna", backend, fingerprint);
    await anna.register({ userId: "anna", password: PASSWORD });
    await anna.close();
    const restored = memoryBackend({ state: await backend.snapshot() });
    equal(await restored.escrowKey("app.example"), fingerprint, "of a snapshot");
    const bob = await open("bob", memoryBackend(), fingerprint);
    await fails(pkg, "pin-mismatch", () => bob.register({ userId: "bob", password: PASSWORD }), "another server");
    await bob.close();
    await fails(pkg, "key-mismatch", () => backend.escrowKey("other.example"), "another application's");
    for (const appId of [undefined, 7, "", "x".repeat(129), "\ud800"])
      await fails(pkg, "invalid-argument", () => backend.escrowKey(appId), `${appId}`);
  },

  snapshots: async (pkg, tools) => {
    const { memoryBackend } = await tools.internal("testing");
    const { backend, clock, requests } = await recorded(tools);
    await backend.request(...requests.register);
    await backend.request(...requests.create);
    const { recoveryId, code } = await recovery(backend);
    const snapshot = await backend.snapshot();
    owns(snapshot, "the snapshot");
    equal(await backend.snapshot(), snapshot, "the same state, the same bytes");

    const bytes = new Uint8Array(snapshot.length + 7);
    bytes.set(snapshot, 7);
    const again = memoryBackend({ now: () => clock.now, state: bytes.subarray(7) });
    // Read at once, and only then.
    bytes.fill(0);
    equal(again.deliveredCodes(), backend.deliveredCodes(), "the codes are there at once");
    equal(await again.snapshot(), snapshot, "nothing is lost");
    const asked = [
      ...["anna", "bob", "carol", "nobody"].map((name) => login(name)),
      ...["anna", "bob", "carol"].map((name) => ["GET", "/v1/backup", undefined, as(name)]),
      ["POST", "/v1/directory", { userIds: ["bob", "carol"], bundles: [] }, as("anna")],
      [
        "POST",
        "/v1/keys",
        { sessions: [{ id: requests.revoke[1].split("/")[3] }], signers: [], groups: [] },
        as("bob"),
      ],
      ["POST", "/v1/feed", { cursor: null }, as("anna")],
      requests.revoke,
    ];
    for (const request of asked) {
      equal(await again.request(...request), await backend.request(...request), request[1]);
    }
    ok((await again.request(...requests.answer(recoveryId, code))).receipt, "a code serves after the reload");

    // Two objects: what happens to one is nothing to the other.
    await backend.request(...requests.answer(recoveryId, code));
    await backend.request(...start("anna"));
    equal([backend.deliveredCodes().length, again.deliveredCodes().length], [2, 1], "codes");
    await again.request(...requests.write);
    const versions = await Promise.all(
      [again, backend].map((one) => one.request("GET", "/v1/backup", undefined, as("anna"))),
    );
    ok(versions[0].active !== versions[1].active, "backups");
    equal(await outcome(pkg, () => backend.request(...requests.write)), "ok", "its own write");
  },

  "states that are none": async (pkg, tools) => {
    const { memoryBackend } = await tools.internal("testing");
    const { state } = await recorded(tools);
    const json = text(state);
    const changed = (change) => utf8(JSON.stringify(Object.assign(JSON.parse(json), change)));
    const now = (state) => () => memoryBackend({ state });
    const mailed = changed({ delivered: [{ to: "~", userId: "anna", code: "12345678" }] });
    equal(memoryBackend({ state: mailed }).deliveredCodes().length, 1, "one that is good");
    const cases = [
      ["empty", now(new Uint8Array())],
      ["cut", now(state.subarray(0, -1))],
      ["not UTF-8", now(mailed.map((byte) => (byte === 0x7e ? 0xff : byte)))],
      ...["null", "1", '"x"', "[]", "{}", '{"version":"1"}'].map((other) => [other, now(utf8(other))]),
      ["no server", now(changed({ server: undefined }))],
      ...[null, {}, [1], [null], [{ to: "a", userId: "b" }]].map((delivered) => [
        `delivered: ${JSON.stringify(delivered)}`,
        now(changed({ delivered })),
      ]),
    ];
    await allFail(
      pkg,
      cases.map(([label, run]) => [label, run, "invalid-format"]),
    );
    await fails(pkg, "unsupported-version", now(changed({ version: 2 })));
    // What the module finds, every call says.
    for (const server of [null, 1, {}, { ...JSON.parse(json).server, server: null }]) {
      const backend = memoryBackend({ state: changed({ server }) });
      for (let twice = 0; twice < 2; twice += 1) {
        await fails(pkg, "invalid-format", () => backend.request(...login("ada")), JSON.stringify(server));
        await fails(pkg, "invalid-format", () => backend.snapshot(), JSON.stringify(server));
      }
    }
  },

  "events: to the user's listeners, each apart, until they are stopped": async (_pkg, tools) => {
    const { backend, requests } = await recorded(tools);
    const heard = [];
    const listen = (userId, name) => backend.events(userId, (event) => heard.push([name, event]));
    const stops = [listen("anna", "anna 1"), listen("anna", "anna 2"), listen("bob", "bob"), listen("eve", "eve")];
    const twice = (event) => heard.push(["twice", event]);
    const [stopOne] = [backend.events("bob", twice), backend.events("bob", twice)];

    const take = async () => {
      await settled();
      return heard.splice(0).map(([name, event]) => `${name}: ${JSON.stringify(event)}`);
    };
    const asked = backend.request(...requests.write);
    equal(heard.length, 0, "never at once");
    await asked;
    const written = '{"type":"backup","version":2}';
    equal(await take(), [`anna 1: ${written}`, `anna 2: ${written}`], "a backup");
    await backend.request(...requests.write);
    equal(await take(), [], "a repetition");

    await backend.request(...requests.create);
    equal(await take(), [], "nothing was taken away yet");
    stops[0]();
    stops[0]();
    stopOne();
    await backend.request(...requests.revoke);
    const feed = '{"type":"feed"}';
    equal((await take()).toSorted(), [`anna 2: ${feed}`, `bob: ${feed}`, `twice: ${feed}`], "those who listen");
  },

  "events: fresh objects, and a stop counts at once": async (_pkg, tools) => {
    const { backend, requests } = await recorded(tools);
    const heard = [];
    const stops = [];
    const listener = (event) => {
      heard.push(event);
      // Whoever is first stops all.
      for (const stop of stops) stop();
    };
    stops.push(backend.events("anna", listener), backend.events("anna", listener));
    await backend.request(...requests.write);
    await settled();
    equal(heard.length, 1, "the second was stopped before it heard");

    const { backend: other } = await recorded(tools);
    const both = [];
    for (let twice = 0; twice < 2; twice += 1) other.events("anna", (event) => both.push(event));
    await other.request(...requests.write);
    await settled();
    ok(both.length === 2 && both[0] !== both[1], "an object for each");
  },

  "answers are fresh, and what is given isn't touched or read later": async (_pkg, tools) => {
    const { backend, requests } = await recorded(tools);
    const [method, path, body, options] = requests.create;
    const frozen = (value) => {
      for (const member of Object.values(value)) if (typeof member === "object") frozen(member);
      return Object.freeze(value);
    };
    equal(await backend.request(method, path, frozen(body), frozen(options)), {}, "frozen");
    const ask = ["GET", "/v1/backup", undefined, as("anna")];
    const [one, two] = [await backend.request(...ask), await backend.request(...ask)];
    one.identity.length = 0;
    equal(two.identity.length, 1, "two answers share nothing");

    const changing = { appId: "app.example", userId: "anna", kdf: { ...KDF } };
    const expected = await backend.request("POST", "/v1/public/login", { ...changing }, PUBLIC);
    const asked = backend.request("POST", "/v1/public/login", changing, PUBLIC);
    Object.assign(changing, { userId: "bob", more: 1 });
    equal(await asked, expected, "as it was when it was given");
    const who = as("anna");
    const read = backend.request("GET", "/v1/backup", undefined, who);
    who.userId = "bob";
    equal((await read).active, two.active, "who asked");
  },

  "nothing happens before the call has returned, and all in its order": async (_pkg, tools) => {
    const { backend } = await recorded(tools);
    for (let round = 0; round < 2; round += 1) {
      const before = backend.deliveredCodes().length;
      const done = [];
      const asked = [1, 2, 3].map((number) => backend.request(...start("anna")).then(() => done.push(number)));
      const snapshot = backend.snapshot();
      const last = backend.request(...start("anna")).then(() => done.push(4));
      equal([done.length, backend.deliveredCodes().length], [0, before], "not yet");
      await Promise.all([...asked, last]);
      equal(done, [1, 2, 3, 4], "in order");
      equal(JSON.parse(text(await snapshot)).delivered.length, before + 3, "the snapshot, too");
    }
  },

  signals: async (pkg, tools) => {
    const { backend } = await recorded(tools);
    const ask = (signal) =>
      backend.request("POST", "/v1/public/recoveries", { userId: "anna" }, { public: true, signal });
    await fails(pkg, "aborted", () => ask(AbortSignal.abort()), "before");
    const controller = new AbortController();
    const asked = ask(controller.signal);
    controller.abort("enough");
    const error = await asked.catch((error) => error);
    equal([error.code, error.cause], ["aborted", "enough"], "meanwhile");
    equal(backend.deliveredCodes(), [], "nothing was done");
    const later = new AbortController();
    await ask(later.signal);
    later.abort();
    equal(backend.deliveredCodes().length, 1, "afterwards");
  },

  arguments: async (pkg, tools) => {
    const { memoryBackend } = await tools.internal("testing");
    const { backend } = await recorded(tools);
    const circle = {};
    circle.circle = circle;
    const ask = (...given) => [JSON.stringify(given.map(String)), () => backend.request(...given)];
    await allFail(pkg, [
      ...[null, 7, "x", { Now: 1 }, { now: 7 }, { now: null }, { state: "x" }, { state: [1] }, { state: null }].map(
        (options) => [JSON.stringify(options), () => memoryBackend(options)],
      ),
      ask(),
      ask("GET"),
      ask(7, "/v1/public/login"),
      ask("get", "/v1/backup", undefined, as("anna")),
      ask("DELETE", "/v1/backup", undefined, as("anna")),
      ask("GET", "/v1/backup\ud800", undefined, as("anna")),
      ask("GET", "/v1/backup", {}, as("anna")),
      ask("POST", "/v1/feed", undefined, as("anna")),
      ask("POST", "/v1/feed", null, as("anna")),
      ask("POST", "/v1/feed", "{}", as("anna")),
      ask("POST", "/v1/feed", { cursor: "\ud800" }, as("anna")),
      ...[circle, 1n, () => {}, Symbol("x")].map((body) => [
        typeof body,
        () => backend.request("POST", "/v1/feed", body, as("anna")),
      ]),
      ...[null, 7, { userId: 7 }, { userId: "\ud800" }, { public: 1 }, { idempotencyKey: 7 }, { user: "anna" }].map(
        (options) => [JSON.stringify(options), () => backend.request("GET", "/v1/backup", undefined, options)],
      ),
      ["a signal", () => backend.request("GET", "/v1/backup", undefined, { userId: "anna", signal: {} })],
      ["events of nobody", () => backend.events(undefined, () => {})],
      ["events for nobody", () => backend.events("anna")],
      ["put for nobody", () => backend.appShare.put(undefined, GROUP)],
      ["put for no user id", () => backend.appShare.put("a→b", GROUP)],
      ["put of nothing", () => backend.appShare.put("anna")],
      ["get of nobody", () => backend.appShare.get(undefined, "AQAB")],
      ["get with nothing", () => backend.appShare.get("anna")],
      ["no placeholder", () => backend.assignPlaceholder(undefined, GROUP)],
      ["a placeholder like a group", () => backend.assignPlaceholder(GROUP, GROUP)],
      ["no group", () => backend.assignPlaceholder("clinic-7")],
      ["a group's id of another form", () => backend.assignPlaceholder("clinic-7", "clinic-8")],
      ...[Number.NaN, -1, "7", undefined, Number.POSITIVE_INFINITY].map((time) => [
        `now() gives ${time}`,
        () => memoryBackend({ now: () => time }).request(...login("ada")),
      ]),
      ["a body larger than 24 MiB", () => backend.request("POST", "/v1/feed", "x".repeat(24 << 20)), "limit"],
      ["there are no groups yet", () => backend.assignPlaceholder("clinic-7", GROUP), "unknown-group"],
    ]);
    equal(await backend.request("POST", "/v1/feed", { cursor: null }, { userId: "anna", idempotencyKey: "x" }), {
      ...(await backend.request("POST", "/v1/feed", { cursor: null }, as("anna"))),
    });
    await memoryBackend({ now: () => 1.5 }).request(...login("ada"));
  },

  "what the application's clock throws reaches the caller, and harms nothing": async (_pkg, tools) => {
    const { memoryBackend } = await tools.internal("testing");
    const broken = new Error("no clock");
    let fail = true;
    const backend = memoryBackend({
      now: () => {
        if (fail) throw broken;
        return 7;
      },
    });
    equal(await backend.request(...login("ada")).catch((error) => error === broken), true, "its own error");
    fail = false;
    await backend.request(...login("ada"));
  },

  "after a trap every call says so": async (pkg, tools) => {
    const copy = tools.fresh();
    const [{ memoryBackend }, { TestServer }] = [await copy.testing(), await copy.testingGlue()];
    const { isWardkeyError } = await copy.index();
    const [backend, other] = [memoryBackend(), memoryBackend()];
    await other.request(...login("ada"));
    const { request } = TestServer.prototype;
    TestServer.prototype.request = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
    const failure = (run) => run().catch((error) => (isWardkeyError(error) ? error.code : String(error)));
    equal(await failure(() => backend.request(...login("ada"))), "server", "it failed");
    TestServer.prototype.request = request;
    equal(await failure(() => backend.request(...login("ada"))), "server", "and is not used any more");
    equal(await failure(() => other.snapshot()), "server", "by nobody");
    equal(await failure(() => memoryBackend().request(...login("ada"))), "server", "new ones neither");
    equal(await outcome(pkg, async () => (await newBackend(tools)).request(...login("ada"))), "ok", "another copy");
  },

  "where no module may be compiled": async (_pkg, tools) => {
    const copy = tools.fresh();
    const { memoryBackend } = await copy.testing();
    const backend = memoryBackend();
    const { compile } = WebAssembly;
    WebAssembly.compile = async () => {
      throw new WebAssembly.CompileError("not allowed");
    };
    try {
      const error = await backend.request(...login("ada")).catch((error) => error);
      equal(error.code, "unsupported-environment", "the module does not start");
    } finally {
      WebAssembly.compile = compile;
    }
    await backend.request(...login("ada"));
  },
};
