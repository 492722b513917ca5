// Whatever of a client's arguments has the wrong type is `invalid-argument`, before anybody is asked.
import { isAlive, makeWorld, passwordOf } from "./people.mjs";
import { allFail, equal, FAST, fails, ok } from "./tools.mjs";

const label = (name, value) => {
  const text = typeof value === "bigint" ? `${value}` : JSON.stringify(value);
  return `${name}: ${Object.prototype.toString.call(value)} ${text?.slice(0, 40)}`;
};

/** Not one of the kind that is wanted. */
const notText = () => [
  undefined,
  null,
  0,
  true,
  {},
  [],
  ["x"],
  new String("x"),
  new Uint8Array(3),
  () => "x",
  Object.create(null),
];
const notObject = () =>
  [null, 0, "x", true, [], () => {}, new Uint8Array(3)].filter(
    (value) => !Array.isArray(value) && typeof value !== "function",
  );
const notBoolean = () => [null, 0, 1, "", "true", {}, []];
const notArray = () => [
  undefined,
  null,
  0,
  "x",
  {},
  { length: 1, 0: { user: "bob" } },
  new Set([{ user: "bob" }]),
  new Map(),
];
const notCount = () => [null, "0", {}, [], true, 1n, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60];
const badNames = () => [...notText(), "", "x".repeat(129), "\ud800", "a\u0000", "A".repeat(43), "scho\u0308n", "a→b"];

async function stage(pkg, tools) {
  const world = await makeWorld(tools);
  const bob = await world.join(pkg, "bob");
  const anna = await world.join(pkg, "anna", {}, { recoveryContact: { email: "a@example.org" } });
  const session = await anna.createSession({ recipients: [{ user: "bob" }] });
  world.take();
  const close = async () => {
    equal(world.take(), [], "nobody was asked");
    for (const user of [anna, bob]) await user.close();
    await isAlive(pkg);
  };
  return { world, anna, session, close };
}

/** Each member of these options, in each wrong way. */
function each(call, good, wrong) {
  const cases = [];
  for (const [name, values] of Object.entries(wrong))
    for (const value of values) cases.push([label(name, value), () => call({ ...good, [name]: value })]);
  cases.push(["an unknown one", () => call({ ...good, nonsense: 1 })]);
  const [first] = Object.keys(good);
  cases.push(["a misspelt one", () => call({ ...good, [`${first}s`]: good[first] })]);
  for (const value of notObject()) cases.push([label("the options", value), () => call(value)]);
  return cases;
}

const named = (name, cases) => cases.map(([label, ...rest]) => [`${name}, ${label}`, ...rest]);

