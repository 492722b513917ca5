// The journal on the command line: exported, verified, and found out when somebody changed it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { registered } from "./client.mjs";
import { Application, command, Server, until } from "./harness.mjs";

describe("the journal", () => {
  let app;
  let server;
  let session;
  before(async () => {
    app = new Application();
    server = await Server.start(app.flags("--user-rate", "1000"));
    const alice = await registered(server, app, "alice");
    const bob = await registered(server, app, "bob");
    session = await alice.wardkey.createSession({ recipients: [{ user: "bob" }] });
    const sealed = await session.encrypt(new TextEncoder().encode("a finding"));
    await bob.wardkey.decrypt(sealed);
    await session.revokeRecipients([{ user: "bob" }]);
    for (const { wardkey } of [alice, bob]) await wardkey.close();
  });
  after(async () => {
    await server?.stop();
    app?.remove();
  });
  const place = () => ["--data", app.path("data"), "--secret-file", app.path("secret")];
  const admin = (...args) =>
    command("admin", "--url", server.url, "--credential-file", app.path("credential"), ...args);

  it("of all is verified in the database while the server runs, and in a file without it", () => {
    const checked = command("verify-journal", ...place());
    assert.equal(checked.status, 0, checked.stderr);
    const report = JSON.parse(checked.stdout);
    assert.ok(report.rows >= 4 && report.entries >= report.rows && report.subjects === 3, checked.stdout);
    const file = app.path("journal.jsonl");
    assert.equal(command("export-journal", ...place(), file).status, 0);
    const again = JSON.parse(command("verify-journal", "--file", file, "--key-server", report.keyServer).stdout);
    assert.deepEqual(again, report);
    const other = command("verify-journal", "--file", file, "--key-server", "A".repeat(43));
    assert.match(other.stderr, /another key server/);
    assert.match(command("export-journal", ...place(), file).stderr, /exists/);
  });

  it("of one session is verified by whoever sees nothing else", async () => {
    // What happened just now comes into the log a little later.
    let [count, file, report] = [0, "", {}];
    await until(() => {
      count += 1;
      file = app.path(`one-${count}.jsonl`);
      const exported = admin("export-journal", "--app", app.id, "--session", session.id, file);
      assert.equal(exported.status, 0, exported.stderr);
      const { status, stdout, stderr } = command("verify-journal", "--file", file);
      assert.equal(status, 0, stderr);
      report = JSON.parse(stdout);
      return report.logged === report.entries;
    }, "the log");
    const text = readFileSync(file, "utf8");
    assert.deepEqual([report.sessionId, report.entries, report.logged], [session.id, 3, 3]);
    assert.equal(JSON.parse(command("verify-journal", ...place()).stdout).head, report.head);
    const names = admin("journal", "--session", session.id)
      .stdout.split("\n")
      .map((line) => JSON.parse(line).action);
    assert.deepEqual(names, ["create", "release", "revoke"]);
    assert.ok(!text.includes(Buffer.from("register").toString("base64url")));
    for (const [line, changed] of changes(text)) {
      const broken = app.write("broken.jsonl", changed);
      assert.notEqual(command("verify-journal", "--file", broken).status, 0, `line ${line}`);
    }
  });

  it("is found out where a row is missing, changed, exchanged, or another than the one that was kept", () => {
    const file = app.path("whole.jsonl");
    command("export-journal", ...place(), file);
    const text = readFileSync(file, "utf8");
    const { head } = JSON.parse(command("verify-journal", "--file", file).stdout);
    for (const [line, changed] of changes(text)) {
      const { status, stderr } = command("verify-journal", "--file", app.write("changed.jsonl", changed));
      assert.notEqual(status, 0, `line ${line}`);
      assert.match(stderr, /changed.jsonl: /);
    }
    // Cut off, with an end that is as it should be: only a head that was kept tells.
    const lines = text.trim().split("\n");
    const cut = app.write(
      "cut.jsonl",
      [...lines.slice(0, -2), JSON.stringify({ rows: lines.length - 3 }), ""].join("\n"),
    );
    assert.equal(command("verify-journal", "--file", cut).status, 0);
    const kept = app.write("head", `${head}\n`);
    assert.notEqual(command("verify-journal", "--file", cut, "--head", kept).status, 0);
    assert.equal(command("verify-journal", "--file", file, "--head", kept).status, 0);
    const [number] = head.split(" ");
    const fork = app.write("fork", `${number} ${"A".repeat(43)}\n`);
    assert.notEqual(command("verify-journal", ...place(), "--head", fork).status, 0);
  });

  it("is found out in the database itself", async () => {
    await server.stop();
    const database = join(app.path("data"), app.id, "wardkey.db");
    const script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()";
    const sql = "DELETE FROM journal_header WHERE number = 2";
    const changed = spawnSync("python3", ["-c", script, database, sql], { encoding: "utf8" });
    assert.equal(changed.status, 0, changed.stderr);
    const { status, stderr } = command("verify-journal", ...place());
    assert.notEqual(status, 0);
    assert.match(stderr, /row 2/);
    server = await Server.start(app.flags());
  });
});

/** The lines of a file, each left out, doubled, exchanged with the next, and with one character changed. */
function* changes(text) {
  const lines = text.trim().split("\n");
  for (let line = 1; line < lines.length - 1; line++) {
    const without = lines.toSpliced(line, 1);
    const doubled = lines.toSpliced(line, 0, lines[line]);
    const exchanged = line + 2 < lines.length ? lines.toSpliced(line, 2, lines[line + 1], lines[line]) : undefined;
    const place = lines[line].length >> 1;
    const other = lines[line][place] === "A" ? "B" : "A";
    const altered = lines.with(line, lines[line].slice(0, place) + other + lines[line].slice(place + 1));
    for (const changed of [without, doubled, exchanged, altered]) {
      if (changed) yield [line, `${changed.join("\n")}\n`];
    }
  }
}
