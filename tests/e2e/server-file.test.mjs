import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe } from "node:test";
import { bytesOf, CLINIC_ID, onPage, PASSWORD, RECORD, RECORD_SHOWN, WARD_ID } from "./harness.mjs";
import { readSaved, writeSaved } from "./saved-file.mjs";

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
