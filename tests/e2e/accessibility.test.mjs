// For everybody: what axe finds, and pictures of every view, in each engine; small screens, dark, the keyboard alone, unwanted motion in Chromium, which tests can tell what its user prefers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { ENGINES, find, missing, present } from "../../scripts/browsers.mjs";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { Clinician } from "./clinician.mjs";
import { openSite } from "./site.mjs";
import { everywhere } from "./views.mjs";
import { keepPicture, watched } from "./watched.mjs";

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

/** What a report asks of a desk, of this page. */
const asDesk = (page) => ({
  desk: "page",
  engine: "chromium",
  browser: {
    run: (work) => page.evaluate(work),
    send: async () => (await page.screenshot()).toString("base64"),
  },
});

/** A test on a page in a profile of its own. */
function onPage(name, options, run) {
  test(name, { timeout: 600_000 }, async () => {
    const context = await browser.newContext({ locale: "en-GB", ...options });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      await page.goto(site.url);
      await page.getByRole("button", { name: "Dr. Tomas Lindqvist" }).waitFor();
      await watched(name, [asDesk(page)], async () => {
        await run(page);
        assert.deepEqual(await page.evaluate(() => globalThis.problems), [], "the page was quiet");
      });
    } finally {
      await context.close();
    }
  });
}

async function enter(page) {
  await page.getByRole("button", { name: "Dr. Tomas Lindqvist" }).click();
  await page.locator(".row").first().waitFor();
}

/** What Chromium can be told that its user prefers, or has. */
const MANNERS = {
  dark: [
    ["Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] }],
    ["Emulation.setEmulatedMedia", { features: [] }],
  ],
  narrow: [
    ["Emulation.setDeviceMetricsOverride", { width: 360, height: 740, deviceScaleFactor: 1, mobile: false }],
    ["Emulation.clearDeviceMetricsOverride", {}],
  ],
};

async function inManner(desk, manner, look) {
  const tell = ([cmd, params]) => desk.browser.send("POST", "/goog/cdp/execute", { cmd, params });
  const [begin, end] = MANNERS[manner];
  await tell(begin);
  await look();
  await tell(end);
}

/** What is typed a browser would keep for the next who types, or on its disk, if a field doesn't say. */
function unsaidFields() {
  const fields = [
    ...document.querySelectorAll("textarea, input:not([type=radio], [type=checkbox], [type=file], [type=range])"),
  ];
  return fields.filter((field) => !field.autocomplete).map((field) => field.outerHTML);
}

const lookInChromium = (desk) => async (where) => {
  await desk.axe(where);
  assert.deepEqual(await desk.browser.run(unsaidFields), [], `fields, ${where}`);
  await keepPicture(desk, where);
  await inManner(desk, "dark", async () => {
    await desk.axe(`${where}, dark`);
    await keepPicture(desk, `dark ${where}`);
  });
  for (const language of ["fr", "de"]) {
    await desk.speaks(language);
    await desk.axe(`${where}, ${language}`);
    await keepPicture(desk, `${language} ${where}`);
  }
  await desk.speaks("en");
  await inManner(desk, "narrow", async () => {
    await desk.browser.until("360 pixels", () => innerWidth === 360);
    const content = await desk.browser.run(() => document.documentElement.scrollWidth);
    assert.ok(content <= 360, `${where}: ${content} pixels in 360`);
    await keepPicture(desk, `narrow ${where}`);
  });
};

const lookElsewhere = (desk) => async (where) => {
  await desk.axe(where);
  await keepPicture(desk, where);
};

describe("every view, in each engine", { concurrency: 2 }, () => {
  for (const engine of present().toReversed()) {
    const [more, look] =
      engine === "chromium"
        ? ["; dark, in French and in German too; at 360 pixels nothing scrolls sideways", lookInChromium]
        : ["", lookElsewhere];
    test(`axe finds nothing in ${ENGINES[engine].browser}${more}`, { timeout: 600_000 }, async (t) => {
      const desk = await Clinician.open(engine, site, "ward");
      t.after(() => desk.close());
      await watched("every view", [desk], async () => {
        await everywhere(desk, look(desk));
        await desk.assertQuiet();
      });
    });
  }
});

describe("for everybody", () => {
  for (const language of ["fr-CH", "de-CH"]) {
    onPage(`in ${language} no English is left in the list, and the language is remembered`, {}, async (page) => {
      await page.getByLabel("Language").selectOption(language.slice(0, 2));
      assert.equal(await page.locator("html").getAttribute("lang"), language.slice(0, 2));
      await enter(page);
      const text = await page.locator(".list-head").textContent();
      for (const word of ["Inbox", "Status: All", "transfers"]) assert.ok(!text.includes(word), `${word} in ${text}`);
      await page.reload();
      await page.locator(".row").first().waitFor();
      assert.equal(await page.locator("html").getAttribute("lang"), language.slice(0, 2), "it is remembered");
    });
  }

  onPage("the keyboard alone is enough, and its focus is seen", {}, async (page) => {
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement;
        // between the last control and the first, nothing has the focus; all words are the body's
        if (element === document.body) return { name: "", isOutlined: false };
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
    /** A view that is drawn takes the focus to its heading; whoever blurs before is carried there. */
    const arrives = (heading) =>
      page.waitForFunction((heading) => {
        const at = document.activeElement;
        return at?.matches("h1, h2") && at.textContent.trim() === heading;
      }, heading);
    await tabTo("Dr. Ada Okafor");
    await press("Enter");
    await page.getByText("No transfers yet").waitFor();
    await arrives("Inbox");
    await page.evaluate(() => document.activeElement.blur());
    await tabTo("Skip to the content");
    await tabTo("New transfer");
    await press("Enter");
    await arrives("New transfer");
    await page.evaluate(() => document.activeElement.blur());
    await tabTo("Skip to the content");
    await press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "main");
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
    await arrives("Keyboard Katrin");
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
