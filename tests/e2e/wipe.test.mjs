import assert from "node:assert/strict";
import { describe } from "node:test";
import { assertNothingReadable, onPage, PASSWORD, RECORD } from "./harness.mjs";

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
