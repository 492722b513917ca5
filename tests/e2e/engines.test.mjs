// The demo page's main stories, in each engine. What needs Chromium's DevTools stands in the other files.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { CLINIC, openDesk, PASSWORD, SERVER } from "./engines/desk.mjs";

const RECORD = {
  patient: "Käthe Müller-Şahin",
  diagnosis: "Ischaemic stroke, I63.4",
  notes: "Left hemiparesis; daily speech therapy.",
};
const SHOWN = {
  "Patient’s name": RECORD.patient,
  "Date of birth": "–",
  Diagnosis: RECORD.diagnosis,
  "Notes for the clinic": RECORD.notes,
};

const stories = {
  async "a record is sent, opened, lost with the keys, and opened again with the password"(desk) {
    const fingerprint = await desk.text(CLINIC, ".fingerprint");
    assert.match(fingerprint, /^[\w-]{43,64}$/);
    await desk.write(RECORD);
    await desk.send();
    assert.deepEqual(await desk.openTransfer(CLINIC), SHOWN);
    await desk.backUpBoth();
    const held = await desk.text(SERVER, ".shelves");
    for (const word of ["Käthe", "stroke", "hemiparesis", PASSWORD]) assert.ok(!held.includes(word), word);
    await desk.wipe();
    assert.equal(await desk.readsNow(CLINIC, RECORD.diagnosis), false, "the record is off the page");
    assert.equal(await desk.text(SERVER, ".shelves"), held, "the wipe doesn't touch the server");
    await desk.unlock(CLINIC);
    assert.equal(await desk.text(CLINIC, ".fingerprint"), fingerprint, "the same key came back");
    assert.deepEqual(await desk.openTransfer(CLINIC), SHOWN);
  },

  async "a file of several megabytes arrives byte for byte"(desk, folder) {
    const bytes = randomBytes(7 * 1024 * 1024 + 4321);
    const path = join(folder, "scan of the hip.dcm");
    await writeFile(path, bytes);
    await desk.send(path);
    await desk.click(CLINIC, "Open transfer");
    const { name, bytes: saved } = await desk.saveFile(CLINIC);
    assert.equal(name, "scan of the hip.dcm");
    assert.ok(bytes.equals(saved), "the same bytes");
    assert.equal(await desk.text(CLINIC, ".result .grouped"), createHash("sha256").update(bytes).digest("hex"));
    await desk.reads(CLINIC, "The same as the sender’s.");
  },

  async "P3: a record of URLs and HTML is text, and nothing in it is fetched"(desk) {
    const hostile = ["/fetched", `${desk.url}fetched`, "http://localhost:9/fetched"]
      .map((url) => `${url} <img src="${url}" onerror="document.title=1"><script src="${url}"></script>`)
      .join(" ");
    const patient = '<img src="/fetched" onerror="document.title=1">';
    await desk.write({ patient, notes: `${hostile}<style>@import "/fetched"</style>` });
    await desk.send();
    const before = desk.requests.length;
    const record = await desk.openTransfer(CLINIC);
    assert.equal(record["Patient’s name"], patient);
    assert.ok(record["Notes for the clinic"].startsWith(hostile));
    assert.equal(await desk.count(CLINIC, ".record img, .record script, .record style"), 0);
    // A request that was begun has come by then.
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual(desk.requests.slice(before), [], "no request after decrypting");
  },

  async "the server's contents are saved, and loaded after a reload"(desk) {
    await desk.write(RECORD);
    await desk.send();
    await desk.backUpBoth();
    const { path } = await desk.saved(() => desk.click(SERVER, "Save server contents to a file"));
    await desk.reload();
    await desk.locked();
    await desk.type(SERVER, "Load from a file", path);
    await desk.reads(SERVER, "Loaded: 1 transfer, 2 backups.");
    await desk.unlock(CLINIC);
    assert.deepEqual(await desk.openTransfer(CLINIC), SHOWN);
  },

  async "a wrong password opens nothing, and says so"(desk) {
    await desk.backUpBoth();
    await desk.wipe();
    await desk.type(CLINIC, "Password", "not this one");
    await desk.click(CLINIC, "Unlock");
    await desk.reads(CLINIC, "wrong-password");
    assert.ok(await desk.readsNow(CLINIC, "Locked"));
    await desk.unlock(CLINIC);
  },

  async "axe finds nothing"(desk, folder) {
    const findsNothing = async (where) => {
      const found = await desk.browser.run(() => globalThis.look.axe());
      assert.deepEqual(found, [], `axe, ${where}`);
    };
    await findsNothing("first start");
    const path = join(folder, "scan.bin");
    await writeFile(path, randomBytes(1000));
    await desk.write(RECORD);
    await desk.send(path);
    await desk.openTransfer(CLINIC);
    await findsNothing("opened");
    await desk.backUpBoth();
    await desk.wipe();
    await findsNothing("locked");
  },
};

async function wholeStory(desk, folder) {
  const letter = Buffer.from("Dear colleague, ".repeat(50_000));
  const path = join(folder, "letter.txt");
  await writeFile(path, letter);
  await desk.write(RECORD);
  await desk.send(path);
  await desk.backUpBoth();
  await desk.wipe();
  await desk.unlock(CLINIC);
  assert.equal((await desk.openTransfer(CLINIC)).Diagnosis, RECORD.diagnosis);
  assert.ok(letter.equals((await desk.saveFile(CLINIC)).bytes));
}

for (const engine of present()) {
  await test(`the demo page in ${ENGINES[engine].browser}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wardkey-e2e-"));
    t.after(() => rm(folder, { recursive: true }));
    const desk = await openDesk(engine);
    t.after(() => desk.close());

    const told = (name, page, run) =>
      t.test(name, { timeout: 120_000 }, async () => {
        await desk.open(page);
        await run(desk, folder);
        await desk.assertQuiet();
      });
    for (const [name, story] of Object.entries(stories)) {
      await told(name, "index", async () => {
        await desk.ready();
        await story(desk, folder);
      });
    }
    for (const [page, name] of [
      ["no-storage", "all storage blocked: everything works, from memory"],
      ["no-webcrypto", "no WebCrypto: everything works, without digests"],
    ]) {
      await told(name, page, async () => {
        await desk.ready();
        await wholeStory(desk, folder);
      });
    }
    await told("no WebAssembly: the page says so, in words", "no-webassembly", async () => {
      await desk.reads(null, "unsupported-environment");
      await desk.reads(null, "Nothing can be encrypted here");
    });

    await t.test("a violation of the policy would be seen", async () => {
      await desk.open();
      await desk.ready();
      await desk.assertQuiet();
      await desk.browser.run(() => {
        new Image().src = "http://localhost:9/fetched";
      });
      await desk.browser.until("the report", () => globalThis.problems.length > 0);
      await assert.rejects(desk.assertQuiet(), /not quiet/);
    });
  });
}
