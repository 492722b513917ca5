// The demo as it is, with real servers and the tests' eyes in its page, for the time of one test file.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDemo } from "../../scripts/demo.mjs";
import { until } from "../../scripts/webdriver.mjs";
import { Line } from "./line.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIST = join(ROOT, "www", "dist");
/** Files here are large, and a system's temporary folder may be small. */
const PLACE = join(ROOT, "target", "tmp");

/** Run before the page's own code: browsers that lack something, each at a page of its own. */
const POORER = {
  "no-storage": () => {
    const refuse = () => {
      throw new DOMException("blocked", "SecurityError");
    };
    for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
      Object.defineProperty(window, name, { get: refuse });
  },
  "no-locks": () => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }),
  "no-webcrypto": () => Object.defineProperty(Crypto.prototype, "subtle", { value: undefined }),
  "no-webassembly": () => Reflect.deleteProperty(globalThis, "WebAssembly"),
};

/** For what a test makes, until the process ends. */
export function makeFolder() {
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, "e2e-"));
  process.once("exit", () => remove(folder));
  return folder;
}

const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** The page with the tests' eyes in it, and its poorer sisters. */
function writePage(page) {
  if (!existsSync(join(DIST, "index.html"))) throw new Error("the built page is missing (npx webpack)");
  cpSync(DIST, page, { recursive: true });
  cpSync(join(ROOT, "tests/face/watch.js"), join(page, "watch.js"));
  cpSync(fileURLToPath(new URL("eyes/look.js", import.meta.url)), join(page, "look.js"));
  cpSync(join(ROOT, "node_modules/axe-core/axe.min.js"), join(page, "axe.js"));
  const html = readFileSync(join(page, "index.html"), "utf8");
  const withScripts = (...names) =>
    html.replace("<head>", `<head>${names.map((name) => `<script src="/${name}.js"></script>`).join("")}`);
  writeFileSync(join(page, "index.html"), withScripts("watch", "look"));
  writeFileSync(join(page, "empty.html"), "<!doctype html><title>empty</title>");
  for (const [name, lack] of Object.entries(POORER)) {
    writeFileSync(join(page, `${name}.js`), `(${lack})();\n`);
    writeFileSync(join(page, `${name}.html`), withScripts("watch", "look", name));
  }
}

/** By the number of transfers: servers' data as it is after seeding, for all of a process to copy. */
const seeded = new Map();

async function seed(transfers) {
  const data = makeFolder();
  const demo = await startDemo({ data, port: 0, keysPort: 0, transfers });
  await demo.stop();
  return data;
}

/**
 * @returns the demo; `folder` for files that a test makes; `lines.ward` and `lines.clinic` between each of two desks and the application's server, `keysLine` between all pages and the key server; `repair()` after what broke in the middle, and `close()`
 */
export async function openSite({ transfers = 200 } = {}) {
  if (!seeded.has(transfers)) seeded.set(transfers, seed(transfers));
  const folder = makeFolder();
  const lines = { ward: await Line.open(), clinic: await Line.open() };
  const keysLine = await Line.open();
  const leave = () => {
    for (const line of [...Object.values(lines), keysLine]) line.close();
    remove(folder);
  };
  try {
    const page = join(folder, "page");
    writePage(page);
    const data = join(folder, "demo");
    cpSync(await seeded.get(transfers), data, { recursive: true });
    const seen = (url) => {
      keysLine.leadsTo(url);
      return keysLine.url;
    };
    const origins = Object.values(lines).map(({ url }) => url);
    const demo = await startDemo({ data, port: 0, keysPort: 0, page, seen, origins });
    for (const line of Object.values(lines)) line.leadsTo(demo.url);
    const repair = async () => {
      for (const line of [...Object.values(lines), keysLine]) line.mend();
      for (const server of Object.values(demo.servers)) if (!server.isRunning) await server.start();
    };
    const close = async () => {
      await demo.stop();
      leave();
    };
    return { ...demo, folder, lines, keysLine, repair, close };
  } catch (error) {
    leave();
    throw error;
  }
}

/** The development mailbox's mails to this address, newest first. */
export async function mailsSoFar(site, to) {
  const all = await (await fetch(`${site.url}/api/dev/mail`)).json();
  return all.filter((mail) => mail.to?.includes(to));
}

/** The same as soon as there are more than `before`: the key server answers, and writes them then. */
export function mails(site, to, before = 0) {
  return until(`a mail to ${to}`, async () => {
    const found = await mailsSoFar(site, to);
    return found.length > before && found;
  });
}
