// The description that the server gives of itself: of every request of docs/API.md and of no other, of what the package's client asks and is answered, and of what
// anybody may ask (test_openapi.py).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { python } from "../../scripts/tools.mjs";
import { mails, PASSWORD, registered, Shares } from "./client.mjs";
import { Application, Server, until } from "./harness.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Requests that the story below doesn't make, and why. */
const NOT_ASKED = {
  "GET /v1/events": "has no end: events.test.mjs",
  "POST /v1/groups/{id}/heads": "comes after half a day on line",
};

describe("the description", () => {
  let app;
  let server;
  let described;
  const recorded = [];
  /** Of which request of the description this is one. */
  const patternOf = (method, path) =>
    Object.keys(described.paths).find(
      (pattern) =>
        described.paths[pattern][method.toLowerCase()] &&
        new RegExp(`^${pattern.replace(/\{\w+\}/g, "[\\w-]+")}$`).test(path),
    );
  const record = (method, path, body, status, answer) =>
    recorded.push({ method, path, pattern: patternOf(method, path), body, status, answer });

  before(async () => {
    app = new Application();
    server = await Server.start(app.flags("--public-rate", "1000000", "--user-rate", "100000"));
    described = (await server.ask("GET", "/v1/openapi.json")).json;
  });
  after(async () => {
    await server?.stop();
    app?.remove();
  });

  it("has the requests of docs/API.md, and no others", () => {
    const page = readFileSync(`${root}docs/API.md`, "utf8");
    const [, table] = /\n## 2\. Paths\n([^#]*)/.exec(page);
    const rows = [...table.matchAll(/^\| [\d.]+ \| (\w+) \| `([^`]+)` \| ([^|]+) \|$/gm)];
    assert.ok(rows.length > 20, `${rows.length} rows`);
    const callers = { public: [{}], application: [{ application: [] }] };
    const plain = (path) => path.replace(/\{[^}]+\}/g, "{}");
    const documented = rows.map(([, method, path, caller]) => [
      `${method} ${plain(path)}`,
      callers[caller.trim()] ?? [{ user: [] }],
    ]);
    const found = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => [`${method.toUpperCase()} ${plain(path)}`, security]),
    );
    assert.deepEqual(Object.fromEntries(found.sort()), Object.fromEntries(documented.sort()));
  });

  it("is told a whole story by the package's client", async () => {
    const watching = async (input, init) => {
      const answer = await fetch(input, init);
      const { pathname } = new URL(input);
      if (pathname !== "/v1/events") {
        const said = await answer.clone().text();
        record(init.method, pathname, init.body && JSON.parse(init.body), answer.status, JSON.parse(said));
      }
      return answer;
    };
    const asApplication = async (path, body) => {
      const { status, json } = await server.ask("POST", path, { token: app.credential, body });
      record("POST", path, body, status, json);
      assert.equal(status, 200, JSON.stringify(json));
    };
    const shares = new Shares();
    const join = (name, email) => registered(server, app, name, { shares, email, fetch: watching });
    const [{ wardkey: anna }, { wardkey: bob }, { wardkey: carol }] = [
      await join("anna", "anna@example.org"),
      await join("bob"),
      await join("carol"),
    ];
    const group = await anna.createGroup({ name: "Ward 3", members: ["bob"] });
    await group.addMembers(["carol"]);
    await group.removeMembers(["carol"]);
    const place = { placeholder: "rehab", contact: { email: "rehab@example.org" } };
    const recipients = [{ user: "bob" }, { group: group.id }, { placeholder: "ward-9" }, place];
    const session = await carol.createSession({ recipients });
    const sealed = await session.encrypt("a finding");
    for (const user of [anna, bob]) assert.equal((await user.decrypt(sealed)).text(), "a finding");
    await session.revokeRecipients([{ user: "bob" }]);
    await bob.cache.sync();
    await bob.safetyNumber("anna");
    await bob.groups();
    await bob.auditLog();
    await carol.auditLog({ sessionId: session.id });

    const code = async (count) => (await until(() => mails(app.path("mail"))[count - 1], "the mail")).code;
    const { claimId } = await group.startClaim("rehab");
    const right = await code(1);
    const wrong = right === "00000000" ? "00000001" : "00000000";
    await assert.rejects(group.finishClaim({ claimId, code: wrong }), { code: "otp-wrong" });
    await group.finishClaim({ claimId, code: right });
    await asApplication("/v1/assignments", { placeholder: "ward-9", groupId: group.id });

    await anna.renewKeys({ password: PASSWORD });
    await anna.verify("carol", carol.fingerprint);
    await anna.lock();
    const { recoveryId } = await anna.startRecovery({ userId: "anna" });
    await anna.finishRecovery({ userId: "anna", recoveryId, code: await code(2), newPassword: "another" });

    for (const userId of ["anna", "nobody"]) await asApplication("/v1/admin/user", { userId });
    await asApplication("/v1/admin/disable", { userId: "carol", disabled: true });
    await assert.rejects(carol.groups(), { code: "forbidden" });
    await until(async () => {
      await asApplication("/v1/admin/journal", { sessionId: session.id, after: 0, proofs: true });
      return recorded.at(-1).answer.proofs.every((proof) => proof !== null);
    }, "the log");
    const asUser = { sessionId: null, after: 0, proofs: true };
    const { status, json } = await server.ask("POST", "/v1/journal", { token: app.token("anna"), body: asUser });
    record("POST", "/v1/journal", asUser, status, json);
    const shared = { shareWith: ["bob", group.id] };
    const entity = await anna.entities.encrypt("Patient", { id: "p1", name: "a name" }, ["name"], shared);
    assert.equal((await bob.entities.decrypt(entity)).name, "a name");
    // What clients don't ask: a version of somebody else's, pairs without any, and of others.
    const asAnna = async (path, body) => {
      const { status, json } = await server.ask("POST", path, { token: app.token("anna"), body });
      record("POST", path, body, status, json);
      return json;
    };
    const [{ input }] = JSON.parse(readFileSync(`${root}testdata/delegation.json`, "utf8")).vectors;
    const version = Buffer.from(input.exchange_keys[0].objects[0], "hex").toString("base64url");
    assert.deepEqual(await asAnna("/v1/exchange-keys", { items: [version] }), { items: [{ error: "forbidden" }] });
    const pairs = [{ pair: "bob→anna" }, { pair: `${group.id}→nobody`, after: 3 }, { pair: "bob→carol" }];
    const opened = await asAnna("/v1/keys", { sessions: [], signers: [], groups: [], pairs });
    const none = { versions: [], more: false };
    assert.deepEqual(opened.pairs, [none, none, { error: "not-a-recipient" }]);
    assert.deepEqual(
      opened.groups.map(({ id }) => id),
      [group.id],
    );
    for (const user of [anna, bob, carol]) await user.close();

    const all = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const answered = new Set(
      recorded.filter(({ status }) => status === 200).map(({ method, pattern }) => `${method} ${pattern}`),
    );
    assert.deepEqual(
      all.filter((asked) => !answered.has(asked)),
      Object.keys(NOT_ASKED),
    );
  });

  it("is true of that story, and of whatever else is asked", { timeout: 300_000 }, async () => {
    const given = app.write(
      "openapi.json",
      JSON.stringify({
        url: server.url,
        tokens: { user: app.token("anna"), application: app.credential },
        described,
        recorded,
      }),
    );
    // Beside this process, which reads the server's log: nobody else does, and it would wait.
    const flags = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "tests/server/test_openapi.py"];
    const checked = spawn(python("tests/server"), flags, {
      cwd: root,
      env: { ...process.env, WARDKEY_OPENAPI: given },
    });
    const [said, complained, [status]] = await Promise.all([
      text(checked.stdout),
      text(checked.stderr),
      once(checked, "close"),
    ]);
    assert.equal(status, 0, `${said}${complained}`.slice(-20_000));
    assert.equal(server.ended, false, "it is still there");
  });
});
