// Who somebody is: pinned, compared, anchored, and never silently another.
import { heard, makeWorld, passwordOf } from "./people.mjs";
import { base64url, equal, FAST, fails, ok, sha256, unbase64url, utf8 } from "./tools.mjs";

/** Bundles of another "bob", of the same application. */
async function otherBob(pkg, tools, appId) {
  const world = await makeWorld(tools, { appId });
  const bob = await pkg.Wardkey.open({
    appId,
    backend: world.backend,
    userId: "bob",
    kdf: FAST,
    identityStore: "memory",
  });
  await bob.register({ userId: "bob", password: "x" });
  const [identity] = (
    await world.server.request("POST", "/v1/directory", { userIds: ["bob"], bundles: [] }, { userId: "bob" })
  ).identities;
  const { fingerprint } = bob;
  await bob.close();
  return { identity, fingerprint };
}

/** From now on the directory gives another identity. */
function swap(world, identity) {
  world.change("POST /v1/directory", () => ({ identities: [identity] }));
}

const sent = (world) => world.take().filter((what) => /sessions/.test(what));

export default {
  "the number that both sides compare": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [anna, bob, eve] = [
      await world.join(pkg, "anna"),
      await world.join(pkg, "bob"),
      await world.join(pkg, "eve"),
    ];
    const number = await anna.safetyNumber("bob");
    ok(/^(\d{5} ){11}\d{5}$/.test(number), `twelve groups of five digits: ${number}`);
    equal(await bob.safetyNumber("anna"), number, "the same on both sides");
    ok((await anna.safetyNumber("eve")) !== number, "another one with somebody else");
    for (const compared of [number, number.replaceAll(" ", ""), ` ${number} `, bob.fingerprint])
      await anna.verify("bob", compared);
    const changed = number.slice(0, -1) + ((Number(number.at(-1)) + 1) % 10);
    for (const compared of [changed, eve.fingerprint, anna.fingerprint, await anna.safetyNumber("eve")])
      await fails(pkg, "pin-mismatch", () => anna.verify("bob", compared), compared);
    for (const compared of [number.slice(0, -1), "", "x", bob.fingerprint.slice(1), "7".repeat(1000)])
      await fails(pkg, "invalid-argument", () => anna.verify("bob", compared), compared.slice(0, 70));
    await fails(pkg, "unknown-user", () => anna.safetyNumber("nobody"), "nobody");
    await fails(pkg, "unknown-user", () => anna.verify("nobody", number), "nobody");
    for (const user of [anna, bob, eve]) await user.close();
  },

  "I1: a changed key is an error, and nothing is wrapped for it": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const { identity } = await otherBob(pkg, tools, world.appId);
    const [anna, bob] = [await world.join(pkg, "anna"), await world.join(pkg, "bob")];
    const { id } = await anna.createSession({ recipients: [] });
    await anna.verify("bob", bob.fingerprint);
    await anna.close();
    const wiped = await world.come(pkg, "anna");
    const events = heard(wiped, ["pin-changed"]);
    swap(world, identity);
    world.take();
    await fails(pkg, "pin-mismatch", () => wiped.createSession({ recipients: [{ user: "bob" }] }), "createSession()");
    const session = await wiped.openSession(id);
    await fails(pkg, "pin-mismatch", () => session.addRecipients([{ user: "bob" }]), "addRecipients()");
    equal([sent(world), events], [[], []], "no wrap left, and nothing was told");
    // What is compared is said of the key that was given.
    await fails(pkg, "pin-mismatch", () => wiped.verify("bob", bob.fingerprint), "verify()");
    const theirs = await wiped.safetyNumber("bob");
    world.good();
    ok(theirs !== (await bob.safetyNumber("anna")), "the numbers differ");
    await wiped.createSession({ recipients: [{ user: "bob" }] });
    for (const user of [wiped, bob]) await user.close();
  },

  "I1: at first contact the first key is pinned": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const { identity, fingerprint } = await otherBob(pkg, tools, world.appId);
    const [anna, bob] = [await world.join(pkg, "anna"), await world.join(pkg, "bob")];
    swap(world, identity);
    await anna.verify("bob", fingerprint);
    world.good();
    await fails(pkg, "pin-mismatch", () => anna.createSession({ recipients: [{ user: "bob" }] }), "the real one");
    for (const user of [anna, bob]) await user.close();
  },

  "firstUse: reject, until people have compared": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const bob = await world.join(pkg, "bob");
    const trust = { firstUse: "reject" };
    const anna = await world.join(pkg, "anna", { trust });
    world.take();
    await fails(pkg, "not-certified", () => anna.createSession({ recipients: [{ user: "bob" }] }), "never met");
    equal(sent(world), [], "no wrap left");
    await anna.verify("bob", await bob.safetyNumber("anna"));
    await anna.createSession({ recipients: [{ user: "bob" }] });
    await anna.close();
    // What people compared is in the backup.
    const wiped = await world.come(pkg, "anna", { trust });
    await wiped.createSession({ recipients: [{ user: "bob" }] });
    for (const user of [wiped, bob]) await user.close();
  },

  "anchors: known out of band, before first use and over it": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const { identity } = await otherBob(pkg, tools, world.appId);
    const bob = await world.join(pkg, "bob");
    const anchors = { bob: bob.fingerprint };
    const anna = await world.join(pkg, "anna", { trust: { anchors } });
    await anna.createSession({ recipients: [{ user: "bob" }] });
    swap(world, identity);
    await anna.close();
    const wiped = await world.come(pkg, "anna", { trust: { anchors } });
    world.take();
    await fails(pkg, "pin-mismatch", () => wiped.verify("bob", bob.fingerprint), "verify()");
    await fails(pkg, "pin-mismatch", () => wiped.createSession({ recipients: [{ user: "bob" }] }), "another one");
    equal(sent(world), [], "no wrap left");
    await wiped.close();
    world.good();
    const other = { bob: anchors.bob.replace(/./, (first) => (first === "A" ? "B" : "A")) };
    const wrong = await world.come(pkg, "anna", { trust: { anchors: other } });
    await fails(pkg, "pin-mismatch", () => wrong.createSession({ recipients: [{ user: "bob" }] }), "a wrong anchor");
    await wrong.close();
    for (const anchors of [{ bob: "x" }, { bob: "A".repeat(44) }, { bob: "" }, { bob: 7 }, [], "x", null, new Map()])
      await fails(
        pkg,
        "invalid-argument",
        () => world.open(pkg, "eve", { trust: { anchors } }),
        JSON.stringify(anchors),
      );
    await bob.close();
  },

  "the key server's key, if the application knows it": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const anna = await world.open(pkg, "anna", { trust: { escrowKey: "A".repeat(43) } });
    world.take();
    await fails(pkg, "pin-mismatch", () => anna.register({ userId: "anna", password: "one" }), "another one");
    equal(world.take(), ["POST /v1/public/login"], "nothing is sent after that");
    await anna.close();
    const fingerprint = await world.server.escrowKey(world.appId);
    equal(fingerprint, await escrowKey(world), "as it presents itself");
    const known = await world.join(pkg, "anna", { trust: { escrowKey: fingerprint } });
    await known.createSession({ recipients: [{ placeholder: "ward 7" }] });
    await known.close();
  },

  "B5: whoever swaps backups gets no new identity": async (pkg, tools) => {
    const world = await makeWorld(tools);
    const [anna, bob] = [await world.join(pkg, "anna"), await world.join(pkg, "bob")];
    const theirs = await world.server.request("GET", "/v1/backup", undefined, { userId: "bob" });
    const old = await world.server.request("GET", "/v1/backup", undefined, { userId: "anna" });
    await anna.createSession({ recipients: [{ user: "bob" }] });
    await anna.lock();
    const unlock = () => anna.unlock({ userId: "anna", password: passwordOf("anna") });
    world.take();
    for (const [change, code] of [
      [() => old, "backup-rollback"],
      [(reply) => ({ ...reply, active: theirs.active }), "key-mismatch"],
      [(reply) => ({ ...reply, identity: theirs.identity }), "key-mismatch"],
      [() => Promise.reject(new pkg.WardkeyError("no-backup", "none")), "no-backup"],
    ]) {
      world.change("GET /v1/backup", change);
      await fails(pkg, code, unlock, `${code}: ${change}`);
      equal([anna.status, world.take().filter((what) => /register|PUT/.test(what))], ["locked", []], "nothing is made");
    }
    world.good();
    equal(await unlock(), "local", "the own one");
    for (const user of [anna, bob]) await user.close();
  },
};

/** The fingerprint of the key server's identity: SPEC, sections 9 and 10. */
async function escrowKey({ appId, server }) {
  const asked = { appId, userId: "x", kdf: FAST };
  const { keyServer } = await server.request("POST", "/v1/public/login", asked, { public: true });
  const bundle = unbase64url(keyServer[0]);
  // CBOR[1, payload, …]
  const [start, length] = bundle[2] === 0x59 ? [5, bundle[3] * 256 + bundle[4]] : [4, bundle[3]];
  const label = utf8("wardkey/v1/bundle\0");
  return base64url(sha256(Uint8Array.of(...label, ...bundle.subarray(start, start + length))));
}
