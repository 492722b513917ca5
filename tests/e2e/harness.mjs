// For every file of page tests that imports this: one Chromium, one static server, one folder; and a page that is watched while a test drives it.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { serve } from "../../scripts/serve.mjs";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIST = `${ROOT}www/dist`;

export const PASSWORD = "three blue herons at dawn";
export const WARD_ID = "ada.lindqvist@ward.example";
export const CLINIC_ID = "tomas.okafor@rehab.example";

export const RECORD = {
  patient: "Käthe Müller-Şahin",
  born: "1948-12-31",
  diagnosis: "Ischaemic stroke, I63.4",
  notes: "Left hemiparesis.\nSwallows safely; 🩺 daily speech therapy.",
};
export const RECORD_SHOWN = {
  "Patient’s name": RECORD.patient,
  "Date of birth": "31 December 1948",
  Diagnosis: RECORD.diagnosis,
  "Notes for the clinic": RECORD.notes,
};
const TELLTALES = ["Käthe", "Müller", "1948", "stroke", "hemiparesis", "scan of", PASSWORD];

export let site;
/** For files that a test makes. */
export let folder;

before(async () => {
  site = await startSite();
  folder = await mkdtemp(join(tmpdir(), "wardkey-e2e-"));
});

after(async () => {
  await site?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** Runs a test on a page of its own, in a browser profile of its own, and fails if the page wasn't quiet. */
export function onPage(name, run, options) {
  test(name, { timeout: 120_000 }, async () => {
    const visit = await site.visit(options);
    try {
      await visit.ready();
      await run(visit);
    } catch (error) {
      await visit.page.context().close();
      if (visit.problems.length > 0) error.message += `\nThe page said: ${visit.problems.join("; ")}`;
      throw error;
    }
    await visit.close();
  });
}

export function assertNothingReadable(text, where) {
  for (const word of TELLTALES) assert.ok(!text.includes(word), `${where} contains “${word}”`);
}

/** Throws one clear line if what the tests need isn't there. */
function demand(path, what) {
  if (!existsSync(path)) throw new Error(`${what} is missing: ${path}`);
}

async function startSite() {
  demand(`${ROOT}pkg/index.js`, "the built package (npm run build)");
  demand(`${DIST}/index.html`, "the built page (npx webpack --mode production)");
  demand(CHROMIUM, "a browser (set CHROMIUM to its path)");
  const site = await serve(DIST, { port: 0 });
  try {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
    const close = () => browser.close().finally(site.close);
    await proveItStarts(browser, site.url).catch((error) => close().finally(() => Promise.reject(error)));
    return { url: site.url, visit: (options) => visit(browser, site.url, options), close };
  } catch (error) {
    await site.close();
    throw error;
  }
}

/** One clear line, where every single test would wait in vain. */
async function proveItStarts(browser, url) {
  const page = await browser.newPage();
  await page.goto(url);
  const pane = page.getByRole("region", { name: "Emergency ward" });
  const notice = page.locator("#notice [data-kind=bad]");
  await pane.or(notice).first().waitFor({ timeout: 20_000 });
  const words = (await notice.count()) > 0 ? await notice.textContent() : undefined;
  await page.close();
  if (words !== undefined) throw new Error(`the page doesn't start: ${words}`);
}

/** Opens the page, and notes everything that a quiet page doesn't do. `prepare` runs in the page before its own code. */
async function visit(browser, url, { prepare, ...options } = {}) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const problems = [];
  const { origin } = new URL(url);
  await context.exposeBinding("reportPolicyViolation", (_source, report) => problems.push(`CSP: ${report}`));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      window.reportPolicyViolation(`${event.effectiveDirective} ${event.blockedURI}`),
    );
  });
  context.on("request", (request) => {
    const address = request.url();
    const own = address.startsWith(`${origin}/`) || address.startsWith(`blob:${origin}/`);
    if (!own) problems.push(`request to ${address}`);
    else if (address.includes("?")) problems.push(`a URL with a query: ${address}`);
  });
  context.on("response", (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
  });
  context.on("weberror", (error) => problems.push(`uncaught: ${error.error()}`));
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  if (prepare) await context.addInitScript(prepare);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(url);
  return new Visit(page, problems);
}

class Visit {
  constructor(page, problems) {
    this.page = page;
    this.problems = problems;
    this.ward = new Pane(page, "Emergency ward");
    this.clinic = new Pane(page, "Rehabilitation clinic");
    this.browser = page.getByRole("region", { name: "What this browser holds" });
    this.server = page.getByRole("region", { name: "What the server holds" });
  }

