// C5: after lock() and after close() nothing of a client's secrets is in the module's memory: none of the random draws that keys are made of, no password, no login
// secret.
import { found, gone, memoryOf } from "./memory.mjs";
import { isAlive, later, makeWorld } from "./people.mjs";
import { base64url, equal, fails, ok, unbase64url, utf8 } from "./tools.mjs";

/** Copies of all random draws of 32 bytes or more (shorter ones are salts and the like, which are public), and of the RSA keys that WebCrypto makes, as long as `run` works. */
async function drawn(run) {
  const { crypto } = globalThis;
  const own = Object.getOwnPropertyDescriptor(crypto, "getRandomValues");
  const draw = crypto.getRandomValues.bind(crypto);
  const secrets = [];
  const value = (view) => {
    draw(view);
    if (view.byteLength >= 32)
      secrets.push(new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)));
    return view;
  };
  Object.defineProperty(crypto, "getRandomValues", { value, configurable: true, writable: true });
  const { subtle } = crypto;
  if (subtle) {
    subtle.exportKey = async (format, key) => {
      const exported = await SubtleCrypto.prototype.exportKey.call(subtle, format, key);
      // Past the modulus, which is public.
      if (format === "pkcs8") secrets.push(new Uint8Array(exported.slice(450)));
      return exported;
    };
  }
  try {
    await run(secrets);
  } finally {
    if (own) Object.defineProperty(crypto, "getRandomValues", own);
    else delete crypto.getRandomValues;
    if (subtle) delete subtle.exportKey;
  }
  return secrets;
}

const there = (memory, secrets) => secrets.filter((secret) => found(memory, secret).length > 0).length;

/** A whole life; each has its turn with what ends it. */
async function live(pkg, tools, options, end) {
  await pkg.init();
  const memory = await memoryOf(tools);
  const world = await makeWorld(tools);
  const bob = await world.join(pkg, "bob");
  const text = `pass ${base64url(crypto.getRandomValues(new Uint8Array(24)))}`;
  const [password, next] = [`${text} one`, `${text} two`];
  const texts = [password, next];
  let anna;
  const secrets = await drawn(async () => {
    anna = await world.open(pkg, "anna", options);
    texts.push(await anna.loginSecret({ userId: "anna", password }));
    await anna.register({ userId: "anna", password, recoveryContact: { email: "a@example.org" } });
    const session = await anna.createSession({ recipients: [{ user: "bob" }] });
    const theirs = await bob.createSession({ recipients: [{ user: "anna" }] });
    await anna.openSession(theirs.id);
    await session.rotate();
    await anna.changePassword({ oldPassword: password, newPassword: next });
    await anna.renewKeys({ password: next });
    await fails(pkg, "wrong-password", () => anna.renewKeys({ password }), "another password");
    texts.push(await anna.loginSecret({ userId: "anna", password: next }));
  });
  await bob.close();
  // Those of his session that anna opened are among hers.
  const used = there(memory, secrets);
  ok(used >= 3, `the search finds what is in use: ${used} of ${secrets.length}`);
  await end(anna, { password: next });
  for (const [at, secret] of secrets.entries())
    gone(memory, secret, `draw ${at} of ${secrets.length}, ${secret.length} bytes`);
  for (const [at, secret] of texts.entries()) gone(memory, utf8(secret), `text ${at}`);
  for (const secret of texts.slice(2)) gone(memory, unbase64url(secret), "a login secret");
  await isAlive(pkg);
  await anna.close();
}

export default {
  "a password is gone two minutes after it has opened nothing": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const world = await makeWorld(tools);
    const anna = await world.open(pkg, "anna");
    const { setTimeout } = globalThis;
    const acts = [];
    globalThis.setTimeout = (act, ms, ...more) => {
      const isKept = ms === 120_000;
      if (isKept) acts.push(act);
      // Done by hand, below: not again when all is closed.
      return setTimeout(isKept ? () => undefined : act, ms, ...more);
    };
    try {
      const given = () => ({
        userId: "anna",
        password: `pass ${base64url(crypto.getRandomValues(new Uint8Array(24)))}`,
      });
      const calls = [
        ["unlock()", "no-backup", (account) => anna.unlock(account)],
        ["register()", "network", (account) => anna.register(account)],
        [
          "finishRecovery()",
          "network",
          ({ userId, password }) =>
            anna.finishRecovery({ userId, recoveryId: "A".repeat(22), code: "12345678", newPassword: password }),
        ],
      ];
      for (const [what, code, call] of calls) {
        world.answer = async (asked, ask) => {
          if (code === "network" && asked !== "POST /v1/public/login") throw new pkg.WardkeyError("network", "cut");
          return ask();
        };
        const account = given();
        await fails(pkg, code, () => call(account), what);
        ok(found(memory, utf8(account.password)).length > 0, `${what} keeps it for the call that follows`);
        await later(121_000, () => acts.splice(0).map((act) => act()));
        gone(memory, utf8(account.password), what);
      }
    } finally {
      globalThis.setTimeout = setTimeout;
    }
    await anna.close();
  },

  "lock()": (pkg, tools) => live(pkg, tools, {}, (anna) => anna.lock()),

  "close()": (pkg, tools) => live(pkg, tools, {}, (anna) => anna.close()),

  "forget()": (pkg, tools) => live(pkg, tools, {}, (anna) => anna.forget()),

  "lock() after an unlocking, and with calls under way": (pkg, tools) =>
    live(pkg, tools, {}, async (anna, { password }) => {
      await anna.lock();
      await anna.unlock({ userId: "anna", password });
      const running = [anna.safetyNumber("bob"), anna.renewKeys({ password }), anna.auditLog()];
      await anna.lock();
      await Promise.allSettled(running);
      equal(anna.status, "locked", "locked");
    }),

  "lock() with a key pair of RSA": (pkg, tools) => live(pkg, tools, { suite: "rsa-3072" }, (anna) => anna.lock()),
};
