// Who may read a session, and who says so.
import { makeWorld, passwordOf } from "./people.mjs";
import { breathing, equal, fails, ok } from "./tools.mjs";

const READS = { read: true, forward: true, revoke: false };
const ALL = { read: true, forward: true, revoke: true };

async function people(pkg, tools, ...names) {
  const world = await makeWorld(tools);
  const users = [];
  for (const name of names) users.push(await world.join(pkg, name));
  const close = async () => {
    for (const user of users) await user.close();
  };
  return [world, close, ...users];
}

/** `name: rights`, "m" for managers. */
async function rightsIn(session) {
  const held = await session.recipients();
  const text = ({ read, forward, revoke }) => `${read ? "r" : "-"}${forward ? "f" : "-"}${revoke ? "v" : "-"}`;
  const all = held.map(({ recipient, rights, manager }) => [
    recipient.user ?? recipient.placeholder,
    text(rights) + (manager ? "m" : ""),
  ]);
  return Object.fromEntries(all.sort());
}

export default {
  "who has what, given by whom, and when": async (pkg, tools) => {
    const [world, close, anna, bob] = await people(pkg, tools, "anna", "bob");
    const before = Date.now();
    const session = await anna.createSession({
      recipients: [
        { user: "bob" },
        { placeholder: "ward 7", contact: { email: "w@example.org" } },
        { placeholder: "b" },
      ],
    });
    ok(/^[\w-]{43}$/.test(session.id), "an id");
    equal(await session.published, undefined, "published");
    const held = (await session.recipients()).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    for (const { addedAt } of held) ok(addedAt >= before - 1 && addedAt <= Date.now(), `${addedAt}`);
    const by = { addedBy: "anna" };
    equal(
      held.map(({ addedAt: _, ...rest }) => rest),
      [
        { recipient: { placeholder: "b" }, rights: READS, manager: false, ...by },
        {
          recipient: { placeholder: "ward 7", contact: { email: "w@example.org" } },
          rights: READS,
          manager: false,
          ...by,
        },
        { recipient: { user: "anna" }, rights: ALL, manager: true, ...by },
        { recipient: { user: "bob" }, rights: READS, manager: false, ...by },
      ],
      "anna sees",
    );
    const theirs = await bob.openSession(session.id);
    equal(await rightsIn(theirs), await rightsIn(session), "bob sees the same");
    await session.addRecipients([{ user: "bob" }], { revoke: true }).catch(() => {});
    world.offline(pkg);
    equal(Object.keys(await rightsIn(session)).length, 4, "off line: as this device knows it");
    await close();
  },

  "rights, managers, the creator": async (pkg, tools) => {
    const [world, close, anna, , eve] = await people(pkg, tools, "anna", "bob", "eve");
    const of = async (options) => rightsIn(await anna.createSession({ recipients: [{ user: "bob" }], ...options }));
    equal(await of({ rights: { forward: false } }), { anna: "rfvm", bob: "r--" }, "forward: false");
    equal(await of({ rights: { read: true, forward: false, revoke: true } }), { anna: "rfvm", bob: "r-v" }, "revoke");
    equal(await of({ managers: [{ user: "eve" }] }), { anna: "rfvm", bob: "rf-", eve: "rfvm" }, "managers");
    const without = await anna.createSession({
      recipients: [{ user: "bob" }],
      managers: [{ user: "eve" }],
      includeSelf: false,
    });
    equal(await rightsIn(await eve.openSession(without.id)), { bob: "rf-", eve: "rfvm" }, "includeSelf: false");
    equal(await of({ recipients: [] }), { anna: "rfvm" }, "for nobody else");
    await fails(pkg, "invalid-argument", () => of({ recipients: [], includeSelf: false }), "for nobody at all");
    for (const recipients of [
      [{ user: "bob" }, { user: "bob" }],
      [{ user: "anna" }],
      [{ placeholder: "a" }, { placeholder: "a" }],
    ]) {
      const found = await rightsIn(await anna.createSession({ recipients })).catch(({ code }) => code);
      equal(found.anna ?? found, "rfvm", `twice: ${JSON.stringify(recipients)}`);
    }
    equal(await of({ managers: [{ user: "bob" }] }), { anna: "rfvm", bob: "rfvm" }, "who is named twice has both");
    await close();
    const wiped = await world.come(pkg, "anna");
    await fails(pkg, "not-a-recipient", () => wiped.openSession(without.id), "a creator who is no reader, later");
    await wiped.close();
  },

  "who isn't there": async (pkg, tools) => {
    const [world, close, anna, bob] = await people(pkg, tools, "anna", "bob");
    const session = await anna.createSession({ recipients: [] });
    world.take();
    for (const [recipient, code] of [
      [{ user: "nobody" }, "unknown-user"],
      [{ group: "A".repeat(43) }, "unknown-group"],
      [{ user: "A".repeat(43) }, "invalid-argument"],
      [{ user: "" }, "invalid-argument"],
      [{ user: "a\u2192b" }, "invalid-argument"],
      [{ user: "a\u0001" }, "invalid-argument"],
      [{ user: "scho\u0308n" }, "invalid-argument"],
      [{ placeholder: "" }, "invalid-argument"],
      [{ placeholder: "a", contact: { email: "x" } }, "invalid-argument"],
    ]) {
      const label = JSON.stringify(recipient);
      await fails(pkg, code, () => anna.createSession({ recipients: [recipient] }), label);
      await fails(pkg, code, () => session.addRecipients([recipient]), `add ${label}`);
    }
    equal(
      world.take().filter((what) => what.includes("sessions")),
      [],
      "nothing was sent",
    );
    for (const id of ["", "x", "A".repeat(42), "A".repeat(44), "=".repeat(43)])
      await fails(pkg, "invalid-argument", () => anna.openSession(id), id);
    await fails(pkg, "unknown-session", () => anna.openSession("A".repeat(43)), "no such session");
    await fails(pkg, "not-a-recipient", () => bob.openSession(session.id), "not for bob");
    const many = await anna.openSessions([session.id, "A".repeat(43), "x", session.id]);
    equal(
      many.map((one) => (one.ok ? one.value.id : one.error.code)),
      [session.id, "unknown-session", "invalid-argument", session.id],
      "each in its place",
    );
    ok(many[1].error instanceof pkg.WardkeyError, "a WardkeyError");
    equal(await anna.openSessions([]), [], "none");
    await close();
  },

  "given later, taken away, for everybody": async (pkg, tools) => {
    const [, close, anna, bob, eve] = await people(pkg, tools, "anna", "bob", "eve");
    const session = await anna.createSession({ recipients: [{ user: "bob" }] });
    const theirs = await bob.openSession(session.id);
    await theirs.addRecipients([{ user: "eve" }], { forward: false });
    equal(await rightsIn(session), { anna: "rfvm", bob: "rf-", eve: "r--" }, "bob may forward");
    const hers = await eve.openSession(session.id);
    const { addedBy } = (await session.recipients()).find(({ recipient }) => recipient.user === "eve");
    equal(addedBy, "bob", "given by");
    await fails(pkg, "forbidden", () => hers.addRecipients([{ placeholder: "x" }]), "eve may not");
    await fails(pkg, "forbidden", () => hers.revokeRecipients([{ user: "bob" }]), "nor revoke");
    await fails(pkg, "forbidden", () => hers.revokeAll(), "nor all");
    await fails(pkg, "forbidden", () => theirs.revokeRecipients([{ user: "anna" }]), "nobody but managers, managers");
    await fails(
      pkg,
      "forbidden",
      () => theirs.addRecipients([{ placeholder: "x" }], { revoke: true }),
      "bob hasn't it",
    );
    await fails(pkg, "invalid-argument", () => session.revokeRecipients([{ user: "nobody" }]), "who has no rights");
    await session.addRecipients([]);
    await session.revokeRecipients([]);
    await session.revokeRecipients([{ user: "eve" }]);
    await eve.cache.sync();
    await fails(pkg, "revoked", () => eve.openSession(session.id), "eve is out");
    await fails(pkg, "revoked", () => hers.recipients(), "also with what she has");
    equal(await rightsIn(theirs), { anna: "rfvm", bob: "rf-" }, "bob sees it");
    await session.rotate();
    await theirs.rotate();
    equal((await bob.openSession(session.id)).id, session.id, "after two generations");
    await fails(pkg, "revoked", () => hers.rotate(), "eve makes none");
    await session.addRecipients([{ user: "eve" }]);
    equal((await eve.openSession(session.id)).id, session.id, "in again");
    await session.revokeAll();
    for (const user of [bob, eve]) await user.cache.sync();
    for (const user of [anna, bob, eve]) await fails(pkg, "revoked", () => user.openSession(session.id), user.userId);
    await fails(pkg, "revoked", () => session.rotate(), "nobody is left");
    await close();
  },

  "many at once": async (pkg, tools) => {
    const [world, close, anna, bob] = await people(pkg, tools, "anna", "bob");
    const sessions = await Promise.all(
      Array.from({ length: 20 }, () => anna.createSession({ recipients: [{ user: "bob" }] })),
    );
    equal(new Set(sessions.map(({ id }) => id)).size, 20, "sessions");
    world.take();
    const opened = await bob.openSessions(sessions.map(({ id }) => id));
    equal(world.take(), ["POST /v1/keys"], "one request");
    ok(
      opened.every(({ ok }) => ok),
      "all open",
    );
    const [session] = sessions;
    const names = Array.from({ length: 8 }, (_, at) => ({ placeholder: `p${at}` }));
    await Promise.all(names.map((name) => session.addRecipients([name])));
    equal(Object.keys(await rightsIn(session)).length, 10, "grants beside each other");
    const again = await anna.openSession(session.id);
    const revoked = names.map((name, at) => (at % 2 ? session : again).revokeRecipients([name]));
    await Promise.all([...revoked, session.rotate(), again.rotate(), bob.openSession(session.id)]);
    equal(await rightsIn(session), { anna: "rfvm", bob: "rf-" }, "revocations and generations too");
    await close();
  },

  "many new people at once, and all of them are in the backup": async (pkg, tools) => {
    const [, close, anna, ...others] = await people(pkg, tools, "anna", "b", "c", "d", "e", "f", "g", "h");
    await Promise.all(others.map(({ userId }) => anna.createSession({ recipients: [{ user: userId }] })));
    equal((await anna.storageHealth()).backup, "current", "saved");
    await close();
  },

  "freed, locked, closed: no call of a session traps": async (pkg, tools) => {
    const [, close, anna, bob] = await people(pkg, tools, "anna", "bob");
    const session = await anna.createSession({ recipients: [{ user: "bob" }] });
    const other = await anna.openSession(session.id);
    const theirs = await bob.openSession(session.id);
    const calls = (of) => [
      () => of.recipients(),
      () => of.addRecipients([{ placeholder: "x" }]),
      () => of.revokeRecipients([{ user: "bob" }]),
      () => of.revokeAll(),
      () => of.rotate(),
    ];
    const running = calls(other).map((call) => call().catch(({ code }) => code));
    other.free();
    other.free();
    other[Symbol.dispose]?.();
    for (const end of await Promise.all(running)) ok(end !== "unsupported-environment", `freed under way: ${end}`);
    for (const call of calls(other)) await fails(pkg, "invalid-argument", call, `freed: ${call}`);
    equal(other.id, session.id, "its id stays");
    await bob.lock();
    for (const call of calls(theirs)) await fails(pkg, "locked", call, `locked: ${call}`);
    await bob.unlock({ userId: "bob", password: passwordOf("bob") });
    await close();
    for (const call of calls(theirs)) await fails(pkg, "invalid-argument", call, `closed: ${call}`);
    theirs.free();
  },

  "of many people, entries and sessions, each may end a task": async (pkg, tools) => {
    const names = Array.from({ length: 10 }, (_, at) => `user ${at}`);
    const [, close, anna, bob] = await people(pkg, tools, "anna", "bob", ...names);
    const atLeast = async (least, what, run) => {
      const count = await breathing(run);
      ok(count >= least, `${what}: ${count} times of ${least}`);
    };
    const recipients = names.map((user) => ({ user }));
    let session;
    const create = async () => {
      session = await anna.createSession({ recipients });
    };
    await atLeast(3 * names.length, "met, verified, and wrapped for", create);
    await atLeast(names.length, "wrapped for", create);
    const places = Array.from({ length: 20 }, (_, at) => ({ placeholder: `place ${at}` }));
    await atLeast(places.length, "wrapped for later", () => session.addRecipients(places));
    await atLeast(places.length + names.length, "wrapped for again", () => session.rotate());
    for (const place of [{ user: "bob" }, ...places.map(({ placeholder }) => ({ placeholder: `${placeholder} b` }))]) {
      await session.addRecipients([place]);
    }
    await atLeast(2 * places.length, "entries, and their wraps", () => bob.openSession(session.id));
    let told;
    const read = async () => {
      told = await anna.auditLog({ sessionId: session.id });
    };
    await atLeast(places.length, "what happened", read);
    ok(told.length >= places.length, `${told.length} entries`);
    const ids = [];
    for (let at = 0; at < 10; at += 1) ids.push((await anna.createSession({ recipients: [{ user: "bob" }] })).id);
    await atLeast(3 * ids.length, "sessions", () => bob.openSessions(ids));
    await close();
  },
};
