// Who may call, what is refused, and that nothing a stranger sends hurts: over the line.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePort } from "../../scripts/free-port.mjs";
import { Application, command, KDF, LOGIN, login, Server, until } from "./harness.mjs";

describe("over HTTP", () => {
  let app;
  let server;
  before(async () => {
    app = new Application();
    server = await Server.start(
      app.flags("--cors-origin", "https://app.example", "--patience", "1", "--user-rate", "1000"),
    );
  });
  after(async () => {
    await server?.stop();
    app?.remove();
  });

  it("says whether it is well, and describes itself", async () => {
    const health = await server.ask("GET", "/health");
    assert.deepEqual([health.status, health.json], [200, { status: "ok" }]);
    const description = await server.ask("GET", "/v1/openapi.json");
    assert.equal(description.json.openapi, "3.1.0");
    // Every path of the API's page, and no other.
    const page = readFileSync(new URL("../../docs/API.md", import.meta.url), "utf8");
    const plain = (method, path) => `${method} ${path.replace(/\{[^}]*\}/g, "{}")}`;
    const table = [...page.matchAll(/^\| [\d.]+ \| (GET|POST|PUT) \| `([^`]+)` \|/gm)];
    const described = Object.entries(description.json.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => plain(method.toUpperCase(), path)),
    );
    assert.deepEqual(described.sort(), table.map(([, method, path]) => plain(method, path)).sort());
  });

  it("writes to know that it can, once a second, however often it is asked whether it is well", async () => {
    const log = () => statSync(join(app.path("data"), app.id, "wardkey.db-wal")).size;
    const well = async () => assert.equal((await server.ask("GET", "/health")).status, 200);
    await well();
    const begun = log();
    await until(async () => {
      await well();
      return log() > begun;
    }, "something written");
    const before = log();
    for (let i = 0; i < 100; i++) await well();
    assert.ok(log() - before < 200_000, `${log() - before} bytes written`);
  });

  it("answers without a token where that is public, and nowhere else", async () => {
    const parameters = await server.ask("POST", LOGIN, { body: login() });
    assert.equal(parameters.status, 200);
    assert.deepEqual(parameters.json.kdf, KDF);
    assert.equal(parameters.headers.get("cache-control"), "no-store");
    for (const [method, path] of [
      ["GET", "/v1/backup"],
      ["POST", "/v1/keys"],
      ["POST", "/v1/assignments"],
      ["GET", "/v1/events"],
    ]) {
      const refused = await server.ask(method, path, method === "POST" ? { body: {} } : {});
      assert.deepEqual([refused.status, refused.json.code], [401, "forbidden"], path);
      assert.equal(refused.headers.get("www-authenticate"), "Bearer");
    }
  });

  it("knows a user by a token of his application alone", async () => {
    const known = await server.ask("GET", "/v1/backup", { token: app.token("alice") });
    assert.deepEqual([known.status, known.json.code], [404, "no-backup"]);
    const other = generateKeyPairSync("ed25519").privateKey;
    const now = Math.floor(Date.now() / 1000);
    for (const [why, token] of Object.entries({
      "another key": app.token("alice", { key: other }),
      "another application's": app.token("alice", { aud: "other.example" }),
      ended: app.token("alice", { life: -120 }),
      "for ever": app.token("alice", { life: 30 * 24 * 3600 }),
      "not yet": app.token("alice", { claims: { nbf: now + 600 } }),
      "no algorithm": app.token("alice", { header: { alg: "none" } }),
      "the key as a secret": app.token("alice", { header: { alg: "HS256" } }),
      "no user": app.token(undefined),
      "no user id": app.token("a→b"),
      nothing: "",
      "no token": "x.y.z",
    })) {
      const refused = await server.ask("GET", "/v1/backup", { headers: { authorization: `Bearer ${token}` } });
      assert.deepEqual([refused.status, refused.json.code], [401, "forbidden"], why);
    }
  });

  it("refuses a client that says it is somebody else", async () => {
    const says = (user) => ({ "wardkey-user": Buffer.from(user).toString("base64url") });
    const token = app.token("zoë");
    const same = await server.ask("GET", "/v1/backup", { token, headers: says("zoë") });
    assert.equal(same.json.code, "no-backup");
    for (const headers of [says("alice"), { "wardkey-user": "!" }, { "wardkey-user": "" }]) {
      const refused = await server.ask("GET", "/v1/backup", { token, headers });
      assert.deepEqual([refused.status, refused.json.code], [403, "forbidden"]);
    }
  });

  it("takes the application for no user, and a user for no application", async () => {
    const assignment = { placeholder: "clinic", groupId: "A".repeat(43) };
    const user = await server.ask("POST", "/v1/assignments", { token: app.token("alice"), body: assignment });
    assert.deepEqual([user.status, user.json.code], [403, "forbidden"]);
    const application = await server.ask("POST", "/v1/assignments", { token: app.credential, body: assignment });
    assert.deepEqual([application.status, application.json.code], [404, "unknown-group"]);
    const backup = await server.ask("GET", "/v1/backup", { token: app.credential });
    assert.deepEqual([backup.status, backup.json.code], [403, "forbidden"]);
    const wrong = await server.ask("POST", "/v1/assignments", {
      token: `${app.credential.slice(0, -1)}x`,
      body: assignment,
    });
    assert.equal(wrong.status, 401);
  });

  it("answers pages of the origins that are listed", async () => {
    const preflight = (origin) =>
      server.ask("OPTIONS", "/v1/keys", {
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type,wardkey-user,idempotency-key",
        },
      });
    const listed = await preflight("https://app.example");
    assert.equal(listed.headers.get("access-control-allow-origin"), "https://app.example");
    assert.match(listed.headers.get("access-control-allow-headers"), /wardkey-user/);
    for (const origin of ["https://evil.example", "https://app.example.evil.example", "null"]) {
      assert.equal((await preflight(origin)).headers.get("access-control-allow-origin"), null, origin);
    }
    const refused = await server.ask("GET", "/v1/backup", { headers: { origin: "https://app.example" } });
    assert.equal(
      refused.headers.get("access-control-allow-origin"),
      "https://app.example",
      "errors too, or a page can't read them",
    );
  });

  it("has a path for nobody's request", async () => {
    for (const path of [
      "/",
      "/v1",
      "/v1/",
      "/v1/nothing",
      "/v2/login",
      "/app.example",
      "//v1/public/login",
      "/%00",
      "/v1/sessions/short/entries",
    ]) {
      const refused = await server.ask("POST", path, { token: app.token("alice"), body: {} });
      assert.deepEqual([refused.status, refused.json?.code], [404, "invalid-argument"], path);
    }
    assert.equal((await server.ask("DELETE", "/v1/backup", { token: app.token("alice") })).status, 404);
    assert.equal(
      (await server.ask("POST", `/app.example${LOGIN}`, { body: login() })).status,
      200,
      "below the application's id too",
    );
  });

  it("reads what isn't what it should be, and says so", async () => {
    const deep = "[".repeat(100_000);
    for (const [why, raw] of Object.entries({
      "no JSON": "nonsense",
      deep,
      "deep objects": '{"a":'.repeat(50_000),
      "a huge number": JSON.stringify(login()).replace("65536", "1e400"),
      "a number too large": JSON.stringify(login()).replace("65536", "18446744073709551616"),
      negative: JSON.stringify(login()).replace("65536", "-1"),
      fraction: JSON.stringify(login()).replace("65536", "65536.5"),
      "no UTF-8": Buffer.from([0x22, 0xff, 0x22]),
      "a lone surrogate": '{"appId":"app.example","userId":"\\ud800","kdf":{}}',
      "another member": JSON.stringify({ ...login(), extra: 1 }),
      array: "[]",
      nothing: "",
      null: "null",
    })) {
      const refused = await server.ask("POST", LOGIN, { raw, headers: { "content-type": "application/json" } });
      assert.equal(refused.status, 400, why);
      assert.ok(["invalid-argument", "kdf-policy"].includes(refused.json.code), `${why}: ${refused.json.code}`);
    }
    const other = await server.ask("POST", LOGIN, { body: login("alice", "other.example") });
    assert.deepEqual([other.status, other.json.code], [400, "key-mismatch"]);
  });

  it("takes no body that is too large, announced or not", async () => {
    const announced = await raw(server, `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Length: ${3 << 20}\r\n\r\n`);
    assert.match(announced, /^HTTP\/1.1 413 /);
    assert.match(announced, /"code":"limit"/);
    const piece = new Uint8Array(1 << 20).fill(0x20);
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1;
        if (sent > 12) controller.close();
        else controller.enqueue(piece);
      },
    });
    const chunked = await server.ask("POST", LOGIN, { raw: endless }).catch((error) => error);
    // The server answers and closes while the client still sends: some clients see only that.
    assert.ok(chunked.status === 413 || chunked instanceof TypeError, String(chunked.status));
    assert.equal((await server.ask("GET", "/health")).status, 200);
  });

  it("waits for nobody who sends slowly, or nothing", async () => {
    const begun = Date.now();
    const silent = await Promise.all([
      raw(server, ""),
      raw(server, "POST "),
      raw(server, `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nX-Slow: `),
      raw(server, `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a`),
      raw(server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    ]);
    assert.ok(Date.now() - begun < 30_000);
    assert.match(silent[3], /^HTTP\/1.1 400 /);
    assert.match(silent[3], /too slowly/);
  });

  it("stays up under what is no HTTP at all", async () => {
    const noise = [
      "\u0000\u0001\u0002".repeat(1000),
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    noise.push(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(1 << 20)}\r\n\r\n`);
    noise.push(`GET /${"a".repeat(1 << 17)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    noise.push(`POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`);
    noise.push(`POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`);
    noise.push(`POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n`);
    await Promise.all(noise.map((bytes) => raw(server, bytes)));
    assert.equal((await server.ask("GET", "/health")).status, 200);
    assert.equal(server.logged("failed").length, 0, server.log.join("\n"));
  });

  it("logs no name, no address, no token, no id", async () => {
    const token = app.token("very-secret-name");
    await server.ask("GET", "/v1/backup", { token });
    await server.ask("POST", `/v1/sessions/${"A".repeat(43)}/entries`, { token, body: { items: [] } });
    await server.ask("POST", "/v1/public/recoveries", { body: { userId: "very-secret-name" } });
    await until(() => server.log.some((line) => line.includes("/v1/sessions/{id}/entries")), "the request's line");
    const log = server.log.join("\n");
    for (const secret of ["very-secret-name", token, "AAAA", app.credential]) assert.ok(!log.includes(secret), secret);
  });
});

describe("how it is run", () => {
  it("says in one line what is missing", () => {
    const app = new Application();
    const changed = (flag, value) => app.flags().map((given, place, all) => (all[place - 1] === flag ? value : given));
    const cases = [
      [["serve", "--app", `x=${app.path("token.pem")}`], /--secret-file is missing/],
      [["serve", ...app.flags().filter((flag) => !flag.includes("mail"))], /--smtp is missing/],
      [["serve", "--data", app.path("d"), "--listen", "0.0.0.0:0"], /on loopback only/],
      [["serve", "--app", "x=/nowhere"], /\/nowhere: No such file/],
      [["serve", "--app", "nonsense"], /ID=FILE is wanted/],
      [["serve", "--app", `x=${app.path("secret")}`], /not an Ed25519 public key/],
      [["serve", ...changed("--secret-file", app.path("token.pem"))], /base64url of 32 bytes/],
      [["serve", ...changed("--listen", "nowhere.invalid:1")], /is wanted/],
      [["serve", ...app.flags("--database", "postgres://u:hunter2@127.0.0.1:1/x")], /Connection refused/],
      [["serve", ...app.flags("--database", "postgres://u:hunter2@127.0.0.1:x/x")], /the database's address/],
      [["serve", ...app.flags("--smtp", "smtp://mail.example:25")], /tls=required/],
      [["serve", "--nonsense"], /unexpected argument/],
    ];
    for (const [args, says] of cases) {
      const { status, stderr } = command(...args);
      assert.notEqual(status, 0, args.join(" "));
      assert.match(stderr, says);
      assert.ok(!stderr.includes("hunter2"), stderr);
    }
    app.remove();
  });

  it("serves `dev` on a laptop, without any flag but where its data go", async (t) => {
    const app = new Application("dev");
    const server = await Server.start(["--data", app.path("laptop"), "--listen", "127.0.0.1:0"]);
    t.after(async () => {
      await server.stop();
      app.remove();
    });
    const key = app.path("laptop/dev/token.key.pem");
    const { stdout: token } = command("token", "alice", "--key", key);
    assert.equal((await server.ask("GET", "/v1/backup", { token })).json.code, "no-backup");
    const local = await server.ask("POST", LOGIN, {
      body: login("alice", "dev"),
      headers: { origin: "http://localhost:8080" },
    });
    assert.equal(local.headers.get("access-control-allow-origin"), "http://localhost:8080");
    const evil = await server.ask("POST", LOGIN, {
      body: login("alice", "dev"),
      headers: { origin: "http://localhost.evil.example" },
    });
    assert.equal(evil.headers.get("access-control-allow-origin"), null);
  });

  it("lets no second process have its data", async (t) => {
    const app = new Application();
    const server = await Server.start(app.flags());
    t.after(async () => {
      await server.stop();
      app.remove();
    });
    const { status, stderr } = command("serve", ...app.flags());
    assert.notEqual(status, 0);
    assert.match(stderr, /another wardkey-server has/);
  });

  it("opens its own keys with its own secret alone", async () => {
    const app = new Application();
    const first = await Server.start(app.flags());
    const keyServer = (await first.ask("POST", LOGIN, { body: login() })).json.keyServer;
    await first.stop();
    const again = await Server.start(app.flags());
    assert.deepEqual((await again.ask("POST", LOGIN, { body: login() })).json.keyServer, keyServer);
    await again.stop();
    app.write("secret", command("secret").stdout);
    const { status, stderr } = command("serve", ...app.flags());
    assert.notEqual(status, 0);
    assert.match(stderr, /another secret than the one/);
    app.remove();
  });

  it("reads settings from a file and the environment", async () => {
    const app = new Application();
    const file = app.write(
      "server.toml",
      `data = "${app.path("data")}"\nlisten = "127.0.0.1:0"\napp = ["${app.id}=${app.path("token.pem")}"]\nmail-folder = "${app.path("mail")}"\npublic-rate = 1\n`,
    );
    const server = await Server.start(["--config", file], {
      env: { WARDKEY_SECRET: command("secret").stdout, WARDKEY_PUBLIC_RATE: "2" },
    });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await server.ask("POST", LOGIN, { body: login() })).status);
    assert.deepEqual(statuses, [200, 200, 429]);
    await server.stop();
    app.remove();
  });

  it("serves several applications apart", async () => {
    const [one, other] = [new Application("one.example"), new Application("other/äpp")];
    const server = await Server.start(one.flags("--app", `${other.id}=${other.path("token.pem")}`));
    const keys = [];
    for (const app of [one, other]) {
      const segment = app === one ? "one.example" : `~${Buffer.from(app.id).toString("base64url")}`;
      const { status, json } = await server.ask("POST", `/${segment}${LOGIN}`, { body: login("alice", app.id) });
      assert.equal(status, 200);
      keys.push(json.keyServer[0]);
      assert.equal(
        (await server.ask("GET", `/${segment}/v1/backup`, { token: app.token("alice") })).json.code,
        "no-backup",
      );
      const foreign = app === one ? other : one;
      assert.equal((await server.ask("GET", `/${segment}/v1/backup`, { token: foreign.token("alice") })).status, 401);
    }
    assert.notEqual(keys[0], keys[1]);
    assert.equal((await server.ask("POST", LOGIN, { body: login() })).status, 404, "which one?");
    await server.stop();
    for (const app of [one, other]) app.remove();
  });

  it("stops when it is told to, and answers what it has begun", async () => {
    const app = new Application();
    const server = await Server.start(app.flags());
    const asked = Promise.all(Array.from({ length: 50 }, () => server.ask("POST", LOGIN, { body: login() })));
    await until(() => server.log.length > 5, "requests");
    const stopped = server.stop();
    const answers = await asked.catch(() => []);
    assert.ok(answers.every(({ status }) => status === 200));
    assert.deepEqual(await stopped, { code: 0, signal: null });
    assert.equal(server.logged("stopped").length, 1);
    app.remove();
  });

  it("counts for Prometheus, on an address of its own", async () => {
    const app = new Application();
    const port = await freePort();
    const server = await Server.start(app.flags("--metrics", `127.0.0.1:${port}`));
    await server.ask("POST", LOGIN, { body: login("very-secret-name") });
    const text = await until(
      () =>
        fetch(`http://127.0.0.1:${port}/metrics`).then(
          (r) => r.text(),
          () => undefined,
        ),
      "metrics",
    );
    assert.match(text, /wardkey_requests_total\{code="ok",method="POST",path="\/v1\/public\/login",status="200"\} 1/);
    assert.ok(!text.includes("very-secret-name"));
    assert.equal((await server.ask("GET", "/metrics")).status, 404);
    await server.stop();
    app.remove();
  });
});

/** What comes back for these bytes, until the server closes or nothing comes for a while. */
function raw(server, bytes, ms = 60_000) {
  const { port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), "127.0.0.1", () => socket.write(Buffer.from(bytes, "latin1")));
    const pieces = [];
    socket.on("data", (data) => pieces.push(data));
    const end = () => resolve(Buffer.concat(pieces).toString("latin1"));
    socket.on("close", end);
    socket.on("error", () => {});
    socket.setTimeout(ms, () => socket.destroy());
  });
}
