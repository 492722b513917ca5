// One identity in a page, however often it is opened; and what closing and locking do to what is under way.
import { heard, isAlive, later, makeWorld, passwordOf, statuses } from "./people.mjs";
import { equal, FAST, fails, ok, soon, until } from "./tools.mjs";

const given = { userId: "anna", password: passwordOf("anna") };

/** Every call that waits for something, on an identity that is open. */
const calls = (anna) => ({
  loginSecret: () => anna.loginSecret({ ...given, password: "other" }),
  register: () => anna.register(given),
  unlock: () => anna.unlock(given),
  changePassword: () => anna.changePassword({ oldPassword: given.password, newPassword: given.password }),
  startRecovery: () => anna.startRecovery({ userId: "anna" }),
  finishRecovery: () =>
    anna.finishRecovery({ userId: "anna", recoveryId: "A".repeat(22), code: "12345678", newPassword: "x" }),
  renewKeys: () => anna.renewKeys({ password: given.password }),
  setRecoveryContact: () => anna.setRecoveryContact({ password: given.password, email: "a@example.org" }),
  createSession: () => anna.createSession({ recipients: [{ user: "bob" }] }),
  openSession: () => anna.openSession("A".repeat(43)),
  openSessions: () => anna.openSessions(["A".repeat(43)]).then(([{ error }]) => Promise.reject(error)),
  safetyNumber: () => anna.safetyNumber("bob"),
  verify: () => anna.verify("bob", "A".repeat(43)),
  storageHealth: () => anna.storageHealth(),
  auditLog: () => anna.auditLog(),
  lock: () => anna.lock(),
  forget: () => anna.forget(),
});

/** A server that answers when it is told to. */
function held(world) {
  const waiting = [];
  world.answer = (_what, ask) => new Promise((resolve) => waiting.push(() => resolve(ask())));
  return { waiting, go: () => waiting.splice(0).map((answer) => answer()) };
}

const LOCK_AFTER = 300;

/** Signs of somebody, each less than that after the one before. A machine that was late begins again. */
async function inUse(anna, sign) {
  for (let tries = 0; tries < 20; tries += 1) {
    let [before, late] = [performance.now(), false];
    const look = () => {
      const now = performance.now();
      late ||= now - before >= LOCK_AFTER;
      before = now;
    };
    for (let count = 0; count < 6; count += 1) {
      await sign();
      await soon(100);
      look();
    }
    if (anna.status === "ready") return;
    // Its state before the first sign isn't known.
    ok(late || tries === 0, "in use");
    await anna.unlock(given);
  }
  throw new Error("this machine is too busy");
}

