// An account: made once, opened by its password wherever one is, and never lost on the way.
import { failure, heard, later, makeWorld, passwordOf, statuses } from "./people.mjs";
import { equal, FAST, fails, ok, until } from "./tools.mjs";

const PBKDF2 = { name: "pbkdf2-sha256", iterations: 600_000 };

export default {
  "from the first visit to the last": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.open(pkg, "anna");
    const events = heard(anna);
    const is = () => [anna.status, anna.userId, typeof anna.fingerprint];
    equal(is(), ["new", "anna", "undefined"], "at first");
    equal(world.take(), [], "open() asks nobody");
    await fails(pkg, "no-backup", () => anna.unlock({ userId: "anna", password: "one" }), "unlock()");
    equal(is(), ["new", "anna", "undefined"], "without an account");
    await anna.register({ userId: "anna", password: "one" });
    equal(is(), ["ready", "anna", "string"], "registered");
    const { fingerprint } = anna;
    equal(fingerprint.length, 43, "a fingerprint");
    await anna.lock();
    equal(is(), ["locked", "anna", "undefined"], "locked");
    await anna.lock();
    await fails(pkg, "locked", () => anna.safetyNumber("bob"), "a call while it is locked");
    await fails(pkg, "wrong-password", () => anna.unlock({ userId: "anna", password: "two" }), "another password");
    equal(anna.status, "locked", "after a wrong password");
    equal(await anna.unlock({ userId: "anna", password: "one" }), "local", "from the device");
    equal([...is(), anna.fingerprint], ["ready", "anna", "string", fingerprint], "unlocked");
    equal(await anna.unlock({ userId: "anna", password: "one" }), "local", "once more");
    await anna.forget();
    equal(is(), ["new", "anna", "undefined"], "forgotten");
    equal((await anna.storageHealth()).backup, "none", "what is known here");
    equal(await anna.unlock({ userId: "anna", password: "one" }), "restored", "from the backup");
    equal(anna.fingerprint, fingerprint, "the same identity");
    equal(statuses(events), ["ready", "locked", "ready", "new", "ready"], "events");
    equal(
      events.filter(([type]) => type !== "statuschange"),
      [
        ["backup-changed", { version: 1 }],
        ["backup-changed", { version: 1 }],
      ],
      "a backup that is new to this device",
    );
    await anna.close();
  },

  "a device that has nothing: who was here last is nobody": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const device = await world.open(pkg, undefined);
    equal([device.status, device.userId], ["new", undefined], "nobody");
    await device.register({ userId: "anna", password: passwordOf("anna") });
    equal([device.status, device.userId], ["ready", "anna"], "anna");
    await device.lock();
    equal([device.status, device.userId], ["locked", "anna"], "still anna");
    await device.register({ userId: "bob", password: passwordOf("bob") });
    equal([device.status, device.userId], ["ready", "bob"], "bob");
    await device.lock();
    equal([device.status, device.userId], ["locked", "bob"], "still bob");
    equal(await device.unlock({ userId: "anna", password: passwordOf("anna") }), "local", "both are here");
    equal(device.userId, "anna", "anna again");
    await device.forget();
    equal([device.status, device.userId], ["new", undefined], "of the one who was here last nothing is left");
    equal(await device.unlock({ userId: "bob", password: passwordOf("bob") }), "local", "the other one is here");
    await device.close();
  },

  "from one user to another without a lock: push follows": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const listening = [];
    world.backend.events = (userId, onEvent) => {
      listening.push(userId);
      const stop = world.server.events(userId, onEvent);
      return () => {
        listening.splice(listening.indexOf(userId), 1);
        stop();
      };
    };
    const device = await world.open(pkg, undefined);
    const events = heard(device);
    await device.register({ userId: "anna", password: "one" });
    const { fingerprint } = device;
    await device.register({ userId: "bob", password: "two" });
    equal([device.userId, device.fingerprint === fingerprint], ["bob", false], "bob");
    equal(statuses(events), ["ready", "ready"], "told of both");
    // Where there are locks, the next one listens when the one before has left.
    await until("who listens", () => listening.join() === "bob");
    await device.close();
    equal(listening, [], "nobody does");
  },

  "opened for one user, it is nobody else's": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.open(pkg, "anna");
    world.take();
    const other = { userId: "bob", password: "x" };
    await fails(pkg, "invalid-argument", () => anna.register(other), "register()");
    await fails(pkg, "invalid-argument", () => anna.unlock(other), "unlock()");
    const recovery = { userId: "bob", recoveryId: "x", code: "12345678", newPassword: "x" };
    await fails(pkg, "invalid-argument", () => anna.finishRecovery(recovery), "finishRecovery()");
    equal(world.take(), [], "nothing was asked");
    await anna.close();
  },

  "loginSecret() derives once, for the call that follows": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const given = { userId: "anna", password: "one" };
    const anna = await world.open(pkg, "anna");
    const secret = await anna.loginSecret(given);
    ok(/^[\w-]{43}$/.test(secret), "32 bytes as text");
    await fails(pkg, "no-backup", () => anna.unlock(given), "unlock()");
    await anna.register(given);
    equal(world.take(), ["POST /v1/public/login", "GET /v1/backup", "POST /v1/register"], "one login for all three");
    await anna.lock();
    equal(await anna.loginSecret(given), secret, "always the same");
    await anna.unlock(given);
    equal(world.take(), ["POST /v1/public/login", "GET /v1/backup"], "one for both");
    await anna.lock();
    await anna.loginSecret(given);
    await anna.loginSecret({ ...given, password: "two" });
    world.take();
    await anna.unlock(given);
    equal(world.take(), ["POST /v1/public/login", "GET /v1/backup"], "of another password");
    await anna.lock();
    await anna.loginSecret(given);
    world.take();
    await later(121_000, () => anna.unlock(given));
    equal(world.take(), ["POST /v1/public/login", "GET /v1/backup"], "after two minutes");
    const both = await Promise.all([anna.loginSecret(given), anna.loginSecret({ userId: "bob", password: "one" })]);
    equal([both[0] === secret, both[1] === secret], [true, false], "another user's is another one");
    await anna.close();
  },

  "register() never writes over an account": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const { fingerprint } = anna;
    const again = { userId: "anna", password: passwordOf("anna") };
    await fails(pkg, "already-registered", () => anna.register(again), "while it is open");
    equal([anna.status, anna.fingerprint], ["ready", fingerprint], "it stays as it is");
    await anna.close();
    const other = await world.open(pkg, "anna");
    await fails(pkg, "already-registered", () => other.register(again), "on another device");
    await fails(pkg, "already-registered", () => other.register({ ...again, password: "x" }), "with another password");
    equal(other.status, "new", "nothing came of it");
    await other.unlock(again);
    equal(other.fingerprint, fingerprint, "the account is the first one's");
    await other.close();
  },

  "two register at once: one of them has the account": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [one, two] = [await world.open(pkg, "anna"), await world.open(await tools.fresh().index(), "anna")];
    const ends = await Promise.allSettled(
      [one, two].map((anna, at) => anna.register({ userId: "anna", password: `password ${at}` })),
    );
    const won = ends.findIndex(({ status }) => status === "fulfilled");
    equal(ends.filter(({ status }) => status === "fulfilled").length, 1, "one");
    equal(ends[1 - won].reason.code, "already-registered", "the other");
    equal([one, two].map(({ status }) => status).sort(), ["new", "ready"], "and its status");
    const { fingerprint } = [one, two][won];
    const lost = [one, two][1 - won];
    await lost.unlock({ userId: "anna", password: `password ${won}` });
    equal(lost.fingerprint, fingerprint, "there is one account");
    for (const anna of [one, two]) await anna.close();
  },

  "an answer to register() that was lost: the account opens": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.open(pkg, "anna");
    world.change("POST /v1/register", () => {
      throw new pkg.WardkeyError("network", "cut");
    });
    await fails(pkg, "network", () => anna.register({ userId: "anna", password: "one" }), "register()");
    equal(anna.status, "new", "it isn't known");
    world.good();
    equal(await anna.unlock({ userId: "anna", password: "one" }), "restored", "unlock()");
    await anna.close();
  },

  "after a wipe the password alone, in at most four requests": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [anna, bob] = [await world.join(pkg, "anna"), await world.join(pkg, "bob")];
    const { fingerprint } = anna;
    const { id } = await anna.createSession({ recipients: [{ user: "bob" }] });
    await anna.close();
    world.take();
    const wiped = await world.open(pkg, "anna");
    equal(wiped.status, "new", "there is nothing");
    await wiped.loginSecret({ userId: "anna", password: passwordOf("anna") });
    equal(await wiped.unlock({ userId: "anna", password: passwordOf("anna") }), "restored", "unlock()");
    const asked = world.take();
    ok(asked.length <= 4, `requests: ${asked}`);
    equal([wiped.fingerprint, (await wiped.openSession(id)).id], [fingerprint, id], "the identity and what it opens");
    for (const user of [wiped, bob]) await user.close();
  },

  "minBackupVersion: an older backup than the application remembers": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const bob = await world.join(pkg, "bob");
    const events = heard(anna, ["backup-changed"]);
    await anna.createSession({ recipients: [{ user: "bob" }] });
    equal(events, [["backup-changed", { version: 2 }]], "bob was met");
    for (const user of [anna, bob]) await user.close();
    const wiped = await world.open(pkg, "anna");
    const given = { userId: "anna", password: passwordOf("anna") };
    await fails(pkg, "backup-rollback", () => wiped.unlock({ ...given, minBackupVersion: 3 }), "3");
    equal(wiped.status, "new", "nothing came of it");
    equal(await wiped.unlock({ ...given, minBackupVersion: 2 }), "restored", "2");
    await wiped.close();
  },

  "off line: the device opens, and says where it came from": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const given = { userId: "anna", password: passwordOf("anna") };
    await anna.lock();
    world.offline(pkg);
    await fails(pkg, "network", () => anna.loginSecret(given), "loginSecret()");
    await fails(pkg, "wrong-password", () => anna.unlock({ ...given, password: "x" }), "another password");
    equal(await anna.unlock(given), "local", "unlock()");
    await fails(pkg, "network", () => anna.safetyNumber("bob"), "what needs the server");
    await anna.close();
    const wiped = await world.open(pkg, "anna");
    await fails(pkg, "network", () => wiped.unlock(given), "a device that has nothing");
    await wiped.close();
  },

  // ---------------------------------------------------------------- another password

  "another password: from then on the new one, everywhere": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const { fingerprint } = anna;
    const events = heard(anna, ["backup-changed"]);
    const stored = [];
    await anna.changePassword({
      oldPassword: passwordOf("anna"),
      newPassword: "new",
      storeLoginSecret: async (secret) => {
        stored.push(secret);
      },
    });
    equal([anna.status, events], ["ready", [["backup-changed", { version: 2 }]]], "it stays open");
    equal(stored, [await anna.loginSecret({ userId: "anna", password: "new" })], "its login secret");
    await fails(
      pkg,
      "wrong-password",
      () => anna.changePassword({ oldPassword: passwordOf("anna"), newPassword: "x" }),
      "the old one",
    );
    await anna.lock();
    await fails(
      pkg,
      "wrong-password",
      () => anna.unlock({ userId: "anna", password: passwordOf("anna") }),
      "the old one",
    );
    await fails(pkg, "locked", () => anna.changePassword({ oldPassword: "new", newPassword: "x" }), "while locked");
    equal(await anna.unlock({ userId: "anna", password: "new" }), "local", "the new one");
    await anna.close();
    const wiped = await world.open(pkg, "anna");
    await fails(pkg, "wrong-password", () => wiped.unlock({ userId: "anna", password: passwordOf("anna") }), "wiped");
    await wiped.unlock({ userId: "anna", password: "new" });
    equal(wiped.fingerprint, fingerprint, "the same identity");
    await wiped.changePassword({ oldPassword: "new", newPassword: "new" });
    await wiped.close();
  },

  "what storeLoginSecret fails with, and then either password opens": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const bug = new TypeError("the application's");
    const throttled = new pkg.WardkeyError("throttled", "wait", { retryAfterMs: 5 });
    const change = (storeLoginSecret) =>
      anna.changePassword({ oldPassword: passwordOf("anna"), newPassword: "new", storeLoginSecret });
    const failed = [];
    for (const store of [
      () => Promise.reject(bug),
      () => {
        throw bug;
      },
      () => Promise.reject(throttled),
      () => Promise.reject(undefined),
    ])
      await change(store).catch((error) => failed.push(error));
    equal(
      failed.map(({ code, retryAfterMs }) => [code, retryAfterMs]),
      [
        ["server", undefined],
        ["server", undefined],
        ["throttled", 5],
        ["server", undefined],
      ].map(([code, ms]) => [code, ms]),
      "codes",
    );
    ok(failed[0].cause === bug && failed[1].cause === bug && failed[2].cause === throttled, "causes");
    equal(anna.status, "ready", "it stays open");
    await anna.close();
    const state = await world.server.snapshot();
    for (const password of [passwordOf("anna"), "new"]) {
      const again = await makeWorld(tools, { state, appId: world.appId });
      const wiped = await pkg.Wardkey.open({
        appId: world.appId,
        backend: again.backend,
        userId: "anna",
        kdf: FAST,
        identityStore: "memory",
      });
      equal(await wiped.unlock({ userId: "anna", password }), "restored", password);
      await wiped.lock();
      equal(await wiped.unlock({ userId: "anna", password }), "local", `${password}, again`);
      await wiped.close();
    }
  },

  "a password that another device changed: this one locks, and says so": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const one = await world.join(pkg, "anna");
    await world.listened();
    const two = await world.come(await tools.fresh().index(), "anna");
    const events = heard(one);
    await two.changePassword({ oldPassword: passwordOf("anna"), newPassword: "new" });
    await until("pushed", () => one.status === "locked");
    equal(statuses(events), ["locked"], "told");
    await fails(pkg, "wrong-password", () => one.unlock({ userId: "anna", password: passwordOf("anna") }), "the old");
    equal(await one.unlock({ userId: "anna", password: "new" }), "restored", "the new one");
    for (const anna of [one, two]) await anna.close();
  },

  // ---------------------------------------------------------------- keys, parameters, suites

  "other keys: others are told, and old sessions open": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [anna, bob] = [await world.join(pkg, "anna"), await world.join(pkg, "bob")];
    const old = await anna.createSession({ recipients: [{ user: "bob" }] });
    const theirs = await bob.createSession({ recipients: [{ user: "anna" }] });
    const { fingerprint } = anna;
    await fails(pkg, "wrong-password", () => anna.renewKeys({ password: "x" }), "another password");
    await anna.renewKeys({ password: passwordOf("anna") });
    equal(anna.fingerprint, fingerprint, "the same identity");
    const events = heard(bob, ["pin-changed"]);
    const number = await bob.safetyNumber("anna");
    await bob.createSession({ recipients: [{ user: "anna" }] });
    await bob.openSession((await anna.createSession({ recipients: [{ user: "bob" }] })).id);
    equal(
      events.map(([type, { id, from, to }]) => [type, id, from.length, to.length, from !== to]),
      [["pin-changed", "anna", 43, 43, true]],
      "told once",
    );
    equal(await anna.safetyNumber("bob"), number, "what people compare stays");
    for (const id of [old.id, theirs.id]) equal((await anna.openSession(id)).id, id, "an old session");
    await anna.close();
    const wiped = await world.come(pkg, "anna");
    for (const id of [old.id, theirs.id]) equal((await wiped.openSession(id)).id, id, "an old session, after a wipe");
    await wiped.renewKeys({ password: passwordOf("anna") });
    for (const user of [wiped, bob]) await user.close();
  },

  "parameters of derivation: the application's, or what it accepts": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const given = { userId: "anna", password: "one" };
    const strong = await world.open(pkg, "anna", { kdf: { name: "argon2id" } });
    equal(typeof (await strong.loginSecret(given)), "string", "64 MiB");
    await strong.close();
    const weak = await world.join(pkg, "anna", { kdf: PBKDF2 });
    await weak.close();
    for (const [options, end] of [
      [{}, "kdf-policy"],
      [{ kdf: { name: "argon2id" } }, "kdf-policy"],
      [{ kdf: { ...PBKDF2, iterations: 700_000 } }, "kdf-policy"],
      [{ acceptKdf: [{ name: "argon2id" }, PBKDF2] }, "ok"],
      [{ kdf: PBKDF2 }, "ok"],
    ]) {
      const anna = await world.open(pkg, "anna", options);
      world.take();
      await fails(
        pkg,
        end,
        () => anna.unlock({ userId: "anna", password: passwordOf("anna") }),
        JSON.stringify(options),
      );
      if (end !== "ok") equal(world.take(), ["POST /v1/public/login"], "nothing is sent after that");
      await anna.close();
    }
    for (const options of [
      { kdf: { ...PBKDF2, iterations: 1 } },
      { kdf: { name: "argon2id", memoryKiB: 4 << 20 } },
      { acceptKdf: [{ ...PBKDF2, iterations: 599_999 }] },
    ])
      await fails(pkg, "kdf-policy", () => world.open(pkg, "anna", options), JSON.stringify(options));
  },

  "a server's parameters are refused before anything is derived": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    await anna.lock();
    for (const kdf of [
      { name: "pbkdf2-sha256", iterations: 1 },
      { name: "pbkdf2-sha256", iterations: 600_000 },
      { name: "argon2id", memoryKiB: 4_194_304, passes: 2 },
      { name: "argon2id", memoryKiB: 65_536, passes: 3 },
      { name: "argon2id", memoryKiB: 19_456, passes: 3 },
    ]) {
      world.change("POST /v1/public/login", (reply) => ({ ...reply, kdf }));
      world.take();
      await fails(pkg, "kdf-policy", () => anna.unlock({ userId: "anna", password: passwordOf("anna") }));
      await fails(pkg, "kdf-policy", () => anna.loginSecret({ userId: "anna", password: passwordOf("anna") }));
      equal(world.take(), ["POST /v1/public/login", "POST /v1/public/login"], "nothing is sent after that");
    }
    await anna.close();
  },

  "a suite of RSA": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [anna, bob] = [await world.join(pkg, "anna", { suite: "rsa-3072" }), await world.join(pkg, "bob")];
    const sessions = [
      await anna.createSession({ recipients: [{ user: "bob" }] }),
      await bob.createSession({ recipients: [{ user: "anna" }] }),
    ];
    for (const { id } of sessions)
      for (const user of [anna, bob]) equal((await user.openSession(id)).id, id, "a session");
    equal(await anna.safetyNumber("bob"), await bob.safetyNumber("anna"), "safety numbers");
    await anna.lock();
    equal(await anna.unlock({ userId: "anna", password: passwordOf("anna") }), "local", "unlock()");
    equal((await anna.openSession(sessions[1].id)).id, sessions[1].id, "after it");
    // Other keys are never weaker: of the stronger suite, where the application has changed it.
    await anna.close();
    const hybrid = await world.come(pkg, "anna");
    await hybrid.renewKeys({ password: passwordOf("anna") });
    for (const { id } of sessions) equal((await hybrid.openSession(id)).id, id, "what is wrapped for the old ones");
    for (const user of [hybrid, bob]) await user.close();
    await fails(pkg, "key-policy", () => world.open(pkg, "eve", { suite: "rsa-2048" }), "rsa-2048");
    await fails(pkg, "invalid-argument", () => world.open(pkg, "eve", { suite: "rsa-1024" }), "rsa-1024");
  },

  "passwords: what is one, whatever way it is typed": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.open(pkg, "anna");
    for (const password of ["", "a\u0007b", "\ud800", "x".repeat(1025), "x".repeat(100_000)])
      await fails(pkg, "password-format", () => anna.register({ userId: "anna", password }), password.slice(0, 9));
    equal(world.take(), [], "nothing was asked");
    await anna.register({ userId: "anna", password: " sch\u00f6n\u3000 " });
    await anna.lock();
    for (const password of ["sch\u00f6n", " sch\u00f6n", " sch\u00f6n  x"])
      await fails(pkg, "wrong-password", () => anna.unlock({ userId: "anna", password }), password);
    equal(await anna.unlock({ userId: "anna", password: " scho\u0308n  " }), "local", "decomposed, other spaces");
    await anna.close();
  },

  "several users on one device, and a shared backend": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [anna, bob] = [await world.join(pkg, "anna"), await world.join(pkg, "bob")];
    const events = [heard(anna), heard(bob)];
    equal([anna.userId, bob.userId], ["anna", "bob"], "both are open");
    await anna.lock();
    equal([anna.status, bob.status], ["locked", "ready"], "a lock is one user's");
    await anna.unlock({ userId: "anna", password: passwordOf("anna") });
    await bob.forget();
    equal([anna.status, bob.status], ["ready", "new"], "so is forget()");
    equal(await bob.unlock({ userId: "bob", password: passwordOf("bob") }), "restored", "bob");
    equal(
      events.map(statuses),
      [
        ["locked", "ready"],
        ["new", "ready"],
      ],
      "events",
    );
    for (const user of [anna, bob]) await user.close();
  },

  "a server of another application is left before anything is derived": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const other = await pkg.Wardkey.open({ appId: "other", backend: world.backend, userId: "anna", kdf: FAST });
    await fails(pkg, "key-mismatch", () => other.loginSecret({ userId: "anna", password: "one" }), "loginSecret()");
    equal(await failure(() => other.unlock({ userId: "anna", password: "one" })), { code: "key-mismatch" }, "unlock()");
    for (const user of [anna, other]) await user.close();
  },
};
