// httpBackend() where it takes more than one page or origin:  node --test tests/face/http.browser.test.mjs
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { openBrowser, until } from "../../scripts/webdriver.mjs";
import { launch, PATIENCE_MS } from "./chromium.mjs";
import { keyServers } from "./key-server.mjs";
import { openSite } from "./site.mjs";
import elsewhere from "./suite/http-elsewhere.mjs";

/** A site, and a key server of another origin, which its pages may ask. */
async function open(t) {
  let answer = () => false;
  const other = createServer((request, response) => {
    if (!answer(request, response)) response.writeHead(404).end();
  });
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${other.address().port}/`;
  const connect = `connect-src 'self' ${url} http://127.0.0.1:9`;
  const site = await openSite({ policy: `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; ${connect}` });
  const { memoryBackend } = await import(pathToFileURL(`${site.dir}/pkg/testing.js`));
  answer = keyServers(memoryBackend, { cors: true });
  t.after(async () => {
    await site.close();
    other.closeAllConnections();
    other.close();
  });
  return { site, url };
}

for (const engine of present()) {
  await test(`a key server of another origin, in ${ENGINES[engine].browser}`, async (t) => {
    const { site, url } = await open(t);
    const browser = await openBrowser(engine);
    t.after(() => browser.close());
    await browser.goto(`${site.url}face/page.html?elsewhere=${encodeURIComponent(url)}`);
    await browser.until("the page", () => typeof globalThis.runTest === "function");
    for (const name of Object.keys(elsewhere)) {
      await t.test(name, { timeout: 300_000 }, async () => {
        const failure = await browser.run((name) => globalThis.runTest("elsewhere", name), name);
        if (failure) assert.fail(failure);
      });
    }
  });
}

await test("one page listens for all", async (t) => {
  const { site } = await open(t);
  const browser = await launch();
  t.after(() => browser.close());
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  const room = `${site.url}keys/pages`;
  const log = async () => (await (await fetch(`${room}/log`)).json()).filter(({ path }) => path === "/v1/events");
  const openPage = async () => {
    const page = await context.newPage();
    await page.goto(`${site.url}face/client/page.html`);
    await page.waitForFunction(() => globalThis.kit !== undefined);
    const status = await page.evaluate(async (url) => {
      const token = () => "token.YW5uYQ.1";
      const backend = globalThis.kit.pkg.httpBackend({ url, token });
      const status = await globalThis.kit.open({ backend });
      globalThis.lost = [];
      globalThis.kit.user.addEventListener("revoked", ({ detail }) => globalThis.lost.push(...detail.sessionIds));
      return status;
    }, room);
    return { page, status };
  };
  const first = await openPage();
  await first.page.evaluate(() => globalThis.kit.user.register(globalThis.kit.anna));
  const second = await openPage();
  assert.equal(second.status, "ready");
  let listening = [];
  await until("push", async () => {
    listening = [...listening, ...(await log())];
    return listening.length > 0;
  });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.equal(listening.length + (await log()).length, 1, "of two pages one listens");

  // Another user takes her right away: both pages hear of it, by the one stream.
  const made = await first.page.evaluate(async (url) => {
    const backend = globalThis.kit.pkg.httpBackend({ url, token: () => "token.Ym9i.1" });
    const options = { appId: globalThis.kit.APP, backend, userId: "bob", kdf: globalThis.kit.KDF };
    const bob = await globalThis.kit.pkg.Wardkey.open({ ...options, identityStore: "memory" });
    await bob.register({ userId: "bob", password: "a boat without a sail" });
    const session = await bob.createSession({ recipients: [{ user: "anna" }] });
    globalThis.revoke = () => session.revokeRecipients([{ user: "anna" }]);
    return session.id;
  }, room);
  const lost = ({ page }) => page.evaluate(() => globalThis.lost);
  for (const { page } of [first, second]) await page.evaluate((id) => globalThis.kit.user.openSession(id), made);
  await first.page.evaluate(() => globalThis.revoke());
  for (const one of [first, second]) await until("the event", async () => (await lost(one)).includes(made));

  // The page that listens goes: the other one takes over, and has missed nothing that it wouldn't look for.
  await log();
  await first.page.close();
  await until("the other page", async () => (await log()).length > 0);
  await context.close();
});
