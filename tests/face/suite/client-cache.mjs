// What a client keeps of sessions, and how soon a revocation counts.
import { keyServer } from "./people.mjs";
import { allFail, equal, FAST, fails, mapStore, ok, PASSWORD, soon, text, until } from "./tools.mjs";

const STALE_MS = 200;
const appId = "client-cache.example";
let scenes = 0;

/** Anna shares sessions with Bob, whose requests are counted; each scene has a key server of its own. */
async function scene(pkg, tools, { cache, push = false } = {}) {
  scenes += 1;
  const app = `${appId}-${scenes}`;
  const server = await keyServer(tools, app);
  const asked = [];
  const net = { fails: () => false };
  const request = async (method, path, ...rest) => {
    asked.push(path);
    if (net.fails(path)) throw new pkg.WardkeyError("network", "no answer");
    return server.request(method, path, ...rest);
  };
  // Where the browser has locks, a page listens a while after it is ready.
  const heard = {};
  const listening = new Promise((resolve) => {
    heard.begun = resolve;
  });
  const events = (...given) => {
    heard.begun();
    return server.events(...given);
  };
  const backend = { request, appShare: server.appShare, ...(push && { events }) };
  const register = async (userId, backend, cache) => {
    const options = { appId: app, backend, userId, identityStore: "memory", kdf: FAST };
    const client = await pkg.Wardkey.open({ ...options, ...(cache && { cache }) });
    await client.register({ userId, password: PASSWORD });
    return client;
  };
  const anna = await register("anna", server);
  const bob = await register("bob", backend, cache);
  const share = async () => anna.createSession({ recipients: [{ user: "bob" }] });
  const told = [];
  bob.addEventListener("revoked", ({ detail }) => told.push(...detail.sessionIds));
  asked.length = 0;
  // Anna listens too.
  const heardByServer = async () => {
    await listening;
    await server.listened(2);
  };
  return { anna, bob, share, asked, net, told, heardByServer };
}

async function opened(bob, ids) {
  const sessions = await bob.openSessions(ids);
  for (const { ok: done, value } of sessions) if (done) value.free();
  return sessions.map(({ ok: done, error }) => (done ? "ok" : error.code));
}

