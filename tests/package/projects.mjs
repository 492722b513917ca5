// Projects that have the packed package installed from its tarball, built and served as others do that.
import { spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { serve } from "../../scripts/serve.mjs";
import { command, pack, ROOT } from "./pack.mjs";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "wardkey", "npm");

const npx = (dir, ...args) => command(dir, "npx", ["--no-install", ...args], { NEXT_TELEMETRY_DISABLED: "1" });

/** Built, and served as files under the demo's policy. */
export const files = (build, folder = ".") => ({
  async serve(dir) {
    if (build) await npx(dir, ...build);
    return serve(join(dir, folder));
  },
});
/** Served by a program of its own. */
export const server = (build, start) => ({
  async serve(dir) {
    if (build) await npx(dir, ...build);
    return startServer(dir, start);
  },
});

/** The tarball, copies of projects with it and what else they need, each made once, and pages to open them in: for the tests of a file. */
export function projects() {
  const packed = pack();
  const installed = new Map();
  let browser;
  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  });
  after(async () => {
    await browser?.close();
    packed.close();
  });

  /** A folder of the repository, with `more` files of it and perhaps another version of Vite; gives where it is. */
  function install(folder, { vite, more = [] } = {}) {
    const name = [basename(folder), vite].filter(Boolean).join("-");
    if (!installed.has(name)) installed.set(name, installInto(join(packed.dir, name), folder, vite, more));
    return installed.get(name);
  }

  async function installInto(dir, folder, vite, more) {
    // Not what somebody has who tries it where it stands.
    const isSource = (path) =>
      !/node_modules|[\\/]dist$|\.tgz$|package-lock/.test(path.slice(join(ROOT, folder).length));
    cpSync(join(ROOT, folder), dir, { recursive: true, filter: isSource });
    for (const path of more) cpSync(join(ROOT, path), join(dir, basename(path)));
    const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    cpSync(packed.tarball, join(dir, manifest.dependencies.wardkey.replace(/^file:/, "")));
    if (vite) {
      manifest.devDependencies.vite = vite;
      writeFileSync(join(dir, "package.json"), JSON.stringify(manifest));
    }
    const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"];
    await command(dir, "npm", ["install", "--cache", CACHE, "--prefer-offline", ...quiet]);
    return dir;
  }

  return { install, tarball: packed.tarball, newPage: () => browser.newPage() };
}

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
