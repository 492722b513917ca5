// What goes wrong where servers run: power cuts, full disks, databases that go away, one of two servers that dies, and nonsense. What was acknowledged stays.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { freePort } from "../../scripts/free-port.mjs";
import { KDF, PASSWORD, Wardkey } from "./client.mjs";
import { Application, command, Server, until } from "./harness.mjs";
import { Postgres } from "./postgres.mjs";

/** Power cuts of the ordinary run. */
const CUTS = Number(process.env.WARDKEY_CUTS ?? 200);
const seed = Number(process.env.WARDKEY_SEED ?? Date.now() % 1e9);

/** mulberry32: which moments are tried, so that a run can be repeated. */
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A backend that repeats nothing: what it was answered was answered. `url()` says where to. */
function plain(app, url) {
  return {
    async request(method, path, body, { userId, public: isPublic } = {}) {
      const headers = isPublic ? {} : { authorization: `Bearer ${app.token(userId)}` };
      if (body !== undefined) headers["content-type"] = "application/json";
      const answer = await fetch(url() + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const json = await answer.json();
      if (!answer.ok) throw Object.assign(new Error(json.message), { code: json.code });
      return json;
    },
  };
}

async function open(app, backend, userId) {
  return Wardkey.open({ appId: app.id, backend, userId, kdf: KDF, identityStore: "memory", resumeMs: 0 });
}

/** Writes as fast as it goes, several at once, until `stopped()`; what was acknowledged goes to `done`. */
async function writes(wardkey, done, stopped) {
  const one = async () => {
    while (!stopped()) {
      try {
        const session = await wardkey.createSession({ recipients: [] });
        done.push({ id: session.id, sealed: await session.encrypt(new TextEncoder().encode(session.id)) });
        session.free();
      } catch {
        // It wasn't acknowledged.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  };
  await Promise.all([one(), one(), one()]);
}

/** Each of these is there, whole, for a client that has nothing of them. */
async function check(app, backend, userId, acknowledged) {
  const reader = await open(app, backend, userId);
  await reader.unlock({ userId, password: PASSWORD });
  for (let place = 0; place < acknowledged.length; place += 500) {
    const some = acknowledged.slice(place, place + 500);
    const opened = await reader.decryptMany(some.map(({ sealed }) => ({ sealed })));
    for (const [rank, result] of opened.entries()) {
      const { id } = some[rank];
      assert.equal(
        new TextDecoder().decode(result.value?.data ?? result.data),
        id,
        `${id}: ${result.error?.code ?? result.reason?.code}`,
      );
    }
  }
  await reader.close();
}

describe("power cuts", () => {
  it(`${CUTS} of them in the middle of writes: every acknowledged write is there`, async (t) => {
    t.diagnostic(`WARDKEY_SEED=${seed}`);
    const [app, next] = [new Application(), random(seed)];
    t.after(() => app.remove());
    const listen = `127.0.0.1:${await freePort()}`;
    const flags = app.flags("--user-rate", "100000", "--public-rate", "100000");
    flags[flags.indexOf("--listen") + 1] = listen;
    const backend = plain(app, () => `http://${listen}`);
    let server = await Server.start(flags);
    const writer = await open(app, backend, "writer");
    await writer.register({ userId: "writer", password: PASSWORD });
    const acknowledged = [];
    for (let cut = 0; cut < CUTS; cut++) {
      let stopped = false;
      const writing = writes(writer, acknowledged, () => stopped);
      const before = acknowledged.length;
      await new Promise((resolve) => setTimeout(resolve, 20 + 130 * next()));
      await until(() => acknowledged.length > before, "a write");
      await server.kill();
      stopped = true;
      await writing;
      server = await Server.start(flags);
    }
    assert.ok(acknowledged.length >= CUTS, `${acknowledged.length} writes`);
    t.diagnostic(`${acknowledged.length} writes were acknowledged`);
    await writer.close();
    await check(app, backend, "writer", acknowledged);
    await server.stop();
    const verified = command("verify-journal", "--data", app.path("data"), "--secret-file", app.path("secret"));
    assert.equal(verified.status, 0, verified.stderr);
  });
});

describe("a full disk", () => {
  it("refuses what it can't keep, loses nothing, and goes on when there is room", async (t) => {
    const app = new Application();
    t.after(() => app.remove());
    const data = app.path("data");
    mkdirSync(data);
    const user = process.getuid() === 0 ? "-m" : "-rm";
    const mount = `mount -t tmpfs -o size=24m tmpfs '${data}' && exec "$@"`;
    const server = await Server.start(app.flags("--user-rate", "100000"), {
      through: ["unshare", user, "sh", "-c", mount, "sh"],
    });
    t.after(() => server.kill());
    const backend = plain(app, () => server.url);
    const writer = await open(app, backend, "writer");
    await writer.register({ userId: "writer", password: PASSWORD });
    const acknowledged = [];
    const write = async () => {
      const session = await writer.createSession({ recipients: [] });
      acknowledged.push({ id: session.id, sealed: await session.encrypt(new TextEncoder().encode(session.id)) });
    };
    for (let i = 0; i < 20; i++) await write();

    const inside = `/proc/${server.child.pid}/root${data}/filler`;
    const fill = () => {
      for (const size of [1 << 20, 1 << 14, 1 << 10]) {
        try {
          for (;;) writeFileSync(inside, new Uint8Array(size), { flag: "a" });
        } catch (error) {
          assert.equal(error.code, "ENOSPC");
        }
      }
    };
    for (let round = 0; round < 3; round++) {
      fill();
      const codes = new Set();
      for (let i = 0; i < 200; i++) {
        await write().catch(({ code }) => codes.add(code));
        if (i % 20 === 0) fill();
      }
      assert.deepEqual([...codes], ["server"]);
      // There may be room left in its own files: then it is well.
      assert.ok([200, 503].includes((await server.ask("GET", "/health")).status));
      // What is there is read all the same.
      const login = { appId: app.id, userId: "writer", kdf: { name: "argon2id", memoryKiB: 65536, passes: 3 } };
      assert.equal((await server.ask("POST", "/v1/public/login", { body: login })).status, 200);
      assert.ok(statSync(inside).size > 0);
      rmSync(inside);
      await until(async () => (await server.ask("GET", "/health")).status === 200, "it is well again");
      for (let i = 0; i < 10; i++) await write();
    }
    await writer.close();
    await check(app, backend, "writer", acknowledged);
  });
});

describe("PostgreSQL", () => {
  let app;
  let postgres;
  let database;
  before(async () => {
    app = new Application();
    postgres = await Postgres.start();
    database = ["--database", postgres.database("wardkey")];
    const made = command("migrate", ...database);
    assert.equal(made.status, 0, made.stderr);
  });
  after(async () => {
    await postgres?.stop();
    app?.remove();
  });
  const start = () => Server.start(app.flags(...database, "--user-rate", "100000", "--public-rate", "100000"));

  it("goes away and comes back, and the server with it", async (t) => {
    const server = await start();
    t.after(() => server.kill());
    const backend = plain(app, () => server.url);
    const writer = await open(app, backend, "stayer");
    await writer.register({ userId: "stayer", password: PASSWORD });
    const acknowledged = [];
    for (let round = 0; round < 2; round++) {
      let stopped = false;
      const writing = writes(writer, acknowledged, () => stopped);
      await until(() => acknowledged.length > round * 20 + 10, "some writes");
      await postgres.down();
      const begun = Date.now();
      const refused = await server.ask("GET", "/v1/backup", { token: app.token("stayer") });
      assert.deepEqual([refused.status, refused.json.code], [500, "server"]);
      assert.ok(Date.now() - begun < 30_000, `an answer after ${Date.now() - begun} ms`);
      // What it knows of a second ago it says again.
      await until(async () => (await server.ask("GET", "/health")).status === 503, "it isn't well");
      await postgres.up();
      await until(async () => (await server.ask("GET", "/health")).status === 200, "it is well again");
      const before = acknowledged.length;
      await until(() => acknowledged.length > before + 5, "writes again");
      stopped = true;
      await writing;
    }
    await writer.close();
    await check(app, backend, "stayer", acknowledged);
    for (const line of server.log) assert.ok(!line.includes("postgres://"), line);
  });

  it("is shared by two servers, one of which dies under load, again and again", async (t) => {
    const next = random(seed);
    t.diagnostic(`WARDKEY_SEED=${seed}`);
    const servers = [await start(), await start()];
    t.after(() => Promise.all(servers.map((server) => server.kill())));
    const people = [];
    for (const place of [0, 1]) {
      const userId = `sharer-${place}`;
      const backend = plain(app, () => servers[place].url);
      const wardkey = await open(app, backend, userId);
      await wardkey.register({ userId, password: PASSWORD });
      people.push({ userId, backend, wardkey, acknowledged: [] });
    }
    for (let round = 0; round < 20; round++) {
      let stopped = false;
      const writing = people.map(({ wardkey, acknowledged }) => writes(wardkey, acknowledged, () => stopped));
      const [first, before] = people.map(({ acknowledged }) => acknowledged.length);
      await until(() => people[0].acknowledged.length > first + 1, "it writes");
      await new Promise((resolve) => setTimeout(resolve, 200 * next()));
      await servers[0].kill();
      await until(() => people[1].acknowledged.length > before + 2, "the other one goes on");
      stopped = true;
      await Promise.all(writing);
      servers[0] = await start();
    }
    for (const { wardkey } of people) await wardkey.close();
    // Each is there for whoever asks, at either server.
    for (const { userId, acknowledged } of people) {
      assert.ok(acknowledged.length > 20, `${acknowledged.length} writes`);
      for (const server of servers)
        await check(
          app,
          plain(app, () => server.url),
          userId,
          acknowledged,
        );
    }
    for (const server of servers) await server.stop();
    const verified = command("verify-journal", ...database, "--of", app.id, "--secret-file", app.path("secret"));
    assert.equal(verified.status, 0, verified.stderr);
  });
});

describe("nonsense", () => {
  it("gets an answer, never a failure of the server", async (t) => {
    t.diagnostic(`WARDKEY_SEED=${seed}`);
    const [app, next] = [new Application(), random(seed)];
    const server = await Server.start(app.flags("--user-rate", "100000", "--public-rate", "100000"));
    t.after(async () => {
      await server.stop();
      app.remove();
    });
    // Requests as clients really make them, changed in one place each.
    const real = [];
    const inner = plain(app, () => server.url);
    const backend = {
      async request(method, path, body, options) {
        real.push({ method, path, body, ...options });
        return inner.request(method, path, body, options);
      },
    };
    const [alice, bob] = [await open(app, backend, "alice"), await open(app, backend, "bob")];
    await bob.register({ userId: "bob", password: PASSWORD });
    await alice.register({ userId: "alice", password: PASSWORD, recoveryContact: undefined });
    const group = await alice.createGroup({ name: "Ward", members: ["bob"] });
    const session = await alice.createSession({ recipients: [{ group: group.id }, { placeholder: "clinic" }] });
    await session.addRecipients([{ user: "bob" }]);
    await session.revokeRecipients([{ user: "bob" }]);
    await group.removeMembers(["bob"]);
    await session.encrypt(new Uint8Array(1));
    await alice.auditLog({ sessionId: session.id });
    const pick = (list) => list[Math.floor(next() * list.length)];
    const WORST = [
      null,
      true,
      -1,
      0,
      1e308,
      2 ** 53,
      1.5,
      "",
      "A",
      "A".repeat(43),
      "A".repeat(1 << 16),
      "\u0000",
      "\ud800",
      [],
      {},
      [[]],
      { a: 1 },
    ];
    const change = (value) => {
      if (typeof value === "string" && value && next() < 0.7) {
        const place = Math.floor(next() * value.length);
        return value.slice(0, place) + pick(["", "A", "_", "!", "é"]) + value.slice(place + 1);
      }
      if (value && typeof value === "object" && next() < 0.85) {
        const copy = Array.isArray(value) ? [...value] : { ...value };
        const key = pick(Object.keys(copy));
        if (key !== undefined) copy[key] = change(copy[key]);
        return copy;
      }
      return pick(WORST);
    };
    const statuses = {};
    for (let i = 0; i < 3_000; i++) {
      const { method, path, body, userId, public: isPublic } = pick(real);
      const token = isPublic ? undefined : app.token(userId);
      const bad = next() < 0.1 ? path.slice(0, Math.floor(next() * path.length)) || "/" : path;
      const answer = await server.ask(method, bad, { token, body: body === undefined ? undefined : change(body) });
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      assert.ok(answer.status < 500, `${method} ${path}: ${answer.text}`);
      assert.ok(answer.status === 200 || typeof answer.json?.code === "string", answer.text);
    }
    assert.ok(statuses[400] > 500, JSON.stringify(statuses));
    assert.equal(server.logged("failed").length, 0);
    for (const wardkey of [alice, bob]) await wardkey.close();
  });
});
