// Groups: people who come and go, what was written for them, and places that wait for a group.
import { later, makeWorld, passwordOf } from "./people.mjs";
import { equal, fails, ok, outcome, until } from "./tools.mjs";

const HOUR = 3_600_000;

/** Anna's group with Bob; Carol and Dora have accounts. */
async function clinic(pkg, tools, options = {}) {
  const world = await makeWorld(tools);
  const users = {};
  for (const name of ["anna", "bob", "carol", "dora"]) users[name] = await world.join(pkg, name);
  const group = await users.anna.createGroup({ name: "Ward 3", members: ["bob"], ...options });
  world.take();
  const close = async () => {
    for (const user of Object.values(users)) await user.close();
  };
  const sent = async (recipients = [{ group: group.id }]) => {
    const session = await users.dora.createSession({ recipients });
    return [session, await session.encrypt("before")];
  };
  return { ...users, world, group, close, sent };
}

const text = async (user, sealed) => (await user.decrypt(sealed)).text();
const news = (...users) => Promise.all(users.map((user) => user.cache.sync()));

export default {
  "what a group says of itself": async (pkg, tools) => {
    const { anna, bob, carol, dora, group, close } = await clinic(pkg, tools, { admins: ["carol"] });
    ok(/^[\w-]{43}$/.test(group.id), "an id");
    equal([group.name, group.epoch, group.fingerprint], ["Ward 3", 0, group.id], "its members");
    const members = [
      { userId: "anna", admin: true },
      { userId: "bob", admin: false },
      { userId: "carol", admin: true },
    ];
    for (const user of [anna, bob, carol, dora]) {
      equal(await (await user.group(group.id)).members(), members, `${user.userId} sees who belongs`);
    }
    const mine = async (user) => (await user.groups()).map(({ id, name }) => [id, name]);
    equal([await mine(bob), await mine(dora)], [[[group.id, "Ward 3"]], []], "groups()");
    await fails(pkg, "unknown-group", () => anna.group("A".repeat(43)));
    await fails(pkg, "unknown-group", () => anna.group("ward 3"));
    const number = await bob.safetyNumber(group.id);
    equal(await dora.safetyNumber(group.id), number, "the same number for all");
    await dora.verify(group.id, number);
    await dora.verify(group.id, group.fingerprint);
    await fails(pkg, "pin-mismatch", () => dora.verify(group.id, "A".repeat(43)));
    await close();
  },

  "members read in one request, and write": async (pkg, tools) => {
    const { anna, bob, carol, dora, world, group, close, sent } = await clinic(pkg, tools);
    const [session, sealed] = await sent();
    world.take();
    equal(await text(bob, sealed), "before", "bob reads");
    equal(world.take(), ["POST /v1/keys"], "one request for keys, log, group and author");
    await fails(pkg, "not-a-recipient", () => carol.decrypt(sealed));
    const theirs = await bob.openSession(session.id);
    const answer = await theirs.encrypt("answer");
    const { author, ...read } = await dora.decrypt(answer);
    equal([read.text(), author.userId], ["answer", "bob"], "and answers in the group's right");
    const held = await theirs.recipients();
    const of = ({ recipient, manager, addedBy }) => [recipient, manager, addedBy];
    equal(
      held.map(of).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      [
        [{ group: group.id }, false, "dora"],
        [{ user: "dora" }, true, "dora"],
      ],
      "recipients",
    );
    const kept = await theirs.serialize();
    equal((await (await bob.deserializeSession(kept)).decrypt(sealed)).text(), "before", "serialized");
    equal(await text(anna, sealed), "before", "so does anna");
    await close();
  },

  "who comes reads what was written, who leaves reads nothing new": async (pkg, tools) => {
    const { anna, bob, carol, dora, world, group, close, sent } = await clinic(pkg, tools);
    const [session, sealed] = await sent();
    const held = await bob.openSession(session.id);
    const lost = [];
    bob.addEventListener("revoked", ({ detail }) => lost.push(...detail.sessionIds));
    await group.addMembers(["carol"]);
    equal([group.epoch, await text(carol, sealed)], [0, "before"], "a newcomer");
    await group.removeMembers(["bob"]);
    equal(group.epoch, 1, "an epoch");
    await news(bob, dora);
    equal(lost, [session.id], "bob is told");
    await fails(pkg, "revoked", () => held.decrypt(sealed));
    await fails(pkg, "revoked", () => bob.openSession(session.id));
    const after = await session.encrypt("after");
    equal([await text(carol, after), await text(anna, after)], ["after", "after"], "who stays");
    await fails(pkg, "revoked", () => bob.decrypt(after));
    await carol.close();
    const wiped = await world.come(pkg, "carol");
    equal([await text(wiped, sealed), await text(wiped, after)], ["before", "after"], "after a wipe");
    await wiped.close();
    await group.rotate();
    equal((await dora.group(group.id)).epoch, 2, "rotated");
    await close();
  },

  "who may say who belongs": async (pkg, tools) => {
    const { anna, bob, group, close } = await clinic(pkg, tools);
    const theirs = await bob.group(group.id);
    await fails(pkg, "forbidden", () => theirs.addMembers(["carol"]));
    await fails(pkg, "forbidden", () => theirs.removeMembers(["anna"]));
    await fails(pkg, "forbidden", () => theirs.setAdmins({ add: ["bob"] }));
    await fails(pkg, "forbidden", () => theirs.rotate());
    await fails(pkg, "forbidden", () => group.removeMembers(["anna"]));
    await fails(pkg, "forbidden", () => group.setAdmins({ remove: ["anna"] }));
    await fails(pkg, "invalid-argument", () => group.addMembers(["bob"]));
    await fails(pkg, "invalid-argument", () => group.removeMembers(["carol"]));
    await fails(pkg, "unknown-user", () => group.addMembers(["zoe"]));
    await group.addMembers(["carol"], { admin: true });
    await group.setAdmins({ add: ["bob"], remove: ["carol"] });
    await theirs.removeMembers(["anna"]);
    equal(
      await theirs.members(),
      [
        { userId: "bob", admin: true },
        { userId: "carol", admin: false },
      ],
      "bob's now",
    );
    equal((await anna.groups()).length, 0, "anna has none");
    const log = (await bob.auditLog()).filter(({ groupId }) => groupId === group.id);
    equal(
      log.map(({ actor, action }) => `${actor} ${action}`),
      ["anna group-create", "anna group-roles", "bob group-remove"],
      "bob's journal",
    );
    await close();
  },

  "two admins at once": async (pkg, tools) => {
    const { anna, bob, group, close } = await clinic(pkg, tools, { admins: ["bob"] });
    const theirs = await bob.group(group.id);
    await Promise.all([group.addMembers(["carol"]), theirs.addMembers(["dora"])]);
    equal((await group.members()).length, 4, "nothing is lost");
    // Who comes second hears of it, if the other's was there before he asked.
    const codes = ["invalid-argument", "ok"];
    const both = await Promise.all([group, theirs].map((one) => outcome(pkg, () => one.removeMembers(["carol"]))));
    ok(both.includes("ok") && both.every((code) => codes.includes(code)), `${both}`);
    equal([(await group.members()).length, (await anna.group(group.id)).epoch], [3, 1], "the same wish is done once");
    await group.removeMembers(["dora"]);
    await close();
  },

  "the sender's group manages": async (pkg, tools) => {
    const { anna, bob, carol, dora, group, close } = await clinic(pkg, tools);
    const managers = [{ group: group.id }];
    const session = await bob.createSession({ recipients: [{ user: "dora" }], managers, includeSelf: false });
    const sealed = await session.encrypt("ours");
    const annas = await anna.openSession(session.id);
    await annas.addRecipients([{ user: "carol" }]);
    equal([await text(dora, sealed), await text(carol, sealed)], ["ours", "ours"], "shared");
    await annas.revokeRecipients([{ user: "dora" }]);
    await news(dora);
    await fails(pkg, "revoked", () => dora.decrypt(sealed));
    await group.removeMembers(["bob"]);
    await news(anna, bob);
    await fails(pkg, "revoked", () => session.addRecipients([{ user: "bob" }]));
    equal(await text(carol, await annas.encrypt("without bob")), "without bob", "it goes on");
    await close();
  },

  "heads end: nothing is written for a group of which nobody is on line": async (pkg, tools) => {
    const { anna, bob, dora, group, close, sent } = await clinic(pkg, tools);
    const [session, sealed] = await sent();
    await later(25 * HOUR, async () => {
      const create = () => dora.createSession({ recipients: [{ group: group.id }] });
      await fails(pkg, "stale", create);
      await fails(pkg, "stale", () => session.rotate());
      equal(await text(dora, await session.encrypt("goes on")), "goes on", "what was wrapped goes on");
      equal(await text(bob, sealed), "before", "and is read");
      // Who belongs says what the state is as soon as he has to do with it.
      await bob.groups();
      ok((await create()).id, "now it is written");
    });
    await anna.group(group.id);
    await close();
  },

  "a place that is claimed by its contact": async (pkg, tools) => {
    const { anna, bob, carol, dora, world, group, close } = await clinic(pkg, tools);
    const place = { placeholder: "rehab-north", contact: { email: "admin@rehab.example" } };
    const [first, second] = [
      await dora.createSession({ recipients: [place] }),
      await dora.createSession({ recipients: [place] }),
    ];
    const sealed = [await first.encrypt("one"), await second.encrypt("two")];
    await fails(pkg, "not-a-recipient", () => anna.decrypt(sealed[0]));
    await fails(pkg, "forbidden", async () => (await bob.group(group.id)).startClaim("rehab-north"));
    await fails(pkg, "unknown-session", () => group.startClaim("rehab-south"));
    const { claimId, sentTo } = await group.startClaim("rehab-north");
    const { to, code, ...rest } = (await world.server.codes()).at(-1);
    equal([to, rest, sentTo], ["admin@rehab.example", {}, "a•••@rehab.example"], "the contact's code");
    const wrong = code === "00000000" ? "00000001" : "00000000";
    await fails(pkg, "otp-wrong", () => group.finishClaim({ claimId, code: wrong }));
    await fails(pkg, "otp-expired", () => group.finishClaim({ claimId: "A".repeat(22), code }));
    await fails(pkg, "forbidden", () => world.server.assignPlaceholder("rehab-north", group.id));
    await group.finishClaim({ claimId, code });
    await news(dora);
    equal([await text(anna, sealed[0]), await text(bob, sealed[1])], ["one", "two"], "who claimed reads");
    await fails(pkg, "not-a-recipient", () => carol.decrypt(sealed[0]));
    const next = await first.encrypt("three");
    equal(await text(bob, next), "three", "and what is written now");
    const log = await dora.auditLog({ sessionId: first.id });
    const said = log.filter(({ action }) => action !== "release").map(({ actor, action }) => `${actor} ${action}`);
    equal(said, ["dora create", "anna assign", "dora generation"], "the journal");
    await close();
  },

  "a place that the application assigns": async (pkg, tools) => {
    const { bob, dora, world, group, close } = await clinic(pkg, tools);
    const session = await dora.createSession({ recipients: [{ placeholder: "ward-9" }] });
    const sealed = await session.encrypt("waits");
    await fails(pkg, "unknown-group", () => world.server.assignPlaceholder("ward-9", "A".repeat(43)));
    await world.server.assignPlaceholder("ward-9", group.id);
    equal(await text(bob, sealed), "waits", "bob reads");
    await fails(pkg, "unknown-session", () => world.server.assignPlaceholder("ward-9", group.id));
    const [entry] = (await bob.auditLog({ sessionId: session.id })).filter(({ action }) => action === "assign");
    equal([entry.actor, entry.groupId], ["", group.id], "by the application, to the group");
    await close();
  },

  "heads are signed by who is on line, by themselves": async (pkg, tools) => {
    const { world, group, close, anna } = await clinic(pkg, tools);
    await anna.close();
    const timers = [];
    const set = globalThis.setTimeout;
    globalThis.setTimeout = (act, ms) => {
      if (ms === 30_000) timers.push(act);
      return set(act, ms);
    };
    const again = await world.open(pkg, "anna");
    try {
      await again.unlock({ userId: "anna", password: passwordOf("anna") });
    } finally {
      globalThis.setTimeout = set;
    }
    world.take();
    await later(13 * HOUR, async () => {
      for (const act of timers) act();
      await until("a head is sent", () => world.asked.some(({ what }) => what === `POST /v1/groups/${group.id}/heads`));
    });
    await again.close();
    await close();
  },

  arguments: async (pkg, tools) => {
    const { anna, group, close } = await clinic(pkg, tools);
    const bad = async (run) => fails(pkg, "invalid-argument", run);
    for (const name of ["", "a\u0000b", 7, "n".repeat(129)]) await bad(() => anna.createGroup({ name }));
    for (const life of [0, 2161, -1, 1.5, "24", Number.NaN]) {
      await bad(() => anna.createGroup({ name: "x", headHours: life }));
    }
    await bad(() => anna.createGroup({ name: "x", adminDays: 91 }));
    await bad(() => anna.createGroup({ name: "x", member: ["bob"] }));
    await bad(() => anna.createGroup({ name: "x", members: "bob" }));
    await bad(() => anna.createGroup({ name: "x", members: [7] }));
    for (const users of [undefined, "bob", [undefined], []]) {
      await bad(() => group.addMembers(users));
      await bad(() => group.removeMembers(users));
    }
    await bad(() => group.addMembers(["carol"], { admin: 1 }));
    await bad(() => group.setAdmins({}));
    await bad(() => group.setAdmins({ add: ["bob"], remove: ["bob"] }));
    await bad(() => group.startClaim(""));
    await bad(() => group.finishClaim({ claimId: "short", code: "12345678" }));
    await bad(() => new group.constructor("no secret", group.id, {}));
    await anna.lock();
    equal([group.name, group.epoch], ["Ward 3", 0], "what was known stays");
    await fails(pkg, "locked", () => group.members());
    await close();
    await bad(() => anna.createGroup({ name: "x" }));
  },
};
