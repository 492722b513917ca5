// The packed package, installed from its tarball into projects as others have them, and run there:  node --test tests/package/samples.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, ROOT } from "./pack.mjs";
import { files, projects, server } from "./projects.mjs";

const { version } = JSON.parse(readFileSync(join(ROOT, "pkg.json"), "utf8"));
const packed = projects();

/** Where the slow work of each is to be done: in the worker file, in a blob, or inline. */
const SAMPLES = [
  { name: "webpack 5", folder: "webpack", ...files(["webpack", "--mode", "production"]), worker: "file" },
  { name: "Vite 8, build", folder: "vite", ...files(["vite", "build"], "dist"), worker: "file" },
  { name: "Vite 8, dev", folder: "vite", ...server(undefined, vite), worker: "file" },
  { name: "Vite 7, build", folder: "vite", vite: "7.3.8", ...files(["vite", "build"], "dist"), worker: "file" },
  { name: "Vite 7, dev", folder: "vite", vite: "7.3.8", ...server(undefined, vite), worker: "blob" },
  {
    name: "esbuild",
    folder: "esbuild",
    ...files(["esbuild", "main.js", "--bundle", "--format=esm", "--minify", "--outfile=dist/main.js"]),
    worker: "inline",
  },
  {
    name: "Next, rendered on the server and run in the browser",
    folder: "next",
    ...server(["next", "build"], (port) => ["next", "start", "-H", "127.0.0.1", "-p", port]),
    worker: "file",
    served: new RegExp(`on the server: (<!-- -->)?${version}`),
  },
  { name: "a module worker, without a bundler", folder: "module-worker", ...files(), worker: "file" },
];

function vite(port) {
  return ["vite", "--host", "127.0.0.1", "--port", port, "--strictPort"];
}

/** The sample with its dependencies, once for all tests of it. */
const install = ({ folder, vite }) =>
  packed.install(`tests/package/samples/${folder}`, { vite, more: ["tests/package/scenario.mjs"] });

for (const sample of SAMPLES) {
  test(sample.name, { timeout: 600_000 }, async () => {
    const dir = await install(sample);
    const site = await sample.serve(dir);
    const page = await packed.newPage();
    page.setDefaultTimeout(180_000);
    try {
      const problems = [];
      const workers = new Set();
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("worker", (worker) => {
        workers.add(worker);
        worker.on("close", () => workers.delete(worker));
      });
      await page.goto(site.url);
      if (sample.served) assert.match(await (await fetch(site.url)).text(), sample.served);
      await page.waitForFunction(() => globalThis.outcome, undefined, { timeout: 180_000 });
      const { done, error } = await page.evaluate(() => globalThis.outcome);
      assert.equal(error, undefined, error);
      assert.equal(done.version, version);
      assert.equal(way(workers, site.url), sample.worker, "where slow work was done");
      assert.deepEqual(problems, []);
    } finally {
      await page.close();
      await site.close();
    }
  });
}

/** By the workers that run once all is done: the package's own file, one from a blob, or none. The page's own worker is no answer. */
function way(workers, url) {
  const last = [...workers]
    .map((worker) => worker.url())
    .filter((address) => address !== `${url}worker.js`)
    .at(-1);
  if (last === undefined) return "inline";
  return last.startsWith("blob:") ? "blob" : "file";
}

test("Node", { timeout: 600_000 }, async () => {
  const dir = await install({ folder: "node" });
  const printed = JSON.parse(await command(dir, process.execPath, ["main.js"]));
  assert.deepEqual(printed, { versions: [version, version], worker: "inline" });
});
