// The suite in Chromium, under the policy that scripts/serve.mjs sets:  node --test tests/face/browser.test.mjs
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { openSite } from "./site.mjs";
import { suites } from "./suite/index.mjs";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
/** What the page, the suite and the package are made of. The tests ask for other things themselves, by `/asked?…`. */
const OWN = /^\/(pkg|copy-\d+|damaged-\d+|face|npm|testdata)\/[\w./-]+$|^\/pkg\.json$/;

await test("the face in Chromium", async (t) => {
  if (!existsSync(CHROMIUM)) throw new Error(`a browser is missing (set CHROMIUM to its path): ${CHROMIUM}`);
  const site = await openSite();
  t.after(site.close);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  t.after(() => browser.close());

  for (const [suite, tests] of Object.entries(suites)) {
    await t.test(suite, async (t) => {
      const { page, requests, problems } = await open(browser, site.url);
      for (const name of Object.keys(tests)) {
        await t.test(name, { timeout: 180_000 }, async () => {
          const failure = await page.evaluate(([suite, name]) => globalThis.runTest(suite, name), [suite, name]);
          if (failure) assert.fail(failure);
        });
      }
      await t.test("no request but for files of the package and of these tests, no report of the policy", () => {
        const { origin } = new URL(site.url);
        const strange = requests.filter((url) => {
          const { origin: from, pathname, search } = new URL(url);
          return from !== origin || !(OWN.test(pathname) && (search === "" || search === "?asked"));
        });
        assert.deepEqual(strange, []);
        assert.deepEqual(problems, []);
      });
      await page.context().close();
    });
  }
});

async function open(browser, url) {
  const context = await browser.newContext();
  const [requests, problems] = [[], []];
  await context.exposeBinding("reportPolicy", (_source, report) => problems.push(report));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      globalThis.reportPolicy(`${event.effectiveDirective} ${event.blockedURI}`),
    );
  });
  context.on("request", (request) => requests.push(request.url()));
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.stack ?? error}`));
  page.on("crash", () => problems.push("the page crashed"));
  await page.goto(`${url}face/page.html`);
  await page.waitForFunction(() => typeof globalThis.runTest === "function");
  return { page, requests, problems };
}
