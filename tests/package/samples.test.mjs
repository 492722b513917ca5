// The packed package, installed from its tarball into projects as others have them, and run there:  node --test tests/package/samples.test.mjs
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { serve } from "../../scripts/serve.mjs";
import { command, pack, ROOT } from "./pack.mjs";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "wardkey", "npm");
const { version } = JSON.parse(readFileSync(join(ROOT, "pkg.json"), "utf8"));
const packed = pack();
let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
});
after(async () => {
  await browser?.close();
  packed.close();
});

const npx = (dir, ...args) => command(dir, "npx", ["--no-install", ...args], { NEXT_TELEMETRY_DISABLED: "1" });

/** Built, and served as files under the demo's policy. */
const files = (build, folder = ".") => ({
  async serve(dir) {
    if (build) await npx(dir, ...build);
    return serve(join(dir, folder));
  },
});
/** Served by a program of its own. */
const server = (build, start) => ({
  async serve(dir) {
    if (build) await npx(dir, ...build);
    return startServer(dir, start);
  },
});

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

const installed = new Map();

/** The sample with its dependencies, once for all tests of it. */
function install({ folder, vite }) {
  const name = vite ? `${folder}-${vite}` : folder;
  if (!installed.has(name)) installed.set(name, installInto(join(packed.dir, name), folder, vite));
  return installed.get(name);
}

async function installInto(dir, folder, vite) {
  cpSync(join(ROOT, "tests/package/samples", folder), dir, { recursive: true });
  cpSync(join(ROOT, "tests/package/scenario.mjs"), join(dir, "scenario.mjs"));
  cpSync(packed.tarball, join(dir, "wardkey.tgz"));
  if (vite) {
    const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    manifest.devDependencies.vite = vite;
    writeFileSync(join(dir, "package.json"), JSON.stringify(manifest));
  }
  const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"];
  await command(dir, "npm", ["install", "--cache", CACHE, "--prefer-offline", ...quiet]);
  return dir;
}

for (const sample of SAMPLES) {
  test(sample.name, { timeout: 600_000 }, async () => {
    const dir = await install(sample);
    const site = await sample.serve(dir);
    const page = await browser.newPage();
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

/** A program that serves on a port, until close(). */
async function startServer(dir, start) {
  const port = await freePort();
  const child = spawn("npx", ["--no-install", ...start(String(port))], {
    cwd: dir,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
    // A group of its own: npx and what it starts end together.
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  const close = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null) {
      process.kill(-child.pid, "SIGTERM");
      await ended;
    }
  };
  const url = `http://127.0.0.1:${port}/`;
  for (const end = performance.now() + 120_000; ; await sleep(100)) {
    const answers = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (answers) return { url, close };
    if (child.exitCode !== null || performance.now() > end) {
      await close();
      throw new Error(`${start(String(port)).join(" ")} doesn't serve:\n${said}`);
    }
  }
}
