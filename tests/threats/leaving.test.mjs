// The way out: what people wrote by the package over a real key server is opened by tests/interop/leave.py, from the key server's database and a password:  node --test tests/threats/leaving.test.mjs
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { python } from "../../scripts/tools.mjs";
import { PASSWORD, registered } from "../server/client.mjs";
import { Application, command, Server } from "../server/harness.mjs";

const LEAVE = fileURLToPath(new URL("../interop/leave.py", import.meta.url));
const scan = new Uint8Array(3_000_000).map((_, place) => place * 7);

/** What somebody who leaves has: the key server's file, and messages as her application's server kept them. */
async function written(t) {
  const app = new Application();
  t.after(() => app.remove());
  const server = await Server.start(app.flags("--public-rate", "100000"));
  const people = {};
  for (const name of ["ada", "tomas", "grace", "dora"]) people[name] = (await registered(server, app, name)).wardkey;
  const { ada, tomas, grace } = people;
  const kept = app.path("messages");
  mkdirSync(kept);
  const keep = (name, sealed, context) => {
    writeFileSync(join(kept, name), sealed);
    if (context) writeFileSync(join(kept, `${name}.context.json`), JSON.stringify(context));
  };

  const own = await grace.createSession({ recipients: [{ user: "ada" }] });
  const context = { type: "transfer", record: "4567" };
  keep("1.sealed", await own.encrypt("fracture of the left wrist", { context, padding: "padme" }), context);
  const stream = new Blob([scan]).stream().pipeThrough(own.encryptStream({ context: { file: "scan" }, sign: true }));
  keep("scan.sealed", new Uint8Array(await new Response(stream).arrayBuffer()), { file: "scan" });

  // A session of many keys, which the key server keeps in rows of their own.
  const long = await grace.createSession({ recipients: [{ user: "ada" }] });
  for (let key = 0; key < 8; key += 1) await long.rotate();
  keep("long.sealed", await long.encrypt("under the ninth key"));

  // A ward that Ada joins late, and that somebody leaves; her keys are renewed in between.
  const ward = await tomas.createGroup({ name: "Ward 3", members: ["dora"] });
  const shared = await grace.createSession({ recipients: [], managers: [{ group: ward.id }] });
  keep("2.sealed", await shared.encrypt("before she came"));
  await ada.renewKeys({ password: PASSWORD });
  await ward.addMembers(["ada"]);
  await ward.removeMembers(["dora"]);
  await grace.cache.sync();
  const [sealed] = await shared.encryptMany([{ data: "after" }, { data: "and more" }]);
  keep("3.sealed", sealed);

  // A place that the application assigned to it, and what isn't for her.
  const place = await grace.createSession({ recipients: [{ placeholder: "rehab-north" }] });
  keep("4.sealed", await place.encrypt("waited"));
  const admin = ["--url", server.url, "--credential-file", app.path("credential")];
  assert.equal(command("admin", ...admin, "assign", "rehab-north", ward.id).status, 0);
  keep("5.sealed", await (await grace.createSession({ recipients: [] })).encrypt("not hers"));
  keep("6.sealed", await own.encrypt("of another record", { context }), { record: "another" });

  const patient = { id: "1234", born: 1984, name: "Maria Roth" };
  const entity = await tomas.entities.encrypt("Patient", patient, ["name"], { shareWith: [ward.id] });
  assert.equal(entity.name, undefined);
  keep("patient.json", JSON.stringify(entity));

  // By another password than the one that she began with.
  await ada.changePassword({ oldPassword: PASSWORD, newPassword: "four grey geese at dusk" });
  for (const one of Object.values(people)) await one.close();
  await server.stop();
  return { app, kept, file: join(app.path("data"), app.id, "wardkey.db") };
}

test("everything that a user can read opens from the databases, by her password and the format alone", async (t) => {
  const interpreter = python();
  const { app, kept, file } = await written(t);
  const leave = (password, ...more) => {
    const out = app.path(`out-${readdirSync(app.folder).length}`);
    const args = [LEAVE, "--database", file, "--user", "ada", ...more, kept, out];
    const { status, stdout, stderr } = spawnSync(interpreter, args, { input: password, encoding: "utf8" });
    const lines = stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const said = Object.fromEntries(lines.map(({ file, author, error }) => [file, error ?? `by ${author}`]));
    return { status, stderr, out, said };
  };
  const { status, stderr, out, said } = leave("four grey geese at dusk", "--secret-file", app.path("secret"));
  assert.deepEqual(
    said,
    {
      "1.sealed": "by grace",
      "2.sealed": "by grace",
      "3.sealed": "by grace",
      "4.sealed": "by grace",
      "5.sealed": "not-a-recipient",
      "6.sealed": "decryption-failed",
      "long.sealed": "by grace",
      "patient.json": "by undefined",
      "scan.sealed": "by grace",
    },
    stderr,
  );
  assert.equal(status, 1, "something stayed closed");
  const opened = (name) => readFileSync(join(out, name));
  assert.deepEqual(
    ["1", "2", "3", "4", "long"].map((name) => opened(name).toString()),
    ["fracture of the left wrist", "before she came", "after", "waited", "under the ninth key"],
  );
  assert.ok(opened("scan").equals(scan));
  assert.deepEqual(JSON.parse(opened("patient.json")), { id: "1234", born: 1984, name: "Maria Roth" });
  assert.deepEqual(readdirSync(out).length, 7, "and nothing else");
  assert.equal(stderr, "");

  // Without the key server's own keys, what it assigned can't be verified; all else opens.
  const without = leave("four grey geese at dusk");
  assert.deepEqual({ ...without.said }, { ...said, "4.sealed": "bad-signature" });
  const wrong = leave(PASSWORD);
  assert.deepEqual([wrong.status, wrong.said], [2, {}]);
  assert.match(wrong.stderr, /^wrong-password/);
});
