// How much one address, one user and all together may ask: over the line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Application, LOGIN, login, Server, until } from "./harness.mjs";

/** Holds up whoever writes to this database, until its input ends. */
const WRITING =
  "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); db.execute('BEGIN IMMEDIATE'); print('holds'); sys.stdin.read()";

describe("limits", () => {
  it("lets an address ask so often, and says when again", async (t) => {
    const app = new Application();
    const server = await Server.start(app.flags("--public-rate", "3", "--user-rate", "2"));
    t.after(async () => {
      await server.stop();
      app.remove();
    });
    const asked = [];
    for (let i = 0; i < 4; i++) asked.push((await server.ask("POST", LOGIN, { body: login() })).status);
    assert.deepEqual(asked, [200, 200, 200, 429]);
    const refused = await server.ask("POST", LOGIN, { body: login() });
    assert.equal(refused.json.code, "throttled");
    assert.ok(refused.json.retryAfterMs > 0 && refused.json.retryAfterMs <= 20_001);
    assert.equal(Number(refused.headers.get("retry-after")), Math.ceil(refused.json.retryAfterMs / 1000));
    const wrong = await server.ask("GET", "/v1/backup", { token: "wrong" });
    assert.equal(wrong.status, 429, "tokens aren't tried faster");
    const token = app.token("alice");
    const begun = performance.now();
    const all = await Promise.all(Array.from({ length: 20 }, () => server.ask("GET", "/v1/backup", { token })));
    // Two more each second.
    const more = Math.ceil((2 * (performance.now() - begun)) / 1000);
    const counted = all.filter(({ status }) => status === 429).length;
    assert.ok(counted >= Math.min(10, 12 - more) && counted <= 12, `${counted} of 20`);
    assert.equal(
      (await server.ask("GET", "/v1/backup", { token: app.token("bob") })).status,
      404,
      "another user's are his",
    );
  });

  it("has room for users, however many strangers send slowly", async (t) => {
    const app = new Application();
    const server = await Server.start(app.flags("--at-once", "8", "--bodies", "2"));
    const { hostname, port } = new URL(server.url);
    const sockets = [];
    t.after(async () => {
      for (const socket of sockets) socket.destroy();
      await server.stop();
      app.remove();
    });
    const strangers = (many, bytes) => {
      for (let i = 0; i < many; i++) {
        const socket = connect(Number(port), hostname).on("error", () => {});
        socket.write(`POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 << 20}\r\n\r\n`);
        socket.write(Buffer.alloc(bytes, 0x20));
        sockets.push(socket);
      }
    };
    const directory = () =>
      server.ask("POST", "/v1/directory", { token: app.token("alice"), body: { users: [], pad: "x".repeat(1 << 19) } });
    const free = async () => {
      const login = await server.ask("POST", LOGIN, { body: { pad: "x".repeat(1 << 19) } });
      return login.status === 400;
    };
    for (const [many, bytes] of [
      [12, 10],
      [3, 1 << 20],
    ]) {
      await until(free, "strangers are answered");
      strangers(many, bytes);
      await until(async () => !(await free()), "strangers have all that is theirs");
      assert.equal((await directory()).json.code, "unknown-user", `${many} strangers with ${bytes} bytes each`);
      for (const socket of sockets.splice(0)) socket.destroy();
    }
  });

  it("counts bodies until their requests are done, whoever waits for the answer", async (t) => {
    const app = new Application();
    const server = await Server.start(app.flags("--bodies", "4", "--user-rate", "1000"));
    const writing = spawn("python3", ["-u", "-c", WRITING, join(app.path("data"), app.id, "wardkey.db")]);
    t.after(async () => {
      writing.kill();
      await server.stop();
      app.remove();
    });
    const put = (mebibytes, signal) =>
      fetch(`${server.url}/v1/backup/pending`, {
        method: "PUT",
        headers: { authorization: `Bearer ${app.token("alice")}`, "content-type": "application/json" },
        body: JSON.stringify({ backup: "A".repeat(mebibytes << 20) }),
        signal,
      }).then(async (answer) => [answer.status, (await answer.json()).code]);
    const taken = await put(3);
    assert.notEqual(taken[0], 429);
    await once(writing.stdout, "data");
    // Three stand before who writes, whichever came first, and there is no room for a fourth.
    const [clients, answers] = [[], []];
    for (let i = 0; i < 6; i++) {
      clients.push(new AbortController());
      put(1, clients[i].signal).then(
        (answer) => {
          answers[i] = answer;
        },
        () => {},
      );
    }
    await until(() => answers.filter(Boolean).length >= 3, "what waits is counted");
    for (const answer of answers.filter(Boolean)) assert.deepEqual(answer, [429, "throttled"]);
    const [first, second, ...more] = [...clients.keys()].filter((place) => answers[place] === undefined);
    assert.equal(more.length, 1, "three wait");
    clients[second].abort();
    await setTimeout(200);
    assert.deepEqual(await put(3), [429, "throttled"]);
    assert.equal((await server.ask("POST", LOGIN, { body: login() })).status, 200, "what reads goes on");
    writing.stdin.end();
    assert.deepEqual(await until(() => answers[first], "one that waited is answered"), taken);
    await until(async () => (await put(3))[0] === taken[0], "all have been done");
  });

  it("believes addresses that its own proxies saw", async (t) => {
    const app = new Application();
    const server = await Server.start(app.flags("--public-rate", "1", "--proxies", "1"));
    t.after(async () => {
      await server.stop();
      app.remove();
    });
    const from = async (address) =>
      (await server.ask("POST", LOGIN, { body: login(), headers: { "x-forwarded-for": address } })).status;
    assert.deepEqual([await from("1.1.1.1"), await from("1.1.1.1"), await from("9.9.9.9, 1.1.1.1")], [200, 429, 429]);
    assert.equal(await from("2.2.2.2"), 200);
  });
});
