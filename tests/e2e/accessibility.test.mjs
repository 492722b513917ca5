import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { describe } from "node:test";
import { bytesOf, onPage, PASSWORD, RECORD } from "./harness.mjs";

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