export default {
  async "many records of many sessions: one request cold, none warm"(pkg, tools) {
    const { bob, share, asked } = await scene(pkg, tools);
    const items = [];
    for (let n = 0; n < 50; n += 1) {
      const session = await share();
      items.push({ sealed: await session.encrypt(`record ${n}`) });
      session.free();
    }
    const all = await bob.decryptMany(items);
    equal(all.map(({ value }) => value?.text()).join(), items.map((_, n) => `record ${n}`).join());
    ok(
      all.every(({ value }) => value?.author?.userId === "anna"),
      "each by Anna",
    );
    equal(asked.join(), "/v1/keys", "cold");
    asked.length = 0;
    equal((await bob.decryptMany(items)).filter(({ ok: done }) => done).length, 50);
    equal((await bob.decrypt(items[7].sealed)).text(), "record 7");
    equal(asked.join(), "", "warm");
    const { store, entries, hits } = await bob.cache.stats();
    equal([store, entries, hits > 0].join(), "memory,50,true");
  },

  async "50 calls for one id are one request"(pkg, tools) {
    const { bob, share, asked } = await scene(pkg, tools);
    const { id } = await share();
    const sessions = await Promise.all(Array.from({ length: 50 }, () => bob.openSession(id)));
    equal(asked.join(), "/v1/keys");
    equal(
      sessions.every((session) => session.id === id),
      true,
      "each has it",
    );
  },

  async "a revocation counts within the bound, and is told"(pkg, tools) {
    const { bob, share, asked, told } = await scene(pkg, tools, { cache: { maxStalenessMs: STALE_MS } });
    const [kept, lost] = [await share(), await share()];
    const sealed = await lost.encrypt("before");
    equal((await opened(bob, [kept.id, lost.id])).join(), "ok,ok");
    const held = await bob.openSession(lost.id);
    await lost.revokeRecipients([{ user: "bob" }]);
    await soon(STALE_MS + 20);
    asked.length = 0;
    equal((await opened(bob, [kept.id, lost.id])).join(), "ok,revoked");
    equal(asked[0], "/v1/feed", "the feed comes first");
    equal(told.join(), lost.id);
    // Also for who holds it.
    await allFail(pkg, [
      ["decrypt", () => held.decrypt(sealed), "revoked"],
      ["encrypt", () => held.encrypt("after"), "revoked"],
    ]);
  },

  async "with push at once"(pkg, tools) {
    const { bob, share, told, heardByServer } = await scene(pkg, tools, { push: true });
    await heardByServer();
    const session = await share();
    equal((await opened(bob, [session.id])).join(), "ok");
    await session.revokeRecipients([{ user: "bob" }]);
    await until("the event", () => told.length > 0);
    equal((await opened(bob, [session.id])).join(), "revoked");
  },

  async "sync() says what was lost"(pkg, tools) {
    const { bob, share } = await scene(pkg, tools);
    const session = await share();
    await opened(bob, [session.id]);
    equal((await bob.cache.sync()).revoked.length, 0);
    await session.revokeRecipients([{ user: "bob" }]);
    equal((await bob.cache.sync()).revoked.join(), session.id);
  },

  async "offline it opens what it knows; with only the feed blocked it doesn't"(pkg, tools) {
    const { bob, share, net } = await scene(pkg, tools, { cache: { maxStalenessMs: STALE_MS } });
    const [known, unknown] = [await share(), await share()];
    await opened(bob, [known.id]);
    await soon(STALE_MS + 20);
    net.fails = () => true;
    equal((await opened(bob, [known.id, unknown.id])).join(), "ok,network");
    await soon(STALE_MS + 20);
    net.fails = (path) => path === "/v1/feed";
    await fails(pkg, "stale", () => bob.openSession(known.id));
    net.fails = () => false;
    equal((await opened(bob, [known.id])).join(), "ok");
  },

  async "ttlMs 0 keeps nothing; clear() drops all"(pkg, tools) {
    const none = await scene(pkg, tools, { cache: { ttlMs: 0 } });
    const session = await none.share();
    equal((await opened(none.bob, [session.id])).join(), "ok");
    equal((await opened(none.bob, [session.id])).join(), "ok");
    equal(none.asked.filter((path) => path === "/v1/keys").length, 2);
    equal((await none.bob.cache.stats()).store, "none");
    const { bob, share, asked } = await scene(pkg, tools);
    const other = await share();
    await opened(bob, [other.id]);
    await bob.cache.clear();
    equal((await bob.cache.stats()).entries, 0);
    await opened(bob, [other.id]);
    equal(asked.filter((path) => path === "/v1/keys").length, 2);
  },

  async "a store of the application's own holds sealed values, and serves after lock and unlock"(pkg, tools) {
    const store = mapStore();
    const { bob, share, asked } = await scene(pkg, tools, { cache: { store } });
    const session = await share();
    const sealed = await session.encrypt("kept");
    equal((await bob.decrypt(sealed)).text(), "kept");
    ok(store.map.size > 0, "something is kept");
    await bob.lock();
    await bob.unlock({ userId: "bob", password: PASSWORD });
    asked.length = 0;
    equal((await bob.decrypt(sealed)).text(), "kept");
    equal(asked.includes("/v1/keys"), false, "no key was asked for");
    const values = [...store.map.values()].map((value) => text(Uint8Array.from(value, (byte) => byte & 0x7f)));
    equal(
      values.some((value) => value.includes("anna") || value.includes(PASSWORD)),
      false,
      "nothing in clear",
    );
  },

  async "a store that throws is told of, and memory serves"(pkg, tools) {
    const store = { ...mapStore(), setMany: () => Promise.reject(new Error("full")) };
    const reasons = [];
    const { bob, share } = await scene(pkg, tools, { cache: { store } });
    bob.addEventListener("cache-degraded", ({ detail }) => reasons.push(detail.reason));
    const session = await share();
    equal((await opened(bob, [session.id])).join(), "ok");
    equal((await opened(bob, [session.id])).join(), "ok");
    equal(reasons.length, 1, "told once");
    const { store: kind, degraded } = await bob.cache.stats();
    equal(kind, "memory");
    ok(degraded?.length > 0, "and why");
    equal((await bob.storageHealth()).cacheStore, "memory");
  },

  async "a session as text: back on the same identity alone, and revocations apply"(pkg, tools) {
    const { anna, bob, share } = await scene(pkg, tools);
    const session = await share();
    const held = await bob.openSession(session.id);
    const serialized = await held.serialize();
    equal((await bob.deserializeSession(serialized)).id, session.id);
    await fails(pkg, "decryption-failed", () => anna.deserializeSession(serialized));
    await fails(pkg, "invalid-format", () => bob.deserializeSession("no base64url"));
    await session.revokeRecipients([{ user: "bob" }]);
    await bob.cache.sync();
    await fails(pkg, "revoked", () => bob.deserializeSession(serialized));
  },

  async arguments(pkg, tools) {
    const { bob } = await scene(pkg, tools);
    const open = (cache) => pkg.Wardkey.open({ appId, backend: { request: async () => ({}) }, userId: "x", cache });
    await allFail(pkg, [
      ["a store of another type", () => open({ store: "disk" })],
      ["half a store", () => open({ store: { getMany() {} } })],
      ["a negative time", () => open({ ttlMs: -1 })],
      ["a staleness in words", () => open({ maxStalenessMs: "a minute" })],
      ["an unknown option", () => open({ maxStaleness: 1 })],
      ["an id of another form", async () => bob.openSession("x")],
      ["no list", async () => bob.openSessions("x")],
      ["no text", async () => bob.deserializeSession(5)],
    ]);
  },
};
