// Entities: records that are encrypted member by member, linked by sealed ids, and shared pair by pair.
import { heard, later, makeWorld, passwordOf } from "./people.mjs";
import { breathing, equal, fails, ok } from "./tools.mjs";

const HOUR = 3_600_000;
const MANIFEST = ["name", "address.street", "notes[].text", "extra.*?"];
const KEYS = "POST /v1/keys";
const WRITE = "POST /v1/exchange-keys";

const patient = (id = "1234") => ({
  id,
  name: "Ada Vertes",
  born: 1984,
  address: { street: "Hohe Gasse 4", city: "Graz" },
  notes: [
    { text: "allergic to “penicillin” \u{1f489}", at: 1.5 },
    { text: null, at: 2 },
  ],
  extra: { weight: 71.5, smoker: false, last: { value: [1, null, "x", {}] } },
  unknown: { kept: [true, null, -0.25, "as it is"] },
});

/** Anna, Bob, Carol and Dora have accounts. */
async function practice(pkg, tools, options = {}) {
  const world = await makeWorld(tools);
  const users = {};
  for (const name of ["anna", "bob", "carol", "dora"]) users[name] = await world.join(pkg, name, options);
  world.take();
  const close = async () => {
    for (const user of Object.values(users)) await user.close();
  };
  return { ...users, world, close };
}

/** What an error says. */
async function said(run) {
  try {
    await run();
  } catch ({ code, message }) {
    return `${code}: ${message}`;
  }
  return "nothing";
}

/** What an entity says, in any order. */
const sorted = (value) =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, of]) => [name, sorted(of)]),
      )
    : Array.isArray(value)
      ? value.map(sorted)
      : value;
const encrypt = (user, id, options) => user.entities.encrypt("Patient", patient(id), MANIFEST, options);
/** The values that an entity has and another has not. */
function added(before, after) {
  const values = (entity) =>
    ["encryptionKeys", "delegations", "cryptedForeignKeys"].flatMap((map) =>
      Object.entries(entity[map]).flatMap(([pair, found]) => found.map((value) => `${map} ${pair} ${value}`)),
    );
  const known = values(before);
  return values(after).filter((value) => !known.includes(value));
}