export default {
  "open()": async (pkg, tools) => {
    const { appId, backend } = await makeWorld(tools);
    const open = (options) => pkg.Wardkey.open(options).then((user) => user.close());
    const good = { appId, backend, userId: "anna", kdf: FAST, identityStore: "memory" };
    await open(good);
    await open({ ...good, userId: undefined, resumeMs: undefined, lockAfterMs: undefined, trust: undefined });
    const kdfs = [
      null,
      7,
      "argon2id",
      [],
      new Map(),
      {},
      { name: "scrypt" },
      { ...FAST, name: "argon2i" },
      { ...FAST, memory: 1 },
    ];
    await allFail(pkg, [
      ...each(open, good, {
        appId: [...notText(), "", "x".repeat(129), "\ud800"],
        userId: badNames().slice(1),
        identityStore: [null, 7, "", "localstorage", "IndexedDB", {}],
        resumeMs: notCount().slice(1),
        lockAfterMs: notCount(),
        suite: [null, 7, "", "x25519", "hybrid ", {}],
        kdf: kdfs,
        acceptKdf: [null, 7, FAST, "x", {}, ...kdfs.map((kdf) => [kdf])],
        trust: [null, 7, "x", { anchor: {} }, { firstuse: "pin" }, { firstUse: "ask" }, { firstUse: null }],
      }),
      ["escrowKey", () => open({ ...good, trust: { escrowKey: "x" } })],
      ["escrowKey", () => open({ ...good, trust: { escrowKey: 7 } })],
      ["no options", () => open()],
    ]);
  },

  "what makes or opens an identity": async (pkg, tools) => {
    const { anna, close } = await stage(pkg, tools);
    const who = { userId: "anna", password: "one" };
    const both = { userId: badNames(), password: notText() };
    await allFail(pkg, [
      ...named(
        "loginSecret",
        each((given) => anna.loginSecret(given), who, both),
      ),
      ...named(
        "register",
        each((given) => anna.register(given), who, {
          ...both,
          recoveryContact: [
            null,
            0,
            "",
            false,
            "a@example.org",
            {},
            { mail: "a@b" },
            { email: 7 },
            { email: "" },
            { email: "x" },
            { email: "a@b", name: "x" },
          ],
        }),
      ),
      ...named(
        "unlock",
        each((given) => anna.unlock(given), who, { ...both, minBackupVersion: notCount() }),
      ),
      ...named(
        "startRecovery",
        each((given) => anna.startRecovery(given), { userId: "anna" }, { userId: badNames() }),
      ),
      ...named(
        "finishRecovery",
        each(
          (given) => anna.finishRecovery(given),
          { userId: "anna", recoveryId: "A".repeat(22), code: "12345678", newPassword: "x" },
          {
            userId: badNames(),
            recoveryId: [...notText(), "", "A".repeat(21), "A".repeat(23), "+".repeat(22)],
            code: notText(),
            newPassword: notText(),
            storeLoginSecret: [null, 7, "x", {}, Promise.resolve()],
          },
        ),
      ),
      ...named(
        "changePassword",
        each(
          (given) => anna.changePassword(given),
          { oldPassword: "x", newPassword: "y" },
          { oldPassword: notText(), newPassword: notText(), storeLoginSecret: [null, 7, "x", {}, Promise.resolve()] },
        ),
      ),
      ...named(
        "renewKeys",
        each((given) => anna.renewKeys(given), { password: "x" }, { password: notText() }),
      ),
      ...named(
        "setRecoveryContact",
        each(
          (given) => anna.setRecoveryContact(given),
          { password: passwordOf("anna"), email: "a@example.org" },
          {
            password: notText(),
            email: [...notText(), "", "x", "@", "a@", "@b", "a@b@c", "a b@c", `${"x".repeat(255)}@b`],
          },
        ),
      ),
    ]);
    await close();
  },

  "who somebody is": async (pkg, tools) => {
    const { anna, close } = await stage(pkg, tools);
    const cases = [];
    // That one is the id of a group.
    for (const name of badNames().filter((bad) => bad !== "A".repeat(43))) {
      cases.push([label("safetyNumber", name), () => anna.safetyNumber(name)]);
      cases.push([label("verify", name), () => anna.verify(name, "A".repeat(43))]);
    }
    for (const compared of [...notText(), "\ud800", "x".repeat(1000)])
      cases.push([label("verify", compared), () => anna.verify("bob", compared)]);
    await allFail(pkg, cases);
    await close();
  },

  sessions: async (pkg, tools) => {
    const { anna, session, close } = await stage(pkg, tools);
    const hole = new Array(2);
    hole[1] = { user: "bob" };
    const recipients = [
      ...notArray(),
      [undefined],
      [null],
      ["bob"],
      [7],
      [[]],
      [{}],
      [{ users: "bob" }],
      [{ user: "bob", group: "A".repeat(43) }],
      [{ user: "bob", placeholder: "x" }],
      [{ user: "bob", contact: { email: "a@b" } }],
      [{ user: "bob", rights: {} }],
      ...badNames().map((user) => [{ user }]),
      [{ placeholder: 7 }],
      [{ placeholder: "x", contact: null }],
      [{ placeholder: "x", contact: "a@b" }],
      [{ placeholder: "x", contact: {} }],
      [{ placeholder: "x", contact: { email: 7 } }],
      [{ placeholder: "x", contact: { email: "x" } }],
      [{ placeholder: "x", contact: { mail: "a@b" } }],
      [new Uint8Array(3)],
      hole,
    ];
    const rights = [null, 7, "read", { reads: true }, { read: 1 }, { read: null }, { read: false, forward: false }];
    const cases = named(
      "createSession",
      each(
        (given) => anna.createSession(given),
        { recipients: [{ user: "bob" }] },
        {
          recipients,
          managers: recipients.slice(1),
          rights,
          includeSelf: notBoolean(),
          offline: notBoolean(),
        },
      ),
    );
    for (const given of recipients) {
      cases.push([label("addRecipients", given), () => session.addRecipients(given)]);
      cases.push([label("revokeRecipients", given), () => session.revokeRecipients(given)]);
    }
    for (const given of rights)
      cases.push([label("rights", given), () => session.addRecipients([{ placeholder: "x" }], given)]);
    const ids = [
      ...notText().filter((id) => !ArrayBuffer.isView(id)),
      "",
      "x",
      "A".repeat(42),
      "A".repeat(44),
      "A".repeat(200),
      "é".repeat(43),
    ];
    for (const id of ids) cases.push([label("openSession", id), () => anna.openSession(id)]);
    for (const given of notArray()) cases.push([label("openSessions", given), () => anna.openSessions(given)]);
    for (const id of [undefined, null, 7, {}]) cases.push([label("openSessions", id), () => anna.openSessions([id])]);
    for (const sessionId of notText().slice(1))
      cases.push([label("auditLog", sessionId), () => anna.auditLog({ sessionId })]);
    for (const since of [null, 7, "2026", {}, new Date(Number.NaN)])
      cases.push([label("auditLog", since), () => anna.auditLog({ since })]);
    cases.push(["auditLog, misspelt", () => anna.auditLog({ session: session.id })]);
    cases.push(["auditLog, no object", () => anna.auditLog("x")]);
    await allFail(pkg, cases);
    await close();
  },

  "bytes that are no message of a session": async (pkg, tools) => {
    const { anna, close } = await stage(pkg, tools);
    const key = await pkg.DataKey.generate();
    const sealed = key.encryptSync("x");
    for (const [bytes, code] of [
      [new Uint8Array(0), "invalid-format"],
      [new Uint8Array(300), "invalid-format"],
      [sealed.slice(0, 3), "invalid-format"],
      [sealed, "invalid-argument"],
    ])
      await fails(pkg, code, () => anna.openSession(bytes), `${bytes.length} bytes`);
    await close();
  },

  "neither is constructed": async (pkg) => {
    for (const make of [() => new pkg.Wardkey(), () => new pkg.Session(), () => new pkg.Wardkey(Symbol("construct"))])
      await fails(pkg, "invalid-argument", make);
    ok(pkg.Wardkey.prototype instanceof EventTarget, "its class");
  },

  "what was given is read once, and what becomes of it later is nothing": async (pkg, tools) => {
    const { world, anna, close } = await stage(pkg, tools);
    const recipients = [{ user: "bob" }];
    const running = anna.createSession({ recipients });
    recipients[0].user = "nobody";
    recipients.push(null);
    equal((await (await running).recipients()).length, 2, "recipients");
    const ids = [(await running).id];
    const opening = anna.openSessions(ids);
    ids[0] = "x";
    ids.push(7);
    equal(
      (await opening).map(({ ok }) => ok),
      [true],
      "ids",
    );
    world.take();
    await close();
  },
};
