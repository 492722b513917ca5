// The way out of the demo: its two databases and one clinician's password give all that her facility has, by the Python decoder alone.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../../scripts/run.mjs";
import { python } from "../../scripts/tools.mjs";
import { folder, login, person, started } from "./world.mjs";

const interop = (name) => fileURLToPath(new URL(`../interop/${name}`, import.meta.url));

test("everything in the demo's two databases opens by the password of one who may read it", async (t) => {
  const interpreter = python();
  const { data, remove } = folder();
  t.after(remove);
  const demo = await started(data);
  const ada = await login(t, demo, "ada.okafor");
  const { transfers } = await ada.ask("GET", "/api/transfers?box=out");
  await ada.close();
  await demo.stop();

  const [messages, out] = [join(data, "messages"), join(data, "opened")];
  run(interpreter, [interop("demo_messages.py"), join(data, "app/demo.db"), messages], { quiet: true });
  const keys = [
    "--database",
    join(data, "keys/transfers.example/wardkey.db"),
    "--secret-file",
    join(data, "secrets/secret"),
  ];
  // Somebody of the clinic to which all was sent, who reads by its group alone.
  const { userId, password } = person("noah.brunner");
  const said = run(interpreter, [interop("leave.py"), ...keys, "--user", userId, messages, out], {
    quiet: true,
    input: password,
  });
  const lines = said
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.filter(({ error }) => error),
    [],
  );
  assert.ok(
    lines.every(({ author }) => typeof author === "string"),
    "all is signed",
  );
  const of = (kind) => readdirSync(out).filter((name) => name.startsWith(`${kind}-`));
  const names = transfers.map(({ id }) => `transfer-${id}`);
  assert.equal(names.length, 12);
  assert.deepEqual(of("transfer").toSorted(), names.toSorted());
  for (const name of of("transfer")) assert.ok(JSON.parse(readFileSync(join(out, name), "utf8")).from, name);
  assert.ok(of("message").length > 0 && of("file").length > 0);
  for (const name of of("file")) assert.equal(readFileSync(join(out, name)).subarray(0, 5).toString(), "%PDF-", name);
});
