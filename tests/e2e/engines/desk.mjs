// The demo page in a browser of any engine, used as a person uses it, and watched meanwhile.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "../../../scripts/serve.mjs";
import { openBrowser, until } from "../../../scripts/webdriver.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const DIST = join(ROOT, "www", "dist");

export const WARD = "Emergency ward";
export const CLINIC = "Rehabilitation clinic";
export const BROWSER = "What this browser holds";
export const SERVER = "What the server holds";
export const PASSWORD = "three blue herons at dawn";

/** Run before the page's own code: browsers that lack something. */
const POORER = {
  "no-storage": () => {
    const refuse = () => {
      throw new DOMException("blocked", "SecurityError");
    };
    for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
      Object.defineProperty(window, name, { get: refuse });
  },
  "no-webcrypto": () => Object.defineProperty(Crypto.prototype, "subtle", { value: undefined }),
  "no-webassembly": () => Reflect.deleteProperty(globalThis, "WebAssembly"),
};

/** The built page with the tests' eyes in it: `index.html`, and a variant for each poorer browser. */
export async function openDesk(engine) {
  if (!existsSync(join(DIST, "index.html"))) throw new Error("the built page is missing (npm test builds it)");
  const dir = mkdtempSync(join(tmpdir(), "wardkey-desk-"));
  cpSync(DIST, dir, { recursive: true });
  cpSync(join(ROOT, "tests/face/watch.js"), join(dir, "watch.js"));
  cpSync(fileURLToPath(new URL("look.js", import.meta.url)), join(dir, "look.js"));
  const page = readFileSync(join(dir, "index.html"), "utf8");
  const withScripts = (...names) =>
    page.replace("<head>", `<head>${names.map((name) => `<script src="${name}.js"></script>`).join("")}`);
  cpSync(join(ROOT, "node_modules/axe-core/axe.min.js"), join(dir, "axe.js"));
  writeFileSync(join(dir, "empty.html"), "<!doctype html><title>empty</title>");
  writeFileSync(join(dir, "index.html"), withScripts("watch", "look"));
  for (const [name, lack] of Object.entries(POORER)) {
    writeFileSync(join(dir, `${name}.js`), `(${lack})();\n`);
    writeFileSync(join(dir, `${name}.html`), withScripts("watch", "look", name));
  }
  const requests = [];
  const site = await serve(dir, { watch: (request) => requests.push(request) });
  const end = () => site.close().finally(() => rmSync(dir, { recursive: true, force: true }));
  try {
    return new Desk(await openBrowser(engine), site.url, new Set(readdirSync(dir)), requests, end);
  } catch (error) {
    await end();
    throw error;
  }
}

class Desk {
  #own;
  #end;

  constructor(browser, url, own, requests, end) {
    this.browser = browser;
    this.url = url;
    this.requests = requests;
    this.#own = own;
    this.#end = end;
  }

  close() {
    return this.browser.close().finally(this.#end);
  }

  /** The page as at a first visit: what earlier ones stored is gone. */
  async open(page = "index") {
    await this.browser.goto(`${this.url}empty.html`);
    await this.browser.run(async () => {
      localStorage.clear();
      for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
    });
    this.requests.length = 0;
    await this.browser.goto(`${this.url}${page}.html`);
  }

  async reload() {
    await this.browser.send("POST", "/refresh", {});
  }

  async ready() {
    for (const pane of [WARD, CLINIC]) await this.reads(pane, "Key in memory");
  }

  async locked() {
    for (const pane of [WARD, CLINIC]) await this.reads(pane, "Locked");
  }

  /** Fails if the page did what a quiet page doesn't. */
  async assertQuiet() {
    assert.deepEqual(await this.browser.run(() => globalThis.problems), [], "the page was not quiet");
    const strange = this.requests.filter(
      ({ method, url }) => method !== "GET" || !(this.#own.has(url.slice(1)) || url === "/favicon.ico"),
    );
    assert.deepEqual(strange, [], "it asked for something else");
  }

  reads(region, text) {
    return this.browser.until(`“${text}” in ${region}`, (...args) => globalThis.look.reads(...args), region, text);
  }

  /** Now, without waiting. */
  readsNow(region, text) {
    return this.browser.run((...args) => globalThis.look.reads(...args), region, text);
  }

  text(region, selector = "*") {
    return this.browser.run(
      (region, selector) => globalThis.look.region(region).querySelector(selector)?.textContent.trim(),
      region,
      selector,
    );
  }

  count(region, selector) {
    return this.browser.run(
      (region, selector) => globalThis.look.region(region).querySelectorAll(selector).length,
      region,
      selector,
    );
  }

  /** Clicks as soon as it is there and stands still: what moves under the pointer isn't hit. */
  async click(region, start) {
    const find = (...args) => globalThis.look.still(() => globalThis.look.control(...args));
    await this.browser.click(await this.browser.until(`“${start}” to click in ${region}`, find, region, start));
  }

  async type(region, label, text) {
    const find = (...args) => globalThis.look.field(...args);
    await this.browser.type(await this.browser.until(`the field “${label}” of ${region}`, find, region, label), text);
  }

  async write({ patient, diagnosis, notes }) {
    for (const [label, text] of [
      ["Patient’s name", patient],
      ["Diagnosis", diagnosis],
      ["Notes for the clinic", notes],
    ]) {
      if (text !== undefined) await this.type(WARD, label, text);
    }
  }

  async send(path) {
    if (path) await this.type(WARD, "Choose a file", path);
    await this.click(WARD, "Encrypt and send");
    await this.reads(WARD, "Encrypted and sent.");
  }

  async openTransfer(region) {
    await this.click(region, "Open transfer");
    return this.browser.until(`a record in ${region}`, (region) => globalThis.look.record(region), region);
  }

  /** What a link or a button saves: the bytes and the name. */
  async saved(press) {
    const { downloads } = this.browser;
    // A browser may take a name again.
    for (const name of readdirSync(downloads)) rmSync(join(downloads, name));
    await press();
    const name = await until("a saved file", () => {
      const fresh = readdirSync(downloads);
      const whole = fresh.filter((name) => !/\.(part|crdownload|wkdownload)$|^\./.test(name));
      return fresh.length === whole.length && whole[0];
    });
    const path = join(downloads, name);
    let bytes = readFileSync(path);
    // Some browsers write to the file itself: it is whole when it no longer grows.
    await until("the whole file", async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const more = readFileSync(path);
      const still = more.length === bytes.length;
      bytes = more;
      return still;
    });
    return { name, path, bytes };
  }

  async saveFile(region) {
    await this.click(region, "Decrypt the file");
    return this.saved(() => this.click(region, "Save "));
  }

  async backUpBoth() {
    for (const pane of [WARD, CLINIC]) {
      await this.click(pane, "Back up");
      await this.type(pane, "Password", PASSWORD);
      await this.type(pane, "Repeat the password", PASSWORD);
      await this.click(pane, "Seal and back up");
      await this.reads(pane, "Backed up.");
    }
  }

  async wipe() {
    await this.click(BROWSER, "Nightly wipe");
    await this.reads(BROWSER, "Wiped: the browser holds nothing");
    await this.locked();
  }

  async unlock(region) {
    await this.type(region, "Password", PASSWORD);
    await this.click(region, "Unlock");
    await this.reads(region, "Key in memory");
  }
}
