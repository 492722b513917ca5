// The suite in a page of an engine, under the policy that scripts/serve.mjs sets.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { openBrowser, until } from "../../scripts/webdriver.mjs";
import { openSite } from "./site.mjs";
import { suites } from "./suite/index.mjs";

/** What the page, the suite and the package are made of. The tests ask for other things themselves, by `/asked?…`. */
const OWN = /^\/((pkg|copy-\d+|damaged-\d+|face|npm|testdata)\/[\w./-]+(\?asked)?|pkg\.json|favicon\.ico)$/;

/** A file for each engine calls it: they run beside each other. */
export async function testFace(engine) {
  const skip = !present().includes(engine) && "it isn't on this machine";
  await test(`the face in ${ENGINES[engine].browser}`, { skip }, async (t) => {
    const requests = [];
    const site = await openSite({ watch: (request) => requests.push(request) });
    t.after(site.close);
    const browser = await openBrowser(engine);
    t.after(() => browser.close());

    const open = async () => {
      requests.length = 0;
      await browser.goto(`${site.url}face/page.html`);
      await browser.until("the page", () => typeof globalThis.runTest === "function");
    };
    /** What neither the tests nor the package asked for; what the policy was told, in the page and at the server. */
    const strange = () =>
      requests
        .filter(({ method, url }) => method !== "GET" || !OWN.test(url))
        .map(({ method, url, body = "" }) => `${method} ${url} ${body}`.trim());
    const problems = () => browser.run(() => globalThis.problems);

    for (const [suite, tests] of Object.entries(suites)) {
      await t.test(suite, async (t) => {
        await open();
        for (const name of Object.keys(tests)) {
          await t.test(name, { timeout: 300_000 }, async () => {
            const failure = await browser.run((suite, name) => globalThis.runTest(suite, name), suite, name);
            if (failure) assert.fail(failure);
          });
        }
        await t.test(
          "no request but for files of the package and of these tests, no report of the policy",
          async () => {
            assert.deepEqual(await problems(), []);
            assert.deepEqual(strange(), []);
          },
        );
      });
    }

    await t.test("a request and a violation of the policy would be seen", async () => {
      await open();
      await browser.run(async () => {
        new Image().src = "/fetched/1";
        new Image().src = "http://localhost:9/fetched/2";
      });
      await until("the request and the report", () => strange().length >= 2);
      assert.ok(strange().includes("GET /fetched/1"));
      assert.ok(strange().some((line) => line.startsWith("POST /policy-report") && line.includes("fetched/2")));
      assert.match((await problems()).join(), /policy: img-src http:\/\/localhost:9\//);
    });
  });
}
