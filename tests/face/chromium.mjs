// The suite in Chromium, on a page that is watched while it runs.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";

/** For what waits in vain: a busy machine takes its time. */
export const PATIENCE_MS = 180_000;
export const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
/** What the page, the suite and the package are made of. The tests ask for other things themselves, by `/asked?…`. */
const OWN = /^\/(pkg|copy-\d+|damaged-\d+|face|npm|testdata|keys)\/[\w./-]+$|^\/pkg\.json$/;

/** @param {string[]} [more] flags */
export function launch(more = []) {
  if (!existsSync(CHROMIUM)) throw new Error(`a browser is missing (set CHROMIUM to its path): ${CHROMIUM}`);
  return chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_ARGS, ...more], timeout: PATIENCE_MS });
}

/** Each suite in a page of its own. */
export async function runSuites(t, browser, url, suites) {
  for (const [suite, tests] of Object.entries(suites)) {
    await t.test(suite, async (t) => {
      const { page, requests, problems } = await open(browser, url);
      for (const name of Object.keys(tests)) {
        await t.test(name, { timeout: 300_000 }, async () => {
          const failure = await page.evaluate(([suite, name]) => globalThis.runTest(suite, name), [suite, name]);
          if (failure) assert.fail(failure);
        });
      }
      await t.test("no request but for files of the package and of these tests, no report of the policy", () => {
        const { origin } = new URL(url);
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
}

/** The page of the suite, and what it asked for, was refused, and said. `prepare` has the page before it loads. */
export async function open(browser, url, prepare = async () => {}) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  const [requests, problems, warnings] = [[], [], []];
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
  page.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
  await prepare(page);
  await page.goto(`${url}face/page.html`);
  await page.waitForFunction(() => typeof globalThis.runTest === "function");
  return { page, requests, problems, warnings };
}
