import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { bytesOf, CLINIC_ID, PASSWORD, startSite, WARD_ID } from "./harness.mjs";
import { readSaved, writeSaved } from "./saved-file.mjs";

const RECORD = {
  patient: "Käthe Müller-Şahin",
  born: "1948-12-31",
  diagnosis: "Ischaemic stroke, I63.4",
  notes: "Left hemiparesis.\nSwallows safely; 🩺 daily speech therapy.",
};
const RECORD_SHOWN = {
  "Patient’s name": RECORD.patient,
  "Date of birth": "31 December 1948",
  Diagnosis: RECORD.diagnosis,
  "Notes for the clinic": RECORD.notes,
};
const TELLTALES = ["Käthe", "Müller", "1948", "stroke", "hemiparesis", "scan of", PASSWORD];

let site;
let folder;

before(async () => {
  site = await startSite();
  folder = await mkdtemp(join(tmpdir(), "wardkey-e2e-"));
});

after(async () => {
  await site?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** Runs a test on a page of its own, in a browser profile of its own, and fails if the page wasn't quiet. */
function onPage(name, run, options) {
  test(name, { timeout: 120_000 }, async () => {
    const visit = await site.visit(options);
    try {
      await visit.ready();
      await run(visit);
    } catch (error) {
      await visit.page.context().close();
      if (visit.problems.length > 0) error.message += `\nThe page said: ${visit.problems.join("; ")}`;
      throw error;
    }
    await visit.close();
  });
}

function assertNothingReadable(text, where) {
  for (const word of TELLTALES) assert.ok(!text.includes(word), `${where} contains “${word}”`);
}

describe("the story", () => {
  onPage("a record is sent, opened, lost with the keys, and opened again with the password", async (visit) => {
    const { ward, clinic, server } = visit;
    const fingerprints = [await ward.fingerprint(), await clinic.fingerprint()];
    assert.equal(new Set(fingerprints).size, 2);
    for (const fingerprint of fingerprints) assert.match(fingerprint, /^[\w-]{43,64}$/);

    await ward.write(RECORD);
    await ward.send();
    await clinic.open();
    assert.deepEqual(await clinic.readRecord(), RECORD_SHOWN);
    await ward.open();
    assert.deepEqual(await ward.readRecord(), RECORD_SHOWN, "the sender can read it too");

    await visit.backUpBoth();
    const shelves = server.locator(".shelves");
    const holdings = await shelves.textContent();
    assertNothingReadable(holdings, "what the server holds");
    assert.match(holdings, /Key id: [\w-]{22}/);
    assert.match(holdings, /57 4b 4d 53 01/, "the sealed record is shown in hex");
    assert.match(holdings, /57 4b 57 53 01/, "the wrap set too");
    assert.match(holdings, /57 4b 42 4b 01/, "and the backups");
    assertNothingReadable((await visit.save()).toString("utf8"), "the saved server");

    await visit.wipe();
    await visit.locked();
    const typed = await visit.page.evaluate(() =>
      [...document.querySelectorAll("input, textarea")].map(({ value }) => value).join("\n"),
    );
    assertNothingReadable((await visit.page.locator("body").textContent()) + typed, "the locked page");
    await clinic.open();
    assert.match(await clinic.error("locked"), /The private key is gone/);
    assert.ok((await shelves.textContent()) === holdings, "the wipe does not touch the server");

    for (const pane of [ward, clinic]) {
      await pane.unlock();
      await pane.open();
      assert.deepEqual(await pane.readRecord(), RECORD_SHOWN);
    }
    assert.deepEqual([await ward.fingerprint(), await clinic.fingerprint()], fingerprints, "the same keys came back");
    assert.equal(await visit.page.locator(".story li.done").count(), 6);
  });

  onPage("a file of several megabytes arrives byte for byte", async ({ ward, clinic, server }) => {
    const bytes = randomBytes(7 * 1024 * 1024 + 4321);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const name = "scan of the hip – 1 (final).dcm";
    const path = join(folder, name);
    await writeFile(path, bytes);

    await ward.attach(path);
    await ward.send();
    assert.equal(await ward.region.locator(".result .grouped").textContent(), digest, "the sender's SHA-256");
    assertNothingReadable(await server.textContent(), "what the server holds");

    await clinic.open();
    const download = await clinic.saveFile();
    assert.equal(download.suggestedFilename(), name);
    assert.ok(bytes.equals(await bytesOf(download)), "the same bytes");
    assert.equal(await clinic.region.locator(".result .grouped").textContent(), digest, "the receiver's SHA-256");
    await clinic.region.getByText("The same as the sender’s.").waitFor();
  });

  for (const size of [0, 1, 16_383, 16_384, 16_385]) {
    onPage(`a file of ${size} bytes arrives too`, async ({ ward, clinic }) => {
      const bytes = randomBytes(size);
      await ward.attach({ name: "small.bin", mimeType: "application/octet-stream", buffer: bytes });
      await ward.send();
      await clinic.open();
      assert.ok(bytes.equals(await bytesOf(await clinic.saveFile())));
    });
  }

  onPage("what was written is shown as text, never as markup, and a file name is only a name", async (visit) => {
    const { ward, clinic, page } = visit;
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await ward.write({ patient: hostile, notes: hostile });
    await ward.attach({ name: "report\u202Efdp.exe", mimeType: "text/html", buffer: Buffer.from(hostile) });
    await ward.send();
    await clinic.open();
    assert.equal((await clinic.readRecord())["Patient’s name"], hostile);
    assert.equal(await clinic.record().locator("img, script").count(), 0);
    const download = await clinic.saveFile();
    assert.ok(!download.suggestedFilename().includes("\u202E"));
    assert.match(await page.title(), /^A patient transfer in small/);
  });

  onPage("an empty form is refused in words, beside the field", async ({ ward, server }) => {
    await ward.button("Encrypt and send").click();
    await ward.region.getByText("Please enter the patient’s name or attach a file.").waitFor();
    assert.equal(await ward.field("Patient’s name").getAttribute("aria-invalid"), "true");
    assert.equal(await server.getByText("Sealed record").count(), 0);
  });
});

describe("passwords", () => {
  onPage("a wrong password is a clear error, and changes nothing", async (visit) => {
    const { ward, clinic } = visit;
    await ward.write(RECORD);
    await ward.send();
    await visit.backUpBoth();
    await visit.wipe();
    await clinic.tryPassword(`${PASSWORD} `);
    assert.match(await clinic.error("wrong-password"), /not the password of this backup/);
    await clinic.badge("Locked").waitFor();
    assert.equal(await clinic.field("Password").inputValue(), "");
    assert.ok(await clinic.field("Password").evaluate((input) => input === document.activeElement));
    await clinic.tryPassword("a\u0007b");
    await clinic.error("password-format");
    await clinic.unlock();
    await clinic.open();
    assert.deepEqual(await clinic.readRecord(), RECORD_SHOWN);
  });

  onPage("a new password is asked for twice and must not be short", async ({ ward, server }) => {
    await ward.region.getByText("Back up the private key").click();
    await ward.field("Password").fill("short");
    await ward.button("Seal and back up").click();
    await ward.region.getByText("Please use at least 10 characters.").waitFor();
    await ward.field("Password").fill(PASSWORD);
    await ward.field("Repeat the password").fill(`${PASSWORD}!`);
    await ward.button("Seal and back up").click();
    await ward.region.getByText("The two passwords differ.").waitFor();
    assert.equal(await server.getByText("Sealed private key").count(), 0);
  });

  onPage("backing up again replaces the password", async (visit) => {
    await visit.backUpBoth();
    await visit.ward.backUp("an entirely different one");
    await visit.wipe();
    await visit.ward.tryPassword(PASSWORD);
    await visit.ward.error("wrong-password");
    await visit.ward.unlock("an entirely different one");
  });
});

describe("the nightly wipe", () => {
  onPage("really empties the browser's storage", async (visit) => {
    const { ward, clinic, page } = visit;
    await ward.write(RECORD);
    await ward.send();
    await clinic.open();
    await clinic.record().waitFor();
    await visit.backUpBoth();
    // storage that isn't the page's own goes as well
    await page.evaluate(async () => {
      sessionStorage.setItem("stray", "1");
      await caches.open("stray");
      await new Promise((resolve) => {
        const opening = indexedDB.open("stray");
        opening.onsuccess = () => resolve(opening.result.close());
      });
    });
    await visit.browser.getByText("2 databases").or(visit.browser.getByText("1 database")).waitFor();
    const before = await visit.storage();
    assert.ok(before.localStorage.length > 0, "there is something to wipe");
    assert.ok(before.databases.includes("wardkey-demo"));
    assertNothingReadable(JSON.stringify(before), "the browser's storage");

    await visit.wipe();
    const nothing = { localStorage: [], sessionStorage: [], databases: [], caches: [] };
    assert.deepEqual(await visit.storage(), nothing);
    await visit.locked();
    assert.equal(await visit.browser.getByText("empty", { exact: true }).count(), 5);
    assert.equal(await visit.browser.getByText("gone", { exact: true }).count(), 2);
    assert.deepEqual(await visit.storage(), nothing, "and nothing comes back by itself");
  });

  onPage("asks before a key without a backup is lost; then a new key pair starts over", async (visit) => {
    const { ward, clinic, page } = visit;
    await ward.write(RECORD);
    await ward.send();
    await ward.backUp(PASSWORD);
    await page.getByRole("button", { name: "Nightly wipe" }).click();
    const dialog = visit.dialog("Wipe without a backup?");
    assert.match(await dialog.textContent(), /Dr. Tomás Okafor/);
    assert.doesNotMatch(await dialog.textContent(), /Lindqvist/);
    await page.keyboard.press("Escape");
    await clinic.badge("Key in memory").waitFor();

    await page.getByRole("button", { name: "Nightly wipe" }).click();
    await dialog.getByRole("button", { name: "Wipe anyway" }).click();
    await visit.locked();
    await clinic.button("Start over with a new key pair").click();
    await visit.dialog("Start over").getByRole("button", { name: "Create new keys" }).click();
    await clinic.badge("Key in memory").waitFor();
    await clinic.open();
    await clinic.error("not-a-recipient");
    assert.equal(await clinic.record().count(), 0);
  });
});

describe("the server's file", () => {
  onPage("save, reload, load, unlock, open", async (visit) => {
    const { ward, clinic, page } = visit;
    const bytes = randomBytes(300_000);
    await ward.write(RECORD);
    await ward.attach({ name: "letter.pdf", mimeType: "application/pdf", buffer: bytes });
    await ward.send();
    await visit.backUpBoth();
    const fingerprint = await clinic.fingerprint();
    const saved = await visit.save();

    await page.reload();
    await visit.locked();
    await clinic.region.getByText("The server holds no backup of it.").waitFor();
    await visit.load(saved);
    await visit.server.getByText("Loaded: 1 transfer, 2 backups.").waitFor();
    await clinic.unlock();
    assert.equal(await clinic.fingerprint(), fingerprint);
    await clinic.open();
    assert.equal((await clinic.readRecord()).Diagnosis, RECORD.diagnosis);
    assert.ok(bytes.equals(await bytesOf(await clinic.saveFile())));
    assert.deepEqual(await visit.save(), saved, "what was loaded is what was saved");
  });

  onPage("after a wipe and a reload, a file with other keys is loaded only when agreed to", async (visit) => {
    const { ward, clinic, page } = visit;
    await ward.write(RECORD);
    await ward.send();
    await visit.backUpBoth();
    const fingerprint = await clinic.fingerprint();
    const saved = await visit.save();
    await visit.wipe();
    await page.reload();
    await visit.ready();
    const stranger = await clinic.fingerprint();
    assert.notEqual(stranger, fingerprint);

    await visit.load(saved);
    const dialog = visit.dialog("Replace what the page holds?");
    assert.match(await dialog.textContent(), /another public key/);
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await clinic.fingerprint(), stranger);

    await visit.load(saved);
    await dialog.getByRole("button", { name: "Load the file" }).click();
    await visit.locked();
    await clinic.unlock();
    assert.equal(await clinic.fingerprint(), fingerprint);
    await clinic.open();
    assert.deepEqual(await clinic.readRecord(), RECORD_SHOWN);
  });

  /** A saved server with two transfers and both backups, the keys still in memory. */
  async function twoTransfers(visit) {
    for (const patient of ["Käthe Müller-Şahin", "Jonas Falk"]) {
      await visit.ward.write({ ...RECORD, patient });
      await visit.ward.send();
    }
    await visit.backUpBoth();
    return readSaved(await visit.save());
  }

  /** Loads the changed file and opens its newest transfer: no word of the record, and this code. */
  async function opensAs(visit, { manifest, parts }, code) {
    await visit.loadAndSettle(writeSaved(manifest, parts));
    await visit.server.getByText(/^Loaded:/).waitFor();
    await visit.clinic.open();
    const words = await visit.clinic.error(code);
    assert.equal(await visit.clinic.record().count(), 0);
    assert.ok(!(await visit.clinic.region.textContent()).includes("hemiparesis"));
    return words;
  }

  onPage("a flipped bit anywhere in a sealed record is an error, without plaintext", async (visit) => {
    const { manifest, parts } = await twoTransfers(visit);
    const [newest] = parts;
    // the key id, the commitment, the ciphertext, the tag
    for (const at of [8, 50, 120, newest.length - 1]) {
      const changed = Buffer.from(newest);
      changed[at] ^= 1;
      const words = await opensAs(visit, { manifest, parts: [changed, parts[1]] }, "decryption-failed");
      assert.match(words, /changed on its way/);
    }
  });

  onPage("records, wraps and senders exchanged between transfers are errors", async (visit) => {
    const { manifest, parts } = await twoTransfers(visit);
    const [first, second] = manifest.transfers;
    const withFirst = (change) => ({ ...manifest, transfers: [{ ...first, ...change }, second] });
    const sizes = { parts: second.parts };
    await opensAs(visit, { manifest: withFirst(sizes), parts: [parts[1], parts[1]] }, "decryption-failed");
    await opensAs(visit, { manifest: withFirst({ wraps: second.wraps }), parts }, "unwrap-failed");
    await opensAs(visit, { manifest: withFirst({ id: "0".repeat(32) }), parts }, "unwrap-failed");
    await opensAs(visit, { manifest: withFirst({ from: CLINIC_ID }), parts }, "unwrap-failed");
  });

  onPage("a sealed record that is cut is an error", async (visit) => {
    const { manifest, parts } = await twoTransfers(visit);
    const cut = parts[0].subarray(0, -20);
    const [first, second] = manifest.transfers;
    const shorter = { ...first, parts: [{ field: "record", size: cut.length }] };
    await opensAs(
      visit,
      { manifest: { ...manifest, transfers: [shorter, second] }, parts: [cut, parts[1]] },
      "decryption-failed",
    );
  });

  onPage("a changed backup, or somebody else's, brings no key back", async (visit) => {
    const { manifest, parts } = await twoTransfers(visit);
    await visit.wipe();
    const backups = Object.fromEntries(manifest.backups.map((entry) => [entry.userId, entry.backup]));
    const withBackups = (change) => ({
      ...manifest,
      backups: manifest.backups.map((entry) => ({ ...entry, backup: change[entry.userId] ?? entry.backup })),
    });
    const flipped = Buffer.from(backups[CLINIC_ID], "base64url");
    flipped[flipped.length - 1] ^= 1;
    const cases = [
      [{ [CLINIC_ID]: flipped.toString("base64url") }, "decryption-failed"],
      [{ [CLINIC_ID]: backups[WARD_ID] }, "key-mismatch"],
      [{ [CLINIC_ID]: Buffer.from("no backup at all").toString("base64url") }, "invalid-format"],
    ];
    for (const [change, code] of cases) {
      await visit.loadAndSettle(writeSaved(withBackups(change), parts));
      await visit.server.getByText(/^Loaded:/).waitFor();
      await visit.clinic.tryPassword(PASSWORD);
      await visit.clinic.error(code);
      await visit.clinic.badge("Locked").waitFor();
    }
  });

  onPage("what isn't a whole, well-formed file is refused, and nothing is loaded", async (visit) => {
    const { manifest, parts } = await twoTransfers(visit);
    const good = writeSaved(manifest, parts);
    const [first, second] = manifest.transfers;
    const changed = (change) => writeSaved({ ...manifest, ...change }, parts);
    const cases = [
      [Buffer.alloc(0), "file-kind"],
      [Buffer.from("%PDF-1.7 something else entirely"), "file-kind"],
      [Buffer.concat([Buffer.from("wardkey-demo/2\n"), good.subarray(15)]), "file-version"],
      [good.subarray(0, 17), "file-cut"],
      [good.subarray(0, 400), "file-cut"],
      [good.subarray(0, -1), "file-cut"],
      [Buffer.concat([good, Buffer.from([0])]), "file-content: end of file"],
      [Buffer.concat([good.subarray(0, 19), Buffer.from("x"), good.subarray(20)]), "file-content: manifest"],
      [changed({ extra: 1 }), "file-content: manifest"],
      [changed({ transfers: {} }), "file-content: transfers"],
      [changed({ transfers: [first, { ...second, id: first.id }] }), "file-content: transfers[1].id"],
      [changed({ transfers: [{ ...first, sentAt: "yesterday" }, second] }), "file-content: transfers[0].sentAt"],
      [changed({ transfers: [{ ...first, from: "mallory" }, second] }), "file-content: transfers[0].from"],
      [changed({ transfers: [{ ...first, wraps: "not base64!" }, second] }), "file-content: transfers[0].wraps"],
      [changed({ directory: [manifest.directory[0], manifest.directory[0]] }), "file-content: directory[1].userId"],
      [changed({ directory: [{ userId: WARD_ID, publicKey: "x" }] }), "file-content: directory[0].publicKey"],
      [changed({ directory: [manifest.directory[0]] }), "file-content: backups"],
      [writeSaved(manifest, [Buffer.alloc(parts[0].length), parts[1]]), "file-content: transfers[0].parts[0]"],
    ];
    const before = await visit.save();
    for (const [buffer, code] of cases) {
      await visit.loadAndSettle(buffer);
      await visit.server.getByText(code, { exact: true }).waitFor();
      await visit.server.getByText("Nothing was loaded.").waitFor();
    }
    assert.deepEqual(await visit.save(), before);
  });
});

describe("large files", () => {
  onPage("encryption shows its progress and can be cancelled", async ({ page, ward, server }) => {
    const path = join(folder, "large.bin");
    const file = await open(path, "w");
    await file.truncate(768 * 1024 * 1024);
    await file.close();
    await ward.attach(path);
    await ward.write({ patient: RECORD.patient });
    await ward.button("Encrypt and send").click();
    const progress = ward.region.getByRole("progressbar", { name: "Encrypting large.bin" });
    await progress.waitFor();
    await page.waitForFunction((bar) => bar.position > 0, await progress.elementHandle());
    await ward.button("Cancel").click();
    await ward.region.getByText("Cancelled. Nothing was sent.").waitFor();
    assert.equal(await server.getByText("Sealed file").count(), 0);
    assert.equal(await ward.field("Patient’s name").inputValue(), RECORD.patient, "what was written is still there");
    await ward.button("Remove the file").click();
    await ward.send();
  });

  onPage("a wipe ends what is under way", async (visit) => {
    const { ward, page, server } = visit;
    const path = join(folder, "wiped.bin");
    const file = await open(path, "w");
    await file.truncate(768 * 1024 * 1024);
    await file.close();
    await visit.backUpBoth();
    await ward.attach(path);
    await ward.button("Encrypt and send").click();
    const progress = ward.region.getByRole("progressbar", { name: "Encrypting wiped.bin" });
    await progress.waitFor();
    await page.getByRole("button", { name: "Nightly wipe" }).click();
    await visit.locked();
    await progress.waitFor({ state: "hidden" });
    assert.equal(await server.getByText("Sealed file").count(), 0);
    await ward.unlock();
    assert.equal(await ward.field("Patient’s name").inputValue(), "");
  });

  onPage("one that is too large is refused in words", async ({ ward, server }) => {
    const path = join(folder, "huge.bin");
    const file = await open(path, "w");
    await file.truncate(1024 ** 3 + 1);
    await file.close();
    await ward.attach(path);
    await ward.button("Encrypt and send").click();
    assert.match(await ward.error("file-too-large"), /up to 1.0 GiB/);
    assert.equal(await server.getByText("Sealed file").count(), 0);
  });
});

describe("poorer browsers", () => {
  const LETTER = Buffer.from("Dear colleague, ".repeat(50_000));

  async function wholeStory(visit) {
    const { ward, clinic } = visit;
    await ward.write(RECORD);
    await ward.attach({ name: "letter.txt", mimeType: "text/plain", buffer: LETTER });
    await ward.send();
    await visit.backUpBoth();
    await visit.wipe();
    await clinic.unlock();
    await clinic.open();
    assert.equal((await clinic.readRecord()).Diagnosis, RECORD.diagnosis);
    assert.ok(LETTER.equals(await bytesOf(await clinic.saveFile())));
  }

  onPage("all storage blocked: everything works, from memory", wholeStory, {
    prepare: () => {
      const refuse = () => {
        throw new DOMException("blocked", "SecurityError");
      };
      for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
        Object.defineProperty(window, name, { get: refuse });
    },
  });

  onPage("no WebCrypto (plain http on an intranet): everything works, without digests", wholeStory, {
    prepare: () => Object.defineProperty(Crypto.prototype, "subtle", { value: undefined }),
  });

  test("no WebAssembly: the page says so, in words", async () => {
    const visit = await site.visit({ prepare: () => Reflect.deleteProperty(globalThis, "WebAssembly") });
    await visit.page.getByRole("status").getByText("unsupported-environment").waitFor();
    assert.match(await visit.page.locator("#notice").textContent(), /Nothing can be encrypted here/);
    await visit.close();
  });
});

describe("for everybody", () => {
  const axeSource = createRequire(import.meta.url)("axe-core").source;

  async function findsNothing(page, where) {
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    assert.deepEqual(found, [], `axe, ${where}`);
  }

  for (const colorScheme of ["light", "dark"]) {
    onPage(
      `axe finds nothing in the ${colorScheme} page, at any step`,
      async (visit) => {
        const { ward, clinic, page } = visit;
        await findsNothing(page, "first start");
        await ward.write(RECORD);
        await ward.attach({ name: "scan.bin", mimeType: "", buffer: randomBytes(1000) });
        await ward.send();
        await clinic.open();
        await clinic.button(/^Decrypt the file/).click();
        await clinic.region.getByRole("link", { name: "Save scan.bin" }).waitFor();
        await ward.button("Encrypt and send").click();
        for (const summary of await page.locator("summary").all()) await summary.click();
        await findsNothing(page, "opened");
        for (const summary of await page.locator("summary").all()) await summary.click();
        await visit.page.getByRole("button", { name: "Nightly wipe" }).click();
        await visit.dialog("Wipe without a backup?").waitFor();
        await findsNothing(page, "dialog");
        await page.keyboard.press("Escape");
        await visit.backUpBoth();
        await visit.wipe();
        await clinic.tryPassword("not this one");
        await clinic.error("wrong-password");
        await findsNothing(page, "locked");
      },
      { colorScheme },
    );
  }

  onPage(
    "at 360 pixels nothing scrolls sideways",
    async (visit) => {
      const fits = async (where) => {
        const [content, window] = await visit.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(content <= window, `${where}: ${content} pixels in ${window}`);
      };
      const { ward, clinic } = visit;
      await fits("first start");
      await ward.write({ ...RECORD, patient: "X".repeat(200), notes: "Y".repeat(500) });
      await ward.attach({ name: `${"long-name-".repeat(20)}.dcm`, mimeType: "", buffer: randomBytes(1000) });
      await fits("filled in");
      await ward.send();
      await clinic.open();
      await clinic.button(/^Decrypt the file/).click();
      await clinic.region.getByRole("link", { name: /^Save/ }).waitFor();
      await visit.backUpBoth();
      for (const summary of await visit.page.locator("summary").all()) await summary.click();
      await fits("everything open");
      await visit.wipe();
      await fits("locked");
    },
    { viewport: { width: 360, height: 740 } },
  );

  onPage("the keyboard alone is enough", async ({ page }) => {
    const focusedName = () =>
      page.evaluate(() => {
        const element = document.activeElement;
        const name = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
        return `${element.closest("section, dialog")?.querySelector("h2")?.textContent}: ${name}`;
      });
    /** Walks with the Tab key to the control of that name; it must be seen to have the focus. */
    const tabTo = async (section, name) => {
      const seen = [];
      for (let steps = 0; steps < 80; steps++) {
        await page.keyboard.press("Tab");
        const focused = await focusedName();
        seen.push(focused);
        if (!focused.startsWith(`${section}: ${name}`)) continue;
        const outlined = await page.evaluate(() => {
          const element = document.activeElement;
          // a file input is drawn by its label
          const drawn = element.type === "file" ? element.nextElementSibling : element;
          return Number.parseFloat(getComputedStyle(drawn).outlineWidth) >= 2;
        });
        assert.ok(outlined, `${focused} shows its focus`);
        return;
      }
      assert.fail(`no way by Tab to ${section}: ${name}; on the way: ${seen.join(" / ")}`);
    };
    const type = (text) => page.keyboard.type(text);
    const press = (key) => page.keyboard.press(key);
    const WARD = "Emergency ward";
    const CLINIC = "Rehabilitation clinic";
    const said = (text) => page.getByRole("status").getByText(text).waitFor();

    // asked for early: the browser must know before the key is pressed that the test answers
    const chooser = page.waitForEvent("filechooser");
    await tabTo(WARD, "Patient’s name");
    await type("Käthe");
    await tabTo(WARD, "Choose a file");
    await press("Enter");
    await (await chooser).setFiles({
      name: "letter.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("Dear colleague"),
    });
    await tabTo(WARD, "Encrypt and send");
    await press("Enter");
    await said("Encrypted and sent.");
    await tabTo(CLINIC, "Open transfer");
    await press("Enter");
    await tabTo(CLINIC, "Decrypt the file");
    await press("Space");
    await page.getByRole("link", { name: "Save letter.txt" }).waitFor();
    assert.equal(await focusedName(), `${CLINIC}: Save letter.txt`, "the focus went on to the link");
    const download = page.waitForEvent("download");
    await press("Enter");
    assert.equal((await bytesOf(await download)).toString(), "Dear colleague");

    for (const section of [WARD, CLINIC]) {
      await page.evaluate(() => document.activeElement.blur());
      await tabTo(section, "Back up the private key");
      await press("Enter");
      await tabTo(section, "Password");
      await type(PASSWORD);
      await tabTo(section, "Repeat the password");
      await type(PASSWORD);
      await press("Enter");
      await page.getByRole("region", { name: section }).getByText("Backed up.").waitFor();
      assert.match(await focusedName(), /Back up again/, "the focus stayed where the form was");
    }
    await tabTo("What this browser holds", "Nightly wipe");
    await press("Enter");
    await said("Wiped:");
    await tabTo(CLINIC, "Password");
    await type(PASSWORD);
    await press("Enter");
    await page.getByRole("region", { name: CLINIC }).getByText("The key is back.").waitFor();
    await tabTo(CLINIC, "Open transfer");
    await press("Enter");
    await page.getByRole("region", { name: CLINIC }).getByText("Käthe", { exact: true }).waitFor();
  });

  onPage(
    "nothing moves where motion is unwanted",
    async ({ page }) => {
      const moving = await page.evaluate(() =>
        [...document.querySelectorAll("*")].some((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return animationName !== "none" || transitionDuration.split(", ").some((time) => time !== "0s");
        }),
      );
      assert.equal(moving, false);
    },
    { reducedMotion: "reduce" },
  );
});
