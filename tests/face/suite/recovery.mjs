// The last resort: two men, and a code by mail that proves no more than that somebody reads it.
import { failure, heard, makeWorld, passwordOf, statuses } from "./people.mjs";
import { equal, fails, ok } from "./tools.mjs";

const EMAIL = "anna@example.org";
const contact = { recoveryContact: { email: EMAIL } };

/** An account whose password is forgotten, on a device that has nothing; and whoever tries to come back. */
async function forgotten(pkg, tools, options) {
  const world = await makeWorld(tools, options);
  const anna = await world.join(pkg, "anna", {}, contact);
  const { fingerprint } = anna;
  await anna.close();
  const device = await world.open(pkg, "anna");
  const code = async () => (await world.server.codes()).at(-1).code;
  const finish = async (recoveryId, given, more = {}) =>
    device.finishRecovery({ userId: "anna", recoveryId, code: given ?? (await code()), newPassword: "new", ...more });
  world.take();
  return { world, device, fingerprint, code, finish };
}

/** Another one of 8 digits. */
const wrong = (code, by = 1) => String((Number(code) + by) % 100_000_000).padStart(8, "0");

export default {
  "a code, and the new password opens": async (pkg, tools) => {
    const { world, device, fingerprint, code, finish } = await forgotten(pkg, tools);
    const events = heard(device);
    const { recoveryId, sentTo } = await device.startRecovery({ userId: "anna" });
    equal(sentTo, "a•••@example.org", "masked");
    equal(
      (await world.server.codes()).map(({ to, userId, code }) => [to, userId, code]),
      [[EMAIL, "anna", await code()]],
      "the mail",
    );
    const stored = [];
    await finish(recoveryId, ` ${await code()} `, { storeLoginSecret: async (secret) => void stored.push(secret) });
    equal([device.status, device.fingerprint], ["ready", fingerprint], "the same identity");
    equal([statuses(events), events.at(-1)[0]], [["ready"], "statuschange"], "events");
    equal(events[0], ["backup-changed", { version: 2 }], "another backup");
    equal(stored, [await device.loginSecret({ userId: "anna", password: "new" })], "its login secret");
    ok(
      world.asked.every(({ what, options }) => /recover|login/.test(what) === (options.public === true)),
      "no token",
    );
    await device.lock();
    await fails(
      pkg,
      "wrong-password",
      () => device.unlock({ userId: "anna", password: passwordOf("anna") }),
      "the old",
    );
    equal(await device.unlock({ userId: "anna", password: "new" }), "local", "the new one");
    // The shares were renewed: it goes again.
    const again = await device.startRecovery({ userId: "anna" });
    await device.finishRecovery({
      userId: "anna",
      recoveryId: again.recoveryId,
      code: await code(),
      newPassword: "newer",
    });
    await device.close();
    const wiped = await world.open(pkg, "anna");
    equal(await wiped.unlock({ userId: "anna", password: "newer" }), "restored", "the newest one");
    await wiped.close();
  },

  "wrong codes are counted": async (pkg, tools) => {
    const { device, code, finish } = await forgotten(pkg, tools);
    const { recoveryId } = await device.startRecovery({ userId: "anna" });
    for (const [given, attemptsLeft] of [
      [wrong(await code()), 4],
      ["x", 3],
      [`${await code()}0`, 2],
      ["٠١٢٣٤٥٦٧", 1],
    ])
      equal(await failure(() => finish(recoveryId, given)), { code: "otp-wrong", attemptsLeft }, given);
    equal(device.status, "new", "nothing came of it");
    await finish(recoveryId);
    equal(device.status, "ready", "the last try was right");
    await device.close();
  },

  "five tries a recovery, ten a day": async (pkg, tools) => {
    const { device, code, finish } = await forgotten(pkg, tools);
    for (const round of [1, 2]) {
      const { recoveryId } = await device.startRecovery({ userId: "anna" });
      for (const attemptsLeft of [4, 3, 2, 1, 0])
        equal(
          await failure(async () => finish(recoveryId, wrong(await code()))),
          { code: "otp-wrong", attemptsLeft },
          `${round}`,
        );
      equal((await failure(() => finish(recoveryId))).code, "otp-locked", "the right code, too late");
    }
    const { recoveryId } = await device.startRecovery({ userId: "anna" });
    const { code: locked, retryAfterMs } = await failure(() => finish(recoveryId));
    equal(locked, "otp-locked", "a new recovery");
    ok(retryAfterMs > 23 * 3_600_000 && retryAfterMs <= 24 * 3_600_000, `when to come back: ${retryAfterMs}`);
    await device.close();
  },

  "a code is of one recovery, once, for ten minutes": async (pkg, tools) => {
    let now = Date.now();
    const { device, code, finish } = await forgotten(pkg, tools, { now: () => now });
    const first = await device.startRecovery({ userId: "anna" });
    const firstCode = await code();
    const second = await device.startRecovery({ userId: "anna" });
    equal((await failure(() => finish(second.recoveryId, firstCode))).code, "otp-wrong", "another recovery's");
    now += 10 * 60_000 + 1;
    await fails(pkg, "otp-expired", () => finish(first.recoveryId, firstCode), "too late");
    const third = await device.startRecovery({ userId: "anna" });
    await finish(third.recoveryId);
    await fails(pkg, "otp-expired", () => finish(third.recoveryId), "used twice");
    await fails(pkg, "otp-expired", () => finish("AAAAAAAAAAAAAAAAAAAAAA"), "no recovery");
    for (let starts = 3; starts < 10; starts += 1) await device.startRecovery({ userId: "anna" });
    const { code: refused, retryAfterMs } = await failure(() => device.startRecovery({ userId: "anna" }));
    equal([refused, retryAfterMs > 0], ["throttled", true], "ten starts a day");
    await device.close();
  },

  "what isn't there can't be recovered": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const bob = await world.open(pkg, "bob");
    await fails(pkg, "no-backup", () => anna.startRecovery({ userId: "anna" }), "no contact");
    await fails(pkg, "no-backup", () => bob.startRecovery({ userId: "bob" }), "no account");
    equal(await world.server.codes(), [], "no mail");
    for (const recoveryId of ["", "x", "=".repeat(22), "A".repeat(43), "A".repeat(500)]) {
      const given = { userId: "bob", recoveryId, code: "12345678", newPassword: "new" };
      await fails(pkg, "invalid-argument", () => bob.finishRecovery(given), recoveryId.slice(0, 9));
    }
    for (const user of [anna, bob]) await user.close();
  },

  "a contact, later; and another one": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.join(pkg, "anna");
    const given = { password: passwordOf("anna"), email: EMAIL };
    await fails(pkg, "wrong-password", () => anna.setRecoveryContact({ ...given, password: "x" }), "another password");
    for (const email of ["", "anna", "a b@c", `${"x".repeat(300)}@example.org`])
      await fails(pkg, "invalid-argument", () => anna.setRecoveryContact({ ...given, email }), email.slice(0, 9));
    await anna.setRecoveryContact(given);
    await anna.startRecovery({ userId: "anna" });
    await anna.setRecoveryContact({ ...given, email: "other@example.org" });
    const { recoveryId, sentTo } = await anna.startRecovery({ userId: "anna" });
    equal(sentTo, "o•••@example.org", "the newest");
    equal(
      (await world.server.codes()).map(({ to }) => to),
      [EMAIL, "other@example.org"],
      "mails",
    );
    // A changed password keeps it.
    await anna.changePassword({ oldPassword: passwordOf("anna"), newPassword: "two" });
    await anna.lock();
    const { code } = (await world.server.codes()).at(-1);
    await anna.finishRecovery({ userId: "anna", recoveryId, code, newPassword: "three" });
    equal(anna.status, "ready", "recovered");
    await fails(pkg, "locked", async () => {
      await anna.lock();
      await anna.setRecoveryContact({ password: "three", email: EMAIL });
    });
    await anna.close();
  },

  "an application that keeps no shares": async (pkg, tools) => {
    const { world, device, code } = await forgotten(pkg, tools);
    const { recoveryId } = await device.startRecovery({ userId: "anna" });
    await device.close();
    const { appShare: _, ...backend } = world.backend;
    const without = await world.open(pkg, "anna", { backend });
    world.take();
    const finish = { userId: "anna", recoveryId, code: await code(), newPassword: "new" };
    await fails(pkg, "invalid-argument", () => without.finishRecovery(finish), "finishRecovery()");
    const register = { userId: "anna", password: "x", ...contact };
    await fails(pkg, "invalid-argument", () => without.register(register), "register()");
    equal(world.take(), [], "nothing was asked: the code is good still");
    await without.unlock({ userId: "anna", password: passwordOf("anna") });
    const address = { password: passwordOf("anna"), email: EMAIL };
    await fails(pkg, "invalid-argument", () => without.setRecoveryContact(address), "setRecoveryContact()");
    await without.close();
    const again = await world.open(pkg, "anna");
    await again.finishRecovery(finish);
    await again.close();
  },

  "an application whose shares fail, and one that cheats": async (pkg, tools) => {
    const bug = new RangeError("the application's");
    const put = async () => {
      throw bug;
    };
    const world = await makeWorld(tools);
    const good = world.backend.appShare;
    world.backend.appShare = { ...good, put };
    const anna = await world.open(pkg, "anna");
    const given = { userId: "anna", password: passwordOf("anna"), ...contact };
    const error = await anna.register(given).catch((error) => error);
    equal([error.code, error.cause === bug], ["server", true], "put() at register()");
    await fails(pkg, "no-backup", () => anna.unlock(given && { userId: "anna", password: "x" }), "nothing was made");
    world.backend.appShare.put = good.put;
    await anna.register(given);
    await anna.close();
    const device = await world.open(pkg, "anna");
    const start = async () => {
      const { recoveryId } = await device.startRecovery({ userId: "anna" });
      return { userId: "anna", recoveryId, code: (await world.server.codes()).at(-1).code, newPassword: "new" };
    };
    for (const [get, code] of [
      [() => Promise.reject(bug), "server"],
      [() => undefined, "server"],
      [async () => 7, "server"],
      [async () => null, "server"],
      [async () => "", "decryption-failed"],
      [async () => "no base64url!", "decryption-failed"],
      [async () => "A".repeat(43), "decryption-failed"],
      [() => Promise.reject(new pkg.WardkeyError("forbidden", "no login")), "forbidden"],
    ]) {
      world.backend.appShare.get = get;
      await fails(pkg, code, async () => device.finishRecovery(await start()), String(get));
      equal(device.status, "new", "nothing came of it");
    }
    world.backend.appShare.get = good.get;
    await device.finishRecovery(await start());
    await device.close();
  },
};
