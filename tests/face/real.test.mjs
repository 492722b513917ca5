// The client's suites over real key servers, in Node and in a page of each engine:  node --test tests/face/real.test.mjs
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { openBrowser } from "../../scripts/webdriver.mjs";
import { PROGRAM } from "../server/harness.mjs";
import { realServers } from "./real-servers.mjs";
import { openSite } from "./site.mjs";
import { inBrowsers, suites } from "./suite/real.mjs";
import { makeTools } from "./suite/tools.mjs";

/** The key servers are of other origins, on ports that nobody knows yet. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' http://127.0.0.1:*";

/** A site of its own, whose key servers end with each suite. */
async function open(t) {
  if (!existsSync(PROGRAM)) throw new Error(`the key server is missing: cargo build -p wardkey-server (${PROGRAM})`);
  const servers = realServers();
  const site = await openSite({ policy: POLICY, answer: servers.answer });
  t.after(async () => {
    await servers.end();
    await site.close();
  });
  return { site, servers };
}

/** `run` is given the names of a suite and of a test. */
async function runAll(t, servers, all, prepare, run) {
  for (const [suite, tests] of Object.entries(all)) {
    await t.test(suite, async (t) => {
      await prepare();
      for (const name of Object.keys(tests)) await t.test(name, { timeout: 300_000 }, () => run(suite, name));
      await servers.end();
    });
  }
}

await test("over real key servers", { concurrency: 4 }, async (t) => {
  const inNode = t.test("in Node", async (t) => {
    const { site, servers } = await open(t);
    const at = (path) => pathToFileURL(`${site.dir}/${path}`).href;
    const read = async (path) => new Uint8Array(await readFile(`${site.dir}/${path}`));
    const made = makeTools({ environment: "node", load: (path) => import(at(path)), url: site.url, read });
    const tools = { ...made, path: at, realServers: `${site.url}real/` };
    const pkg = await import(at("pkg/index.js"));
    const nothing = async () => {};
    await runAll(t, servers, suites, nothing, (suite, name) => suites[suite][name](pkg, tools));
  });
  const inEngines = present().map((engine) =>
    t.test(`in ${ENGINES[engine].browser}`, async (t) => {
      const { site, servers } = await open(t);
      const browser = await openBrowser(engine);
      t.after(() => browser.close());
      const load = async () => {
        await browser.goto(`${site.url}face/page.html?real`);
        await browser.until("the page", () => typeof globalThis.runTest === "function");
      };
      await runAll(t, servers, inBrowsers, load, async (suite, name) => {
        const failure = await browser.run((suite, name) => globalThis.runTest(suite, name), suite, name);
        if (failure) assert.fail(failure);
      });
    }),
  );
  await Promise.all([inNode, ...inEngines]);
});
