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

/** An entry as the page makes it, in the book of her own facility. */
async function addToAddressBook(demo, someone, facilityId) {
  const { facilities } = await demo.config();
  const group = facilities.find(({ id }) => id === facilityId).groupId;
  const session = await someone.wardkey.createSession({ recipients: [], managers: [{ group }], includeSelf: false });
  const text = JSON.stringify({ at: new Date().toISOString(), after: "", facilities: [], people: [] });
  const sealed = await session.encrypt(text, {
    context: { type: "address-book", group, entry: "0" },
    padding: "padme",
  });
  session.free();
  await someone.ask("POST", "/api/address-book", { entry: 0, sealed: Buffer.from(sealed).toString("base64url") });
  return { group, text };
}

test("everything in the demo's two databases opens by the password of one who may read it", async (t) => {
  const interpreter = python();
  const { data, remove } = folder();
  t.after(remove);
  const demo = await started(data);
  const ada = await login(t, demo, "ada.okafor");
  const { transfers } = await ada.ask("GET", "/api/transfers?box=out");
  await ada.close();
  const noah = await login(t, demo, "noah.brunner");
  const book = await addToAddressBook(demo, noah, "lakeside");
  await noah.close();
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
  assert.equal(readFileSync(join(out, `address-book-${book.group}-0`), "utf8"), book.text);
  assert.ok(of("message").length > 0 && of("file").length > 0);
  for (const name of of("file")) assert.equal(readFileSync(join(out, name)).subarray(0, 5).toString(), "%PDF-", name);
});