export default {
  "a patient, a contact, and who finds which": async (pkg, tools) => {
    const { anna, bob, carol, world, close } = await practice(pkg, tools);
    const one = await encrypt(anna, "1234", { shareWith: ["bob"] });
    const about = world.take().filter((what) => !what.endsWith("/v1/backup"));
    equal(about, [KEYS, WRITE], "one to look, one to make");
    equal(
      [one.id, one.entityType, one.born, one.address, one.notes, one.extra, one.unknown, one.secretForeignKeys],
      ["1234", "Patient", 1984, { city: "Graz" }, [{ at: 1.5 }, { at: 2 }], {}, patient().unknown, []],
      "what isn't named is clear",
    );
    equal(Object.keys(one.encryptionKeys), ["anna→anna", "anna→bob"], "pairs");
    equal([one.cryptedForeignKeys, "name" in one], [{}, false], "nothing else");
    for (const user of [anna, bob])
      equal(sorted(await user.entities.decrypt(one)), sorted(patient()), `${user.userId} reads`);
    equal(world.take(), [KEYS], "bob asked once");
    // As a database gives it back.
    const stored = JSON.parse(JSON.stringify(one));
    const contact = { id: "4567", reason: "cough" };
    const child = await anna.entities.encrypt("Contact", contact, ["reason"], { parent: stored, shareWith: ["bob"] });
    const keys = await bob.entities.secretForeignKeys(stored);
    equal([child.secretForeignKeys, keys.length], [keys, 1], "found by the secret id");
    equal([await bob.entities.parentIds(child), await anna.entities.parentIds(one)], [["1234"], []], "and back");
    ok(!JSON.stringify(child).includes("1234"), "the parent's id is nowhere in clear");
    equal(sorted(await bob.entities.decrypt(child)), sorted(contact), "and read");
    await fails(pkg, "not-a-recipient", () => carol.entities.parentIds(child));
    await fails(pkg, "not-a-recipient", () =>
      carol.entities.encrypt("Contact", contact, ["reason"], { parent: stored }),
    );
    await close();
  },

  "sharing adds four values and changes nothing": async (pkg, tools) => {
    const { anna, bob, carol, dora, close } = await practice(pkg, tools);
    const parent = await encrypt(anna, "1");
    const one = await encrypt(anna, "2", { parent, shareWith: ["bob"] });
    const shared = await bob.entities.share(one, ["carol", "bob", "anna"]);
    const more = added(one, shared).map((value) => value.split(" ").slice(0, 2).join(" "));
    equal(more, ["encryptionKeys bob→carol", "delegations bob→carol", "cryptedForeignKeys bob→carol"], "one of each");
    equal(added(shared, one), [], "nothing was taken");
    const rest = ({ encryptionKeys: _, delegations: __, cryptedForeignKeys: ___, ...rest }) => JSON.stringify(rest);
    equal(rest(shared), rest(one), "all else byte for byte");
    const further = await carol.entities.share(shared, ["dora"]);
    for (const user of [anna, bob, carol, dora]) equal((await user.entities.decrypt(further)).name, patient().name);
    equal(await dora.entities.parentIds(further), ["1"], "links come with it");
    equal(await carol.entities.share(further, ["dora"]), further, "once");
    const updated = await dora.entities.update(further, { id: "2", name: "Ada King", born: 1985 }, ["name"]);
    equal(added(further, updated), [], "an update makes no values");
    ok(updated.encryptedSelf !== further.encryptedSelf, "but the content anew");
    equal(await anna.entities.decrypt(updated), { id: "2", born: 1985, name: "Ada King" }, "which all read");
    await close();
  },

  "many in one request, each by itself": async (pkg, tools) => {
    const { anna, bob, carol, dora, world, close } = await practice(pkg, tools);
    const entities = [];
    for (const by of [anna, carol, dora]) {
      for (let n = 0; n < 40; n += 1) entities.push(await encrypt(by, `${by.userId} ${n}`, { shareWith: ["bob"] }));
    }
    world.take();
    // Rows of some databases say by themselves what their JSON is.
    const rows = entities.map((entity, at) => (at < 80 ? entity : { toJSON: () => entity }));
    const opened = await bob.entities.decryptMany(rows);
    equal(world.take(), [KEYS], "one request for all exchange keys");
    equal(
      opened.map(({ ok, value }) => ok && value.id),
      entities.map(({ id }) => id),
      "in their places",
    );
    equal(await bob.entities.decryptMany([]), [], "none");
    const cyclic = { ...entities[0] };
    cyclic.itself = cyclic;
    const bad = [
      undefined,
      null,
      "text",
      [],
      cyclic,
      {},
      { ...entities[0], id: "another" },
      { ...entities[0], encryptionKeys: {} },
      { ...entities[1], encryptedSelf: entities[0].encryptedSelf },
      await encrypt(anna, "hers"),
      entities[1],
    ];
    equal(
      (await bob.entities.decryptMany(bad)).map(({ ok, error }) => (ok ? "ok" : error.code)),
      [
        ...Array(5).fill("invalid-argument"),
        "invalid-format",
        "decryption-failed",
        "forbidden",
        "decryption-failed",
        "not-a-recipient",
        "ok",
      ],
      "an error in its place",
    );
    world.offline(pkg);
    equal((await bob.entities.decryptMany(entities)).filter(({ ok }) => ok).length, 120, "from the cache");
    await bob.cache.clear();
    const none = await bob.entities.decryptMany(entities.slice(0, 2));
    equal(
      none.map(({ error }) => error.code),
      ["network", "network"],
      "and without it",
    );
    world.good();
    await close();
  },

  "many are what one by one they are, whatever objects and however long": async (pkg, tools) => {
    const { anna, close } = await practice(pkg, tools);
    const one = await encrypt(anna, "1");
    class Row {
      constructor(entity) {
        Object.assign(this, entity);
      }
    }
    const { encryptionKeys, delegations, cryptedForeignKeys, ...others } = one;
    const clear = { "a→b": "größer → kleiner \u{1f489}", 7: "\ud800", gone: undefined };
    const many = [
      one,
      new Row(one),
      Object.assign(Object.create(null), one),
      Object.assign(Object.create(one), others),
      new Proxy(one, {}),
      { ...one, ...clear },
      { cryptedForeignKeys, ...clear, delegations, ...others, encryptionKeys },
      { ...one, encryptionKeys: { toJSON: () => encryptionKeys } },
      { ...one, encryptionKeys: new Row(encryptionKeys) },
      ...[40_000, 44_000, 200_000].map((length) => ({ ...one, clear: "→".repeat(length) })),
      others,
      { encryptionKeys, delegations, cryptedForeignKeys },
      { ...one, delegations: undefined },
      new String("text"),
      new Date(),
    ];
    const singly = await Promise.all(many.map((entity) => anna.entities.decrypt(entity).catch((error) => error)));
    const together = await anna.entities.decryptMany(many);
    const told = (one) =>
      one instanceof Error ? [one.code, one.message.replace("the entity is", "an entity is")] : JSON.stringify(one);
    equal(
      together.map((opened) => told(opened.ok ? opened.value : opened.error)),
      singly.map(told),
      "the same",
    );
    equal(
      together.map(({ ok }) => ok),
      many.map((_, at) => at !== 3 && at < 12),
      "as far as they are any",
    );
    await close();
  },

  "a page lives on while many are opened": async (pkg, tools) => {
    const { anna, bob, close } = await practice(pkg, tools);
    const one = await encrypt(anna, "1", { shareWith: ["bob"] });
    const turns = await breathing(async () => {
      const opened = await bob.entities.decryptMany(Array.from({ length: 3000 }, () => one));
      ok(
        opened.every(({ ok }) => ok),
        "all of them",
      );
    });
    ok(turns > 3, `${turns} turns for others`);
    await close();
  },

  "groups: who comes reads, who leaves doesn't": async (pkg, tools) => {
    const { anna, bob, carol, dora, close } = await practice(pkg, tools);
    const group = await anna.createGroup({ name: "Ward 3", members: ["bob"] });
    const before = await encrypt(dora, "1", { shareWith: [group.id] });
    equal((await bob.entities.decrypt(before)).id, "1", "a member");
    await fails(pkg, "not-a-recipient", () => carol.entities.decrypt(before));
    const shared = await bob.entities.share(before, ["carol"]);
    ok(`${group.id}→carol` in shared.encryptionKeys, "in the group's right");
    equal((await carol.entities.decrypt(shared)).id, "1", "which serves");
    await group.addMembers(["carol"]);
    equal((await carol.entities.decrypt(before)).id, "1", "a newcomer");
    await group.removeMembers(["bob"]);
    await Promise.all([bob, dora].map((user) => user.cache.sync()));
    const after = await encrypt(dora, "2", { shareWith: [group.id] });
    for (const user of [anna, carol]) equal((await user.entities.decrypt(after)).id, "2", `${user.userId} reads on`);
    for (const entity of [before, after]) await fails(pkg, "revoked", () => bob.entities.decrypt(entity));
    await close();
  },

  "why somebody can't open it": async (pkg, tools) => {
    const { anna, bob, carol, close } = await practice(pkg, tools);
    const one = await encrypt(anna, "1");
    equal(
      await said(() => carol.entities.decrypt(one)),
      "not-a-recipient: carol can't open this: the entity was not shared with this user or one of his groups",
    );
    const group = await anna.createGroup({ name: "Ward 3", members: ["bob"] });
    const theirs = await encrypt(anna, "2", { shareWith: [group.id] });
    await bob.entities.decrypt(theirs);
    await group.removeMembers(["bob"]);
    await bob.cache.sync();
    equal(
      await said(() => bob.entities.decrypt(theirs)),
      "revoked: bob can't open this: the entity was shared with a group that this user has left",
    );
    await close();
  },

  "what an error is about is named": async (pkg, tools) => {
    const { anna, close } = await practice(pkg, tools);
    const { entities } = anna;
    const one = await encrypt(anna, "1");
    const stray = "A".repeat(43);
    const expected = "expected the id of a user or a group";
    for (const [run, message] of [
      [(paths) => entities.encrypt("Patient", patient(), paths), "a path that matches nothing, and doesn't end in '?'"],
      [(paths) => entities.update(one, patient("1"), paths), "a path that matches nothing, and doesn't end in '?'"],
    ]) {
      const found = await said(() => run(["name", "extra?", "notes[].txet", "nmae"]));
      equal(found, `invalid-argument: ${message}: 'notes[].txet'`, String(run));
      const form = await said(() => run(["name", "address."]));
      ok(form.endsWith(": 'address.'"), form);
      equal(await said(() => run(["name", 7])), "invalid-argument: manifest[1] is not a string", "no text");
    }
    for (const [name, run] of [
      ["partyIds", (ids) => entities.share(one, ids)],
      ["shareWith", (ids) => entities.encrypt("Patient", patient(), [], { shareWith: ids })],
    ]) {
      equal(await said(() => run("bob")), `invalid-argument: ${name} is not an array`, "one name");
      const object = await said(() => run(["bob", { user: "carol" }]));
      equal(object, `invalid-argument: ${name}[1] is not a string; ${expected}`, "as of a session");
      equal(await said(() => run(["bob", "nobody", "carol"])), "unknown-user: no such user: 'nobody'", name);
      equal(await said(() => run(["bob", stray])), `unknown-group: no such group: '${stray}'`, name);
      const form = await said(() => run(["bob", "a→b"]));
      ok(form.startsWith("invalid-argument: ") && form.endsWith(": 'a→b'"), form);
    }
    const group = await said(() => anna.createGroup({ name: "Ward 3", members: ["bob", "nobody"] }));
    equal(group, "unknown-user: no such user: 'nobody'", "of groups, too");
    await close();
  },

  "an exchange key that is withheld": async (pkg, tools) => {
    const { anna, bob, world, close } = await practice(pkg, tools);
    const one = await encrypt(anna, "1", { shareWith: ["bob"] });
    world.change(KEYS, (reply) => ({
      ...reply,
      ...(reply.pairs && { pairs: reply.pairs.map(() => ({ versions: [], more: false })) }),
    }));
    await fails(pkg, "not-a-recipient", () => bob.entities.decrypt(one));
    world.good();
    equal((await bob.entities.decrypt(one)).id, "1", "given again");
    await close();
  },

  "other devices, renewed keys, and two at once": async (pkg, tools) => {
    const { anna, bob, world, close } = await practice(pkg, tools);
    const [there, yonder] = [await tools.fresh().index(), await tools.fresh().index()];
    const other = await world.come(there, "anna");
    const both = await Promise.all([anna, other].map((user, n) => encrypt(user, `${n}`, { shareWith: ["bob"] })));
    for (const one of both) equal((await bob.entities.decrypt(one)).name, patient().name, "one key for both");
    await bob.renewKeys({ password: passwordOf("bob") });
    const next = await encrypt(anna, "3", { shareWith: ["bob"] });
    const elsewhere = await world.come(yonder, "bob");
    for (const user of [bob, elsewhere, other]) {
      for (const one of [...both, next]) equal((await user.entities.decrypt(one)).name, patient().name);
    }
    await elsewhere.close();
    await other.close();
    await close();
  },

  "what is kept, and for how long": async (pkg, tools) => {
    const { anna, bob, world, close } = await practice(pkg, tools);
    const one = await encrypt(anna, "1", { shareWith: ["bob"] });
    const read = async () => (await bob.entities.decrypt(one)).id;
    await read();
    equal((await bob.cache.stats()).entries, 1, "the keys of a pair");
    world.take();
    await later(2 * 60_000, read);
    equal(world.take(), ["POST /v1/feed"], "used after a look at the feed");
    await later(13 * HOUR, read);
    equal(world.take(), [KEYS], "and fetched anew in the end");
    await bob.cache.clear();
    await read();
    equal(world.take(), [KEYS], "or when it was cleared");
    // Many at once are one request.
    await bob.cache.clear();
    equal(await Promise.all(Array.from({ length: 10 }, read)), Array(10).fill("1"), "at once");
    equal(world.take(), [KEYS], "by one request");
    await close();
  },

  "locked and closed": async (pkg, tools) => {
    const { anna, bob, close } = await practice(pkg, tools);
    const one = await encrypt(anna, "1", { shareWith: ["bob"] });
    await bob.entities.decrypt(one);
    const { entities } = bob;
    const events = heard(bob);
    const running = entities.decryptMany(Array.from({ length: 2000 }, () => one));
    await bob.lock();
    const ended = await running.then(
      (all) => (all.every(({ ok }) => ok) ? "done" : "half"),
      ({ code }) => code,
    );
    ok(["locked", "done"].includes(ended), ended);
    equal(events.length, 1, "locked");
    const calls = [
      () => entities.encrypt("Patient", patient(), MANIFEST),
      () => entities.decrypt(one),
      () => entities.decryptMany([one]),
      () => entities.update(one, patient("1"), MANIFEST),
      () => entities.share(one, ["carol"]),
      () => entities.secretForeignKeys(one),
      () => entities.parentIds(one),
    ];
    for (const run of calls) await fails(pkg, "locked", run);
    await bob.close();
    for (const run of calls) await fails(pkg, "invalid-argument", run);
    await close();
  },

  "arguments that are none": async (pkg, tools) => {
    const { anna, world, close } = await practice(pkg, tools);
    const { entities } = anna;
    const one = await encrypt(anna, "1");
    world.take();
    const cyclic = { id: "1" };
    cyclic.itself = cyclic;
    const throwing = {
      id: "1",
      get name() {
        throw new Error("a secret");
      },
    };
    const cases = [];
    for (const entity of [
      undefined,
      null,
      1,
      "text",
      [],
      new Uint8Array(4),
      cyclic,
      throwing,
      { id: 1n },
      new Date(),
    ]) {
      cases.push(
        () => entities.encrypt("Patient", entity, []),
        () => entities.update(one, entity, []),
        () => entities.update(entity, { id: "1" }, []),
        () => entities.decrypt(entity),
        () => entities.share(entity, []),
        () => entities.parentIds(entity),
        () => entities.secretForeignKeys(entity),
      );
      if (entity !== undefined) cases.push(() => entities.encrypt("Patient", patient(), [], { parent: entity }));
    }
    for (const id of [undefined, null, 7, "", "x".repeat(1025)]) {
      cases.push(() => entities.encrypt("Patient", { id }, []));
    }
    for (const type of [undefined, null, 7, "", "x".repeat(129), "\ud800"]) {
      cases.push(() => entities.encrypt(type, patient(), []));
    }
    const paths = [undefined, null, "name", [7], [undefined], [""], ["nmae"], ["id"], ["name."], ["a".repeat(70_000)]];
    for (const manifest of [...paths, Array(1001).fill("name?"), ["\ud800?"]]) {
      cases.push(() => entities.encrypt("Patient", patient(), manifest));
      cases.push(() => entities.update(one, patient("1"), manifest));
    }
    for (const parties of [null, "bob", [7], [undefined], [""], ["x".repeat(129)], ["a\nb"], ["\ud800"], ["1"]]) {
      cases.push(() => entities.share(one, parties));
      if (parties !== null) cases.push(() => entities.encrypt("Patient", patient("1"), [], { shareWith: parties }));
    }
    cases.push(
      () => entities.share(one),
      () => entities.encrypt("Patient", patient(), [], { sharewith: [] }),
      () => entities.encrypt("Patient", patient(), [], 7),
      () => entities.encrypt("Patient", { id: "1", delegations: {} }, []),
      () => entities.update(one, patient("2"), []),
      () => entities.decryptMany(one),
      () => entities.decryptMany(undefined),
    );
    for (const run of cases) await fails(pkg, "invalid-argument", run, String(run));
    await fails(pkg, "unknown-user", () => entities.share(one, ["nobody"]));
    await fails(pkg, "unknown-group", () => entities.share(one, ["A".repeat(43)]));
    await fails(pkg, "invalid-format", () => entities.decrypt({ ...one, encryptionKeys: 7 }));
    // What is given counts as it was then.
    const mutable = patient("2");
    const manifest = ["name"];
    const made = entities.encrypt("Patient", mutable, manifest);
    mutable.name = "somebody else";
    manifest.pop();
    const sealed = await made;
    equal([sealed.name, (await entities.decrypt(sealed)).name], [undefined, "Ada Vertes"], "as it was");
    await close();
  },
};
