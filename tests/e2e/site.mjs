// The demo as it is, with real servers and the tests' eyes in its page, for the time of one test file.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDemo } from "../../scripts/demo.mjs";
import { until } from "../../scripts/webdriver.mjs";
import { Line } from "./line.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIST = join(ROOT, "www", "dist");

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

/** @returns the demo, `line` between pages and the key server, `folder` for files that a test makes, and `close()` */
export async function openSite(options = {}) {
  if (!existsSync(join(DIST, "index.html"))) throw new Error("the built page is missing (npx webpack)");
  const folder = mkdtempSync(join(tmpdir(), "wardkey-e2e-"));
  const page = join(folder, "page");
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
  let line;
  // The servers are started twice, to seed and to serve.
  const seen = async (url) => {
    line?.close();
    line = await Line.to(url);
    return line.url;
  };
  try {
    const demo = await startDemo({ data: join(folder, "demo"), port: 0, keysPort: 0, page, seen, ...options });
    const close = async () => {
      line.close();
      await demo.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    };
    return { ...demo, folder, line, close };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The development mailbox's mails to this address, newest first, as soon as there are more than `before`: the key server answers, and writes them then. */
export function mails(site, to, before = 0) {
  return until(`a mail to ${to}`, async () => {
    const all = await (await fetch(`${site.url}/api/dev/mail`)).json();
    const found = all.filter((mail) => mail.to?.includes(to));
    return found.length > before && found;
  });
}
