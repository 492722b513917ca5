// For everybody: what axe finds, small screens, the keyboard alone, unwanted motion. In Chromium, which tests can tell what its user prefers.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { ENGINES, find, missing } from "../../scripts/browsers.mjs";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { openSite } from "./site.mjs";

const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots", import.meta.url));
const VIEWS = ["new", "staff", "facilities", "device", "mailbox", "out"];

let site;
let browser;

before(async () => {
  const found = find("chromium");
  if (!found) throw new Error(missing("chromium"));
  site = await openSite({ transfers: 12 });
  browser = await chromium.launch({ executablePath: ENGINES.chromium.find().binary, args: CHROMIUM_ARGS });
});

after(async () => {
  await browser?.close();
  await site?.close();
});

/** A test on a page in a profile of its own. */
function onPage(name, options, run) {
  test(name, { timeout: 180_000 }, async () => {
    const context = await browser.newContext({ locale: "en-GB", ...options });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      await page.goto(site.url);
      await page.getByRole("button", { name: "Dr. Tomas Lindqvist" }).waitFor();
      await run(page);
      assert.deepEqual(await page.evaluate(() => globalThis.problems), [], "the page was quiet");
    } finally {
      await context.close();
    }
  });
}

async function enter(page) {
  await page.getByRole("button", { name: "Dr. Tomas Lindqvist" }).click();
  await page.locator(".row").first().waitFor();
}

/** What the page looks like, for people to see after the tests. */
const keep = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });

/** A record with everything in it unfolded. */
async function openRecord(page) {
  await page.locator(".row:has(.row-files)").first().click();
  await page.locator(".say").waitFor();
  for (const summary of await page.locator(".record summary").all()) await summary.click();
  await page.locator(".db-row").first().waitFor();
  await page.locator(".audit li").first().waitFor();
  await page
    .getByRole("button", { name: /^Inspect / })
    .first()
    .click();
  await page.locator(".hex").waitFor();
}

async function goTo(page, view) {
  await page.evaluate((view) => {
    location.hash = `#/${view}`;
  }, view);
  await page.locator(`main[data-view="${view}"] h1`).waitFor();
  await page.locator(".busy").first().waitFor({ state: "detached" });
}

/** Calls back in each main view. */
async function everywhere(page, look) {
  await look("sign-in");
  for (const [door, heading] of [
    ["Forgotten password?", "Replace a forgotten password"],
    ["I have an invitation", "Join a facility"],
  ]) {
    await page.getByRole("button", { name: door }).click();
    await page.getByRole("heading", { name: heading }).waitFor();
    await look(heading);
    await page.getByRole("button", { name: "Back" }).click();
  }
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Please fill this in.").first().waitFor();
  await look("what is missing");
  await enter(page);
  await look("inbox");
  await openRecord(page);
  await look("record");
  for (const view of VIEWS) {
    await goTo(page, view);
    for (const summary of await page.locator("details > summary").all()) await summary.click();
    await look(view);
  }
  await goTo(page, "facilities");
  await page
    .getByRole("button", { name: /^Compare safety number/ })
    .first()
    .click();
  await page.locator(".safety-number").waitFor();
  await look("safety number");
  await goTo(page, "device");
  await page.getByRole("button", { name: "Wipe this workstation" }).click();
  await page.getByRole("dialog").waitFor();
  await look("dialog");
  await page.getByRole("dialog").getByRole("button", { name: "Wipe this workstation" }).click();
  await page.getByText("This workstation has been wiped").waitFor();
  await look("wiped");
}

