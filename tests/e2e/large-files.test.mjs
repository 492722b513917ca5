import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "node:test";
import { folder, onPage, RECORD } from "./harness.mjs";

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
