// What an attacker can do, where docs/THREAT-MODEL.md says that he can; and beside each what he can't:  node --test tests/threats/can.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { later } from "../face/suite/people.mjs";

const pkg = new URL("../../pkg/", import.meta.url);
const { isWardkeyError, Wardkey } = await import(new URL("index.js", pkg));
const { memoryBackend } = await import(new URL("testing.js", pkg));

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const kdf = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
const passwordOf = (userId) => `${userId} and three blue herons`;
let applications = 0;

/** An application; `enter` is a person's device, new each time, at the key server given. */
function application(t) {
  applications += 1;
  const appId = `threats-${applications}.example`;
  const open = [];
  t.after(() => Promise.all(open.map((one) => one.close())));
  const enter = async (backend, userId, how = "unlock", more = {}) => {
    const one = await Wardkey.open({ appId, backend, userId, kdf, identityStore: "memory" });
    open.push(one);
    if (how !== "none") await one[how]({ userId, password: passwordOf(userId), ...more });
    return one;
  };
  return { enter, leave: (...all) => Promise.all(all.map((one) => one.close())) };
}

const refused = (code) => (error) => {
  assert.ok(isWardkeyError(error), String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

test("a script in the page does what the page may, while it is open, and gets no key and no password", async (t) => {
  const { enter } = application(t);
  const backend = memoryBackend();
  const ada = await enter(backend, "ada", "register");
  const mallory = await enter(backend, "mallory", "register");
  const session = await ada.createSession({ recipients: [] });
  const sealed = await session.encrypt("fracture of the left wrist");

  // It reads, and shares on, in her name: the session's log has it.
  assert.equal((await ada.decrypt(sealed)).text(), "fracture of the left wrist");
  await session.addRecipients([{ user: "mallory" }]);
  assert.equal((await mallory.decrypt(sealed)).text(), "fracture of the left wrist");
  const log = await ada.auditLog({ sessionId: session.id });
  assert.ok(log.some(({ actor, action }) => `${actor} ${action}` === "ada grant"));

  // Nothing that it can reach from the objects is a key, or the password.
  const seen = new Set();
  const found = [];
  const walk = (value) => {
    if (typeof value === "string" && value.includes(passwordOf("ada"))) found.push("a password");
    if (ArrayBuffer.isView(value) && value.byteLength >= 32) found.push("bytes");
    if (value === null || typeof value !== "object" || seen.has(value)) return;
    seen.add(value);
    for (const name of Reflect.ownKeys(value)) walk(value[name]);
  };
  walk(ada);
  walk(session);
  assert.deepEqual(found, []);
  const names = [ada, session].flatMap((one) => Object.getOwnPropertyNames(Object.getPrototypeOf(one)));
  assert.deepEqual(
    names.filter((name) => /export|raw|secretkey|privatekey/i.test(name)),
    [],
  );
  // What it can take away is sealed for her identity.
  const text = await session.serialize();
  await assert.rejects(mallory.deserializeSession(text), refused("decryption-failed"));

  // What it holds is of no use once she has locked.
  await ada.lock();
  await assert.rejects(session.decrypt(sealed), refused("locked"));
  await assert.rejects(ada.decrypt(sealed), refused("locked"));
});

test("all that a key server keeps has no content, no password and no login secret in it", async (t) => {
  const { enter } = application(t);
  const backend = memoryBackend();
  const ada = await enter(backend, "ada", "register");
  const tomas = await enter(backend, "tomas", "register");
  const secret = await ada.loginSecret({ userId: "ada", password: passwordOf("ada") });
  const ward = await ada.createGroup({ name: "Rehabilitation", members: ["tomas"] });
  const session = await ada.createSession({ recipients: [{ group: ward.id }, { placeholder: "rehab-north" }] });
  const sealed = await session.encrypt("fracture of the left wrist");
  assert.equal((await tomas.decrypt(sealed)).text(), "fracture of the left wrist");

  // As JSON, and whatever in it is bytes in base64url.
  const kept = [];
  const take = (value) => {
    if (typeof value === "string") kept.push(Buffer.from(value), Buffer.from(value, "base64url"));
    else if (value && typeof value === "object") for (const one of Object.entries(value).flat()) take(one);
  };
  take(JSON.parse(Buffer.from(await backend.snapshot()).toString()));
  const has = (one) => kept.some((bytes) => bytes.includes(one));
  // What is there in clear shows that the search finds something.
  for (const clear of ["tomas", "Rehabilitation", "rehab-north"]) assert.ok(has(clear), clear);
  const closed = ["fracture", passwordOf("ada"), secret, Buffer.from(secret, "base64url"), Buffer.from(sealed)];
  for (const one of closed) assert.ok(!has(one), String(one));
});

/** A ward from which somebody is removed, and the key server's store from before: `old()` is a key server that shows it. */
async function removal(t, name, { admins }) {
  const { enter, leave } = application(t);
  const now = () => Date.now();
  const backend = memoryBackend({ now });
  const people = [];
  for (const userId of ["ada", "tomas", "dora"]) people.push(await enter(backend, userId, "register"));
  const [ada, , dora] = people;
  const ward = await ada.createGroup({ name: "Ward 3", members: ["tomas"], admins });
  const state = await backend.snapshot();
  await ward.removeMembers([name]);
  // Dora has seen it, and her backup says so.
  await dora.verify(ward.id, await dora.safetyNumber(ward.id));
  assert.equal((await dora.storageHealth()).backup, "current");
  await leave(...people);
  return { enter, ward: ward.id, backend, old: () => memoryBackend({ state, now }) };
}

for (const { who, admins, lasts } of [
  { who: "member", admins: [], lasts: false },
  { who: "admin", admins: ["tomas"], lasts: true },
]) {
  test(`with a removed ${who}, a key server shows the ward from before to who remembers nothing: ${lasts ? "as long as they like" : "for seven days"}`, async (t) => {
    const { enter, ward, old } = await removal(t, "tomas", { admins });
    const lying = old();
    const tomas = await enter(lying, "tomas");
    const dora = await enter(lying, "dora");
    const write = async () => {
      // He vouches for the state in which he belongs.
      await tomas.groups();
      const session = await dora.createSession({ recipients: [{ group: ward }] });
      return session.encrypt("hip replaced on Monday");
    };
    const reads = async () => assert.equal((await tomas.decrypt(await write())).text(), "hip replaced on Monday");
    await reads();
    await later(2 * DAY, reads);
    await later(8 * DAY, async () => {
      if (lasts) await reads();
      else await assert.rejects(write(), refused("stale"));
    });
  });
}

test("a key server alone shows it for a day; whoever has seen more isn't taken in, wiped or not", async (t) => {
  const { enter, ward, backend, old } = await removal(t, "tomas", { admins: [] });
  const lying = old();
  const eve = await enter(lying, "eve", "register");
  const write = () => eve.createSession({ recipients: [{ group: ward }] });
  assert.ok((await write()).id);
  await later(25 * HOUR, () => assert.rejects(write(), refused("stale")));

  // Dora's backup has what she saw of the ward. It is all that she has here.
  const reading = {
    ...lying,
    request: (method, path, ...more) =>
      (path === "/v1/backup" && method === "GET" ? backend : lying).request(method, path, ...more),
  };
  const dora = await enter(reading, "dora");
  await assert.rejects(dora.createSession({ recipients: [{ group: ward }] }), refused("rollback"));
});

test("who reads the mailbox gets in, while the application asks for nothing more; with one share that is wrong nobody does", async (t) => {
  const { enter, leave } = application(t);
  const memory = memoryBackend();
  let isHonest = true;
  // An application that gives its share to whoever has a code.
  const get = async (...asked) => {
    const share = await memory.appShare.get(...asked);
    return isHonest ? share : Buffer.alloc(32, 7).toString("base64url");
  };
  const backend = { ...memory, appShare: { ...memory.appShare, get } };
  const userId = "ada";
  const recoveryContact = { email: "ada@hospital.example" };
  const ada = await enter(backend, userId, "register", { recoveryContact });
  const { fingerprint } = ada;
  await leave(ada);
  const recover = async () => {
    const thief = await enter(backend, userId, "none");
    const { recoveryId } = await thief.startRecovery({ userId });
    const { code } = memory.deliveredCodes().at(-1);
    await thief.finishRecovery({ userId, recoveryId, code, newPassword: "not Ada's at all" });
    return thief;
  };
  isHonest = false;
  await assert.rejects(recover(), refused("decryption-failed"));
  isHonest = true;
  assert.equal((await recover()).fingerprint, fingerprint);
});
