// The suite in Node:  node --test tests/face/node.test.mjs
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { openSite } from "./site.mjs";
import { suites } from "./suite/index.mjs";
import { makeTools } from "./suite/tools.mjs";

await test("the face in Node", async (t) => {
  const requests = [];
  const site = await openSite({ watch: ({ url }) => requests.push(url) });
  t.after(site.close);
  const at = (path) => pathToFileURL(`${site.dir}/${path}`).href;
  const read = async (path) => new Uint8Array(await readFile(`${site.dir}/${path}`));
  const made = makeTools({ environment: "node", load: (path) => import(at(path)), url: site.url, read });
  const tools = { ...made, path: at };
  const pkg = await import(at("pkg/index.js"));
  for (const [suite, tests] of Object.entries(suites)) {
    await t.test(suite, async (t) => {
      for (const [name, run] of Object.entries(tests)) await t.test(name, { timeout: 300_000 }, () => run(pkg, tools));
    });
  }
  await t.test("no request but for the module, and for what the tests read by ranges", async () => {
    assert.deepEqual(
      requests.filter((url) => !/^\/(pkg\/|face\/message\.bin$)/.test(url)),
      [],
    );
  });
});