describe("for everybody", () => {
  for (const colorScheme of ["light", "dark"]) {
    onPage(`axe finds nothing in any view, ${colorScheme}`, { colorScheme }, async (page) => {
      await everywhere(page, async (where) => {
        assert.deepEqual(await page.evaluate(() => globalThis.look.axe()), [], `axe, ${where}, ${colorScheme}`);
        await keep(page, `${colorScheme}, ${where}`);
      });
    });
  }

  for (const language of ["fr-CH", "de-CH"]) {
    onPage(`axe finds nothing in ${language}, and no English is left in the list`, {}, async (page) => {
      await page.getByLabel("Language").selectOption(language.slice(0, 2));
      assert.equal(await page.locator("html").getAttribute("lang"), language.slice(0, 2));
      await enter(page);
      assert.deepEqual(await page.evaluate(() => globalThis.look.axe()), []);
      const text = await page.locator(".list-head").textContent();
      for (const word of ["Inbox", "Status: All", "transfers"]) assert.ok(!text.includes(word), `${word} in ${text}`);
      await page.reload();
      await page.locator(".row").first().waitFor();
      assert.equal(await page.locator("html").getAttribute("lang"), language.slice(0, 2), "it is remembered");
    });
  }

  onPage("at 360 pixels nothing scrolls sideways", { viewport: { width: 360, height: 740 } }, async (page) => {
    await everywhere(page, async (where) => {
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window, `${where}: ${content} pixels in ${window}`);
      await keep(page, `narrow, ${where}`);
    });
  });

  onPage("the keyboard alone is enough, and its focus is seen", {}, async (page) => {
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement;
        // a file input is drawn by its label
        const drawn = element.type === "file" ? element.nextElementSibling : element;
        return {
          name: (element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent).trim(),
          isOutlined: Number.parseFloat(getComputedStyle(drawn).outlineWidth) >= 2,
        };
      });
    /** Walks with the Tab key to what is called so. */
    const tabTo = async (name) => {
      const seen = [];
      for (let steps = 0; steps < 60; steps++) {
        await page.keyboard.press("Tab");
        const at = await focused();
        seen.push(at.name);
        if (!at.name.includes(name)) continue;
        assert.ok(at.isOutlined, `${name} shows its focus`);
        return;
      }
      assert.fail(`no way by Tab to ${name}; on the way: ${seen.join(" / ")}`);
    };
    const press = (key) => page.keyboard.press(key);
    await tabTo("Dr. Ada Okafor");
    await press("Enter");
    await page.getByText("No transfers yet").waitFor();
    await page.evaluate(() => document.activeElement.blur());
    await tabTo("Skip to the content");
    await tabTo("New transfer");
    await press("Enter");
    await page.getByRole("heading", { name: "New transfer" }).waitFor();
    await tabTo("Facility");
    await page.keyboard.type("Lakeside");
    await tabTo("Name");
    await page.keyboard.type("Keyboard Katrin");
    await tabTo("Diagnosis");
    await page.keyboard.type("Fracture of the wrist");
    await tabTo("Today");
    await press("ArrowUp");
    // asked for early: the browser must know before the key is pressed that the test answers
    const chooser = page.waitForEvent("filechooser");
    await tabTo("Add files");
    await press("Enter");
    await (await chooser).setFiles({
      name: "letter.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("Dear colleague"),
    });
    await tabTo("Encrypt and send");
    await press("Enter");
    await page.getByRole("heading", { name: "Keyboard Katrin" }).waitFor();
    assert.equal((await focused()).name, "Keyboard Katrin", "the focus is at the record");
    await page.locator(".record-badges").getByText("Immediate").waitFor();
    await tabTo("Withdraw");
    await press("Enter");
    await page.getByRole("dialog").waitFor();
    await press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await tabTo("View letter.txt");
    await press("Space");
    await page.getByText("Dear colleague").waitFor();
    await tabTo("Write a message");
    await page.keyboard.type("By keyboard");
    await tabTo("Send");
    await press("Enter");
    await page.locator(".messages").getByText("By keyboard").waitFor();
    await page.evaluate(() => document.activeElement.blur());
    await tabTo("Sign out");
    await press("Enter");
    await page.getByText("You are signed out.").waitFor();
  });

  onPage("nothing moves where motion is unwanted", { reducedMotion: "reduce" }, async (page) => {
    const moving = () =>
      page.evaluate(() =>
        [...document.querySelectorAll("*")].some((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return animationName !== "none" || transitionDuration.split(", ").some((time) => time !== "0s");
        }),
      );
    assert.equal(await moving(), false);
    await enter(page);
    assert.equal(await moving(), false);
  });
});
