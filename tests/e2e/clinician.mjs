// Somebody at a browser of any engine: reads, clicks and types by what stands on the page, and is watched meanwhile.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, until } from "../../scripts/webdriver.mjs";

/** Counted by the browser, in the page, not by the page's own code. */
const countStorage = async () => ({
  localStorage: Object.keys(localStorage),
  sessionStorage: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(({ name }) => name),
  caches: globalThis.caches ? await caches.keys() : [],
});

/** Run in the page: hospital IT doesn't ask it. A database that the page has open goes as soon as it lets go. */
const clearStorage = async () => {
  localStorage.clear();
  sessionStorage.clear();
  for (const name of await caches.keys()) await caches.delete(name);
  for (const { name } of await indexedDB.databases()) {
    await new Promise((resolve) => {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = request.onerror = request.onblocked = resolve;
    });
  }
};

const MOVED = /^WebDriver: (stale element reference|element not interactable|element click intercepted)/;

export const NOTHING = { localStorage: [], sessionStorage: [], databases: [], caches: [] };

export class Clinician {
  /** Who works here, as soon as somebody does: `{ name, password }`. */
  person;
  #isEmpty = false;

  /** At a desk of a site: `desk` names the line to the application's server that is his alone. */
  static async open(engine, site, desk) {
    const browser = await openBrowser(engine);
    await browser.send("POST", "/window/rect", { width: 1280, height: 1000 });
    return new Clinician(browser, { engine, desk, line: site.lines[desk] });
  }

  constructor(browser, { engine, desk, line }) {
    Object.assign(this, { browser, engine, desk, line, url: line.url });
  }

  close() {
    return this.browser.close();
  }

  /** Away from the page; what it stored goes, the login too. */
  async leaves() {
    await this.browser.goto(`${this.url}/empty.html`);
    await this.browser.send("DELETE", "/cookie");
    await this.browser.run(clearStorage);
    this.#isEmpty = true;
  }

  /** The page as at a first visit. */
  async visit(page = "") {
    if (!this.#isEmpty) {
      await this.assertQuiet();
      await this.leaves();
    }
    this.#isEmpty = false;
    await this.browser.goto(`${this.url}/${page}`);
  }

  async reload() {
    await this.assertQuiet();
    await this.browser.send("POST", "/refresh", {});
  }

  /** All that the browser keeps goes, under the open page. */
  async losesStorage() {
    await this.browser.run(clearStorage);
  }

  /** What hospital IT does at night: all that the browser keeps goes, and it is opened anew. The password alone brings everything back, at the place where somebody was. */
  async isWiped() {
    await this.assertQuiet();
    const place = await this.browser.run(() => location.hash);
    await this.browser.goto(`${this.url}/empty.html`);
    await this.losesStorage();
    assert.deepEqual(await this.storage(), NOTHING);
    await this.browser.goto(`${this.url}/${place}`);
    await this.reads(`Welcome back, ${this.person.name}`);
    await this.type("Password", this.person.password);
    await this.click("Unlock");
    await this.reads("your password has brought everything back");
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

  /** Waits until it stands nowhere in the page any more, seen or not. */
  async gone(text, within) {
    await this.browser.until(`no “${text}”`, (...args) => !globalThis.look.holds(...args), text, within);
  }

  /** Whether it stands in the page at this moment, seen or not. */
  readsNow(text, within) {
    return this.browser.run((...args) => globalThis.look.holds(...args), text, within);
  }

  /** What the page says of itself in these elements, as soon as it says something there. */
  texts(selector, within) {
    const find = (...args) => {
      const found = globalThis.look.texts(...args);
      return found.length > 0 && found;
    };
    return this.browser.until(`a text in ${selector}`, find, selector, within);
  }

  /** Clicks as soon as it is there and stands still; what moved away under the pointer is clicked again. */
  async click(name, within) {
    const find = (...args) => globalThis.look.target(...args);
    await until(`“${name}” to click`, async () => {
      const control = await this.browser.run(find, name, within);
      return control && this.#hits(control);
    });
  }

  /** Whether the click came to it. The page may have drawn anew in between. */
  async #hits(element) {
    try {
      await this.browser.click(element);
      return await this.browser.run(() => globalThis.look.wasHit());
    } catch (error) {
      if (MOVED.test(error.message)) return false;
      throw error;
    }
  }

  /** What was in the field before goes. A file input takes a path. A view that has just been drawn takes the focus to its heading: who was faster types again, as a person does who looks. */
  async type(label, text, within) {
    const find = (...args) => globalThis.look.emptied(...args);
    const holds = (field, text) => field.type === "file" || field.value === text;
    await until(`what is typed in the field “${label}”`, async () => {
      const field = await this.browser.run(find, label, within);
      if (!field) return false;
      await this.browser.type(field, text);
      return this.browser.run(holds, field, text);
    });
  }

  choose(label, option, within) {
    const choose = (...args) => globalThis.look.choose(...args);
    return this.browser.until(`“${option}” of “${label}”`, choose, label, option, within);
  }

  /** Reads the page in another language from then on. */
  async speaks(language) {
    await this.browser.until(`the language ${language}`, (language) => globalThis.look.speaks(language), language);
  }

  slide(label, value) {
    return this.browser.until(`the slider “${label}”`, (...args) => globalThis.look.slide(...args), label, value);
  }

  /** By a click on a seeded person's card. */
  async enters(name) {
    await this.visit();
    await this.knows(name);
    await this.click(name, ".gate");
    await this.ready();
  }

  /** By user id and password; the page is open. */
  async signsIn(userId, password) {
    await this.type("User ID", userId);
    await this.type("Password", password);
    await this.click("Sign in");
  }

  /** Whose password it is that brings things back; a seeded person's is known. */
  async knows(name, password) {
    if (password === undefined) {
      const { people } = await (await fetch(`${this.url}/api/config`)).json();
      password = people.find((person) => person.name === name).demoPassword;
    }
    this.person = { name, password };
  }

  /** The list is opened. */
  async ready() {
    await this.browser.until("the opened list", () => document.querySelector(".list .list-title [role=status]"));
  }

  /** To a view of the navigation, and waits for it: what is asked of the page next isn't asked of the one before. */
  async goes(view) {
    await this.click(view, "nav");
    await this.browser.until(`the view “${view}”`, (name) => globalThis.look.isAt(name), view);
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
    return this.browser.run(countStorage);
  }

  /** What a button saves: the bytes and the name, as soon as the file is as long as it must be. */
  async saved(press, size) {
    const { downloads } = this.browser;
    // A browser may take a name again.
    for (const name of readdirSync(downloads)) rmSync(join(downloads, name));
    await press();
    // One writes to the file itself, another beside it and takes the name in the end.
    const name = await until(`a saved file of ${size} bytes`, () => {
      const names = readdirSync(downloads);
      const [name] = names.filter((name) => !/\.(part|crdownload|wkdownload)$|^\./.test(name));
      return names.length === 1 && name && statSync(join(downloads, name)).size >= size && name;
    });
    return { name, bytes: readFileSync(join(downloads, name)) };
  }
}