  async ready() {
    await this.ward.badge("Key in memory").waitFor();
    await this.clinic.badge("Key in memory").waitFor();
    return this;
  }

  async locked() {
    await this.ward.badge("Locked").waitFor();
    await this.clinic.badge("Locked").waitFor();
  }

  async backUpBoth() {
    for (const pane of [this.ward, this.clinic]) await pane.backUp(PASSWORD);
  }

  async wipe() {
    await this.page.getByRole("button", { name: "Nightly wipe" }).click();
    await this.browser.getByText("Wiped: the browser holds nothing").waitFor();
  }

  /** What "Save" writes, as bytes. */
  async save() {
    const download = this.page.waitForEvent("download");
    await this.page.getByRole("button", { name: "Save server contents to a file" }).click();
    return bytesOf(await download);
  }

  async load(buffer, name = "server.wardkey") {
    await this.page
      .getByLabel("Load from a file")
      .setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  }

  /** Loads, and waits for what the page says of this very file. */
  async loadAndSettle(buffer) {
    const earlier = await this.server.getByRole("status").evaluateHandle((status) => status.firstChild);
    await this.load(buffer);
    await this.page.waitForFunction(
      ([status, old]) => status.firstChild && status.firstChild !== old && status.dataset.kind !== "busy",
      [await this.server.getByRole("status").elementHandle(), earlier],
    );
  }

  dialog(title) {
    return this.page.getByRole("dialog", { name: title });
  }

  /** Counted by the browser, not by the page's own code. */
  storage() {
    return this.page.evaluate(async () => ({
      localStorage: Object.entries(localStorage),
      sessionStorage: Object.entries(sessionStorage),
      databases: (await indexedDB.databases()).map(({ name }) => name),
      caches: await caches.keys(),
    }));
  }

  async close() {
    await this.page.context().close();
    assert.deepEqual(this.problems, [], "the page was not quiet");
  }
}

class Pane {
  constructor(page, name) {
    this.page = page;
    this.region = page.getByRole("region", { name });
  }

  badge(text) {
    return this.region.locator(".pane-head").getByText(text, { exact: true });
  }

  /** Only what is visible: the forms for backing up and for unlocking are both in the page. */
  field(label) {
    return this.region.getByLabel(label, { exact: true }).filter({ visible: true });
  }

  button(name) {
    return this.region.getByRole("button", { name });
  }

  async fingerprint() {
    return (await this.region.locator(".fingerprint").textContent()).trim();
  }

  async write({ patient, born, diagnosis, notes }) {
    if (patient !== undefined) await this.field("Patient’s name").fill(patient);
    if (born !== undefined) await this.field("Date of birth").fill(born);
    if (diagnosis !== undefined) await this.field("Diagnosis").fill(diagnosis);
    if (notes !== undefined) await this.field("Notes for the clinic").fill(notes);
  }

  async attach(file) {
    await this.region.getByLabel("Choose a file").setInputFiles(file);
  }

  async send() {
    await this.button("Encrypt and send").click();
    await this.region.getByText("Encrypted and sent.").waitFor();
  }

  /** Opens the newest transfer of the list. */
  async open() {
    await this.button(/^Open transfer/)
      .first()
      .click();
  }

  record() {
    return this.region.locator(".record").first();
  }

  async readRecord() {
    await this.record().waitFor();
    const terms = await this.record().locator("dt").allTextContents();
    const values = await this.record().locator("dd").allTextContents();
    return Object.fromEntries(terms.map((term, at) => [term, values[at]]));
  }

  async saveFile() {
    await this.button(/^Decrypt the file/).click();
    const link = this.region.getByRole("link", { name: /^Save / });
    await link.waitFor();
    const download = this.page.waitForEvent("download");
    await link.click();
    return download;
  }

  async backUp(password) {
    await this.region.locator("summary", { hasText: "Back up" }).click();
    await this.field("Password").fill(password);
    await this.field("Repeat the password").fill(password);
    await this.button("Seal and back up").click();
    await this.region.getByText("Backed up.").waitFor();
  }

  async tryPassword(password) {
    await this.field("Password").fill(password);
    await this.button("Unlock").click();
  }

  async unlock(password = PASSWORD) {
    await this.tryPassword(password);
    await this.badge("Key in memory").waitFor();
  }

  /** Waits for an error by its code, and gives the words beside it. */
  async error(code) {
    const status = this.region.getByRole("status").filter({ has: this.page.getByText(code, { exact: true }) });
    await status.waitFor();
    return status.textContent();
  }
}

export async function bytesOf(download) {
  const parts = [];
  for await (const part of await download.createReadStream()) parts.push(part);
  return Buffer.concat(parts);
}
