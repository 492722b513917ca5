// The suite in Chromium, under the policy that scripts/serve.mjs sets:  node --test tests/face/browser.test.mjs
import { test } from "node:test";
import { launch, runSuites } from "./chromium.mjs";
import { openSite } from "./site.mjs";
import { suites } from "./suite/index.mjs";

await test("the face in Chromium", async (t) => {
  const site = await openSite();
  t.after(site.close);
  const browser = await launch();
  t.after(() => browser.close());
  await runSuites(t, browser, site.url, suites);
});