export default {
  "opened twice, it is one; close() drops one": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [one, two] = await Promise.all([world.open(pkg, "anna"), world.open(pkg, "anna")]);
    ok(one !== two, "two objects");
    const events = [heard(one), heard(two)];
    await one.register(given);
    equal([two.status, two.fingerprint], ["ready", one.fingerprint], "one identity");
    equal(events.map(statuses), [["ready"], ["ready"]], "both are told");
    const session = await one.createSession({ recipients: [] });
    await one.close();
    await one.close();
    equal([two.status, (await session.recipients()).length], ["ready", 1], "it goes on");
    const three = await world.open(pkg, "anna");
    equal(three.status, "ready", "a third one");
    await two.lock();
    equal(
      [three.status, events.map(statuses)],
      ["locked", [["ready"], ["ready", "locked"]]],
      "the first hears nothing",
    );
    for (const anna of [two, three]) await anna.close();
    const again = await world.open(pkg, "anna");
    equal(again.status, "new", "after the last one nothing is left, but on the device");
    await again.close();
  },

  "React's StrictMode: open, close, open": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const events = [];
    const mount = () => {
      let [user, isGone] = [undefined, false];
      const opening = world.open(pkg, "anna").then((opened) => {
        if (isGone) return opened.close();
        user = opened;
        events.push(heard(opened));
        return undefined;
      });
      return {
        opening,
        user: () => user,
        unmount: () => {
          isGone = true;
          return user?.close();
        },
      };
    };
    const first = mount();
    first.unmount();
    const second = mount();
    await Promise.all([first.opening, second.opening]);
    equal([first.user(), second.user().status], [undefined, "new"], "the second one is open");
    await second.user().register(given);
    equal(events.map(statuses), [["ready"]], "told once");
    await second.unmount();
    const third = mount();
    await third.opening;
    await third.unmount();
    const fourth = mount();
    await fourth.opening;
    equal(await fourth.user().unlock(given), "restored", "it works");
    await fourth.unmount();
    await isAlive(pkg);
  },

  "closed while another one opens": async (pkg, tools) => {
    const world = await makeWorld(tools);
    for (let count = 0; count < 20; count += 1) {
      const one = await world.open(pkg, "anna");
      const opening = world.open(pkg, "anna");
      const closing = one.close();
      const two = await opening;
      await closing;
      equal(two.status, "new", "two");
      await fails(pkg, "no-backup", () => two.unlock(given), "it works");
      await two.close();
    }
  },

  "an open() that fails leaves nothing": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const wrong = "A".repeat(43);
    const ends = await Promise.allSettled([world.open(pkg, wrong), world.open(pkg, wrong), world.open(pkg, "anna")]);
    equal(
      ends.map(({ reason, value }) => reason?.code ?? value.status),
      ["invalid-argument", "invalid-argument", "new"],
      "a user id shaped like a group's",
    );
    await ends[2].value.close();
  },

  "used after close(): every call is refused, and asks nobody": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    await anna.close();
    world.take();
    for (const [name, call] of Object.entries(calls(anna))) await fails(pkg, "invalid-argument", call, name);
    equal([anna.fingerprint, world.take()], [undefined, []], "nothing is left");
    ok(["new", "locked", "ready"].includes(anna.status), "its status can be read");
  },

  "closed while calls are under way: they end, and nothing traps": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const bob = await world.join(pkg, "bob");
    await (await world.join(pkg, "anna", {}, { recoveryContact: { email: "a@example.org" } })).close();
    for (const name of Object.keys(calls({}))) {
      world.good();
      const anna = await world.come(pkg, "anna");
      const server = held(world);
      let end = "under way";
      const running = calls(anna)
        [name]()
        .then(
          () => "ok",
          ({ code }) => code,
        )
        .then((how) => {
          end = how;
        });
      // Those that ask nobody end by themselves; a derivation takes its time.
      await until(name, () => server.waiting.length > 0 || end !== "under way");
      await anna.close();
      await running;
      ok(["aborted", "ok"].includes(end), `${name} ends: ${end}`);
      equal(end === "ok", server.waiting.length === 0, `${name}: ${end}`);
      server.go();
      await isAlive(pkg);
    }
    world.good();
    await bob.close();
    const anna = await world.come(pkg, "anna");
    await anna.close();
  },

  "closed while something is derived": async (pkg, tools) => {
    const world = await makeWorld(tools);
    await (await world.join(pkg, "anna")).close();
    const anna = await world.open(pkg, "anna", { kdf: { name: "argon2id" }, acceptKdf: [FAST] });
    const running = anna.unlock(given).catch(({ code }) => code);
    await until("the login", () => world.asked.some(({ what }) => what.endsWith("/v1/public/login")));
    await new Promise((resolve) => setTimeout(resolve));
    await anna.close();
    equal(await running, "aborted", "it ends");
    await isAlive(pkg);
  },

  "locked while calls are under way: none of them opens it again": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const bob = await world.join(pkg, "bob");
    await (await world.join(pkg, "anna", {}, { recoveryContact: { email: "a@example.org" } })).close();
    for (const name of Object.keys(calls({}))) {
      if (["lock", "forget"].includes(name)) continue;
      world.good();
      const anna = await world.come(pkg, "anna");
      const events = heard(anna);
      const server = held(world);
      let end = "under way";
      const running = calls(anna)
        [name]()
        .then(
          () => "ok",
          ({ code }) => code,
        )
        .then((how) => {
          end = how;
        });
      await until(name, () => server.waiting.length > 0 || end !== "under way");
      await anna.lock();
      equal([anna.status, anna.fingerprint], ["locked", undefined], `${name}: at once`);
      world.good();
      server.go();
      await running;
      equal([anna.status, anna.fingerprint], ["locked", undefined], `${name}: and later (${end})`);
      equal(statuses(events), ["locked"], `${name}: told once`);
      ok(end !== "unsupported-environment" && end !== "aborted", `${name} ends: ${end}`);
      equal(await anna.unlock(given), "local", `${name}: it opens again`);
      await anna.close();
    }
    await bob.close();
  },

  "a call that ends beside an unlocking doesn't take its status away": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    for (let count = 0; count < 10; count += 1) {
      await anna.lock();
      const events = heard(anna, ["statuschange"]);
      const beside = [() => anna.safetyNumber("bob"), () => anna.storageHealth(), () => anna.loginSecret(given)];
      const [unlocked] = await Promise.allSettled([anna.unlock(given), ...beside.map((call) => call())]);
      equal([unlocked.value, anna.status, statuses(events)], ["local", "ready", ["ready"]], "ready");
    }
    await anna.close();
  },

  "events: once, on, off, and of the contract's types": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.open(pkg, "anna");
    ok(anna instanceof EventTarget, "an EventTarget");
    const seen = [];
    const on = (event) => seen.push(event);
    anna.addEventListener("statuschange", on, { once: true });
    anna.addEventListener("backup-changed", on);
    anna.addEventListener("statuschange", { handleEvent: on });
    const ended = new AbortController();
    anna.addEventListener("statuschange", () => seen.push("ended"), { signal: ended.signal });
    ended.abort();
    await anna.register(given);
    anna.removeEventListener("backup-changed", on);
    await anna.lock();
    equal(
      seen.map((event) => [event.type, event instanceof CustomEvent, event.target === anna]),
      [
        ["backup-changed", true, true],
        ["statuschange", true, true],
        ["statuschange", true, true],
        ["statuschange", true, true],
      ],
      "events",
    );
    await anna.close();
  },

  "lockAfterMs: nobody does anything": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna", { lockAfterMs: LOCK_AFTER });
    const inNode = tools.environment === "node";
    // Where nobody can be seen, calls are the signs of somebody.
    await inUse(anna, inNode ? () => anna.storageHealth() : () => dispatchEvent(new Event("pointermove")));
    const events = heard(anna);
    if (!inNode) {
      // What a page does by itself is nobody's doing.
      const start = performance.now();
      while (anna.status === "ready" && performance.now() - start < 5000) {
        await soon(50);
        await anna.storageHealth();
      }
    }
    await until("the idle lock", () => anna.status === "locked");
    equal(statuses(events), ["locked"], "told");
    await fails(pkg, "locked", () => anna.safetyNumber("bob"), "locked");
    await anna.unlock(given);
    equal(statuses(events).slice(0, 2), ["locked", "ready"], "it opens again");
    await until("the next one", () => anna.status === "locked");
    await anna.close();
  },

  "lockAfterMs: a clock that was moved": async (pkg, tools) => {
    const world = await makeWorld(tools);
    for (const by of [3_700_000, -3_700_000]) {
      const anna = await world.open(pkg, "anna", { lockAfterMs: 3_600_000 });
      await (by > 0 ? anna.register(given) : anna.unlock(given));
      await later(by, async () => {
        if (tools.environment === "node") await anna.storageHealth();
        else dispatchEvent(new Event("keydown"));
        await until(`by ${by}`, () => anna.status === "locked");
      });
      await anna.close();
    }
  },

  "push: a backup that another device wrote is read": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const one = await world.join(pkg, "anna");
    await world.listened();
    const bob = await world.join(pkg, "bob");
    const two = await world.come(await tools.fresh().index(), "anna");
    world.take();
    await two.verify("bob", bob.fingerprint);
    const read = () => world.asked.some(({ what, options }) => what === "GET /v1/backup" && options.userId === "anna");
    await until("the reading", read);
    for (const user of [one, two, bob]) await user.close();
  },

  "push: whatever comes, nothing comes of it": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const listeners = [];
    let stopped = 0;
    world.backend.events = (_userId, onEvent) => {
      listeners.push(onEvent);
      return () => {
        stopped += 1;
        throw new Error("the application's");
      };
    };
    const anna = await world.join(pkg, "anna");
    await until("the listening", () => listeners.length === 1);
    const thrower = {
      get type() {
        throw new Error("the application's");
      },
    };
    for (const event of [
      undefined,
      null,
      0,
      "",
      "x",
      [],
      {},
      { type: 7 },
      { type: "none" },
      () => {},
      Symbol("x"),
      thrower,
    ])
      listeners[0](event);
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    listeners[0](proxy);
    equal(anna.status, "ready", "nothing");
    await anna.lock();
    equal(stopped, 1, "stopped with the lock");
    await anna.close();
    for (const events of [
      () => undefined,
      () => 7,
      () => {
        throw new Error("none");
      },
    ]) {
      world.backend.events = events;
      await (await world.come(pkg, "anna")).close();
    }
  },

  "two clients of one user in a page are like two pages": async (pkg, tools) => {
    if (typeof BroadcastChannel !== "function") return;
    const world = await makeWorld(tools);
    const [one, two] = [await world.join(pkg, "anna"), await world.open(pkg, undefined)];
    await two.unlock(given);
    const events = heard(two);
    await one.lock();
    await until("the other one's lock", () => two.status === "locked");
    equal(statuses(events), ["locked"], "told");
    await two.unlock(given);
    await two.forget();
    await until("the other one forgets", () => one.status === "new");
    for (const anna of [one, two]) await anna.close();
  },

  "what other scripts of the origin say on the channel": async (pkg, tools) => {
    if (typeof BroadcastChannel !== "function") return;
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const channel = new BroadcastChannel(`wardkey.client.${world.appId}`);
    for (const message of [
      null,
      7,
      "locked",
      [],
      {},
      { locked: true },
      { user: "bob", locked: true },
      { user: "bob", forgotten: true },
      { user: {}, unlocked: {} },
      { user: "eve", unlocked: true },
      { user: "anna", unlocked: true },
      { user: "anna", active: {} },
      { user: "anna", pushed: null },
      { user: "anna", pushed: { type: "backup", version: {} } },
      { user: "anna", pushed: { type: "feed" } },
      { user: "anna", revoked: 7 },
      { user: "anna", revoked: [7, null, "x", ["y"]] },
      new Map([["locked", "anna"]]),
    ])
      channel.postMessage(message);
    await new Promise((resolve) => setTimeout(resolve, 100));
    equal([anna.status, anna.userId], ["ready", "anna"], "nothing comes of it");
    channel.postMessage({ user: "anna", locked: true });
    await until("a lock, which anybody of the origin may ask for", () => anna.status === "locked");
    channel.postMessage({ user: "anna", unlocked: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
    equal(anna.status, "locked", "nobody is believed to have unlocked it");
    channel.close();
    await anna.close();
  },

  "Node ends when nothing is to be done": async (_pkg, tools) => {
    if (tools.environment !== "node") return;
    const { spawn } = await import("node:child_process");
    const script = `
      const { Wardkey } = await import(${JSON.stringify(await tools.path("pkg/index.js"))});
      const { memoryBackend } = await import(${JSON.stringify(await tools.path("pkg/testing.js"))});
      const kdf = ${JSON.stringify(FAST)};
      const anna = await Wardkey.open({ appId: "a", backend: memoryBackend(), userId: "anna", kdf, lockAfterMs: 60_000 });
      await anna.loginSecret({ userId: "anna", password: "one" });
      await anna.register({ userId: "anna", password: "one" });
      console.log(anna.status);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { timeout: 240_000 });
    let [said, start] = ["", 0];
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        said += data;
        start = performance.now();
      });
    const [code, signal] = await new Promise((resolve) => child.once("exit", (...how) => resolve(how)));
    equal([said, code, signal], ["ready\n", 0, null], "it was never closed, and ends");
    // The first of its timers would be half a minute.
    ok(performance.now() - start < 20_000, "soon");
  },
};
