// Somebody at a browser of any engine: reads, clicks and types by what stands on the page, and is watched meanwhile.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, until } from "../../scripts/webdriver.mjs";

export class Clinician {
  static async open(engine, url) {
    const browser = await openBrowser(engine);
    await browser.send("POST", "/window/rect", { width: 1280, height: 1000 });
    return new Clinician(browser, url);
  }

  constructor(browser, url) {
    this.browser = browser;
    this.url = url;
  }

  close() {
    return this.browser.close();
  }

  /** The page as at a first visit: what earlier ones stored is gone, the login too. */
  async visit(page = "") {
    await this.browser.goto(`${this.url}/empty.html`);
    await this.browser.send("DELETE", "/cookie");
    await this.browser.run(async () => {
      localStorage.clear();
      for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
    });
    await this.browser.goto(`${this.url}/${page}`);
  }

  reload() {
    return this.browser.send("POST", "/refresh", {});
  }

  /** Fails if the page did what a quiet page doesn't. */
  async assertQuiet() {
    assert.deepEqual(await this.browser.run(() => globalThis.problems ?? []), [], "the page was not quiet");
  }

  reads(text, within) {
    return this.browser.until(
      `“${text}”${within ? ` in ${within}` : ""}`,
      (...args) => globalThis.look.reads(...args),
      text,
      within,
    );
  }

  /** Waits until it is no longer to be read. */
  async gone(text, within) {
    await this.browser.until(`no “${text}”`, (...args) => !globalThis.look.reads(...args), text, within);
  }

  readsNow(text, within) {
    return this.browser.run((...args) => globalThis.look.reads(...args), text, within);
  }

  texts(selector, within) {
    return this.browser.run((...args) => globalThis.look.texts(...args), selector, within);
  }

  /** Clicks as soon as it is there and stands still: what moves under the pointer isn't hit. */
  async click(name, within) {
    const find = (...args) => globalThis.look.still(() => globalThis.look.control(...args));
    await this.browser.click(await this.browser.until(`“${name}” to click`, find, name, within));
  }

  /** What was in the field before goes. A file input takes a path. */
  async type(label, text, within) {
    const find = (...args) => globalThis.look.field(...args);
    const field = await this.browser.until(`the field “${label}”`, find, label, within);
    await this.browser.run((field) => globalThis.look.empty(field), field);
    await this.browser.type(field, text);
  }

  choose(label, option, within) {
    const choose = (...args) => globalThis.look.choose(...args);
    return this.browser.until(`“${option}” of “${label}”`, choose, label, option, within);
  }

  slide(label, value) {
    return this.browser.until(`the slider “${label}”`, (...args) => globalThis.look.slide(...args), label, value);
  }

  /** By a click on a seeded person's card. */
  async enters(name) {
    await this.visit();
    await this.click(name, ".gate");
    await this.ready();
  }

  /** The list is opened. */
  async ready() {
    await this.browser.until("the opened list", () => document.querySelector(".list .list-title [role=status]"));
  }

  goes(view) {
    return this.click(view, "nav");
  }

  /** Opens a transfer of the list, by its patient. */
  async opens(patient) {
    await this.click(patient, ".rows");
    await this.reads(patient, ".record");
  }

  /** Whether axe finds anything here. */
  async axe(where) {
    assert.deepEqual(await this.browser.run(() => globalThis.look.axe()), [], `axe, ${where}`);
  }

  /** Parts of files wait from this one on, however fast the machine is. (Firefox runs scripts beside the page: what they set on `globalThis` stays there.) */
  holdParts(from) {
    return this.browser.run((from) => {
      const { fetch } = window;
      const waiting = [];
      window.fetch = async (url, options) => {
        const part = options?.method === "PUT" ? /\/parts\/(\d+)$/.exec(url)?.[1] : undefined;
        if (part !== undefined && Number(part) >= from) {
          await new Promise((resolve, reject) => {
            options.signal?.addEventListener("abort", () => reject(options.signal.reason));
            waiting.push(resolve);
          });
        }
        return fetch(url, options);
      };
      window.letPartsGo = () => {
        window.fetch = fetch;
        for (const go of waiting) go();
      };
    }, from);
  }

  letPartsGo() {
    return this.browser.run(() => window.letPartsGo());
  }

  storage() {
    return this.browser.run(() => globalThis.look.storage());
  }

  /** What a button saves: the bytes and the name. */
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
    return { name, bytes };
  }
}
