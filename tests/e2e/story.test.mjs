import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "node:test";
import { assertNothingReadable, bytesOf, folder, onPage, RECORD, RECORD_SHOWN } from "./harness.mjs";

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
