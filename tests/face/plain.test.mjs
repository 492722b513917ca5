// The suite on a page of plain http that is not this machine's own, as on many intranets: no secure context, so no `crypto.subtle`.
//   node --test tests/face/plain.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open, runSuites } from "./chromium.mjs";
import { openSite } from "./site.mjs";
import { suites } from "./suite/index.mjs";

const HOST = "plain.example";

await test("the face on a page of plain http", async (t) => {
  const site = await openSite();
  t.after(site.close);
  const browser = await launch([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
  t.after(() => browser.close());
  const url = site.url.replace("127.0.0.1", HOST);

  await t.test("there is no WebCrypto", async () => {
    const { page } = await open(browser, url);
    const found = await page.evaluate(() => [isSecureContext, typeof crypto.subtle, location.hostname]);
    assert.deepEqual(found, [false, "undefined", HOST]);
    await page.context().close();
  });

  // All but the suite that compares with what WebCrypto itself makes; what it says of PEM, DER and JWK, `memory` says here.
  const { keys: _, ...rest } = suites;
  await runSuites(t, browser, url, rest);
});
