// Drives Chromium for npm run bench: a page for each case, and a browser for each measurement of memory.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { page } from "./bench-page.mjs";
import { CHROMIUM_ARGS } from "./chromium.mjs";
import { serve } from "./serve.mjs";
import * as tools from "./tools.mjs";

/** A case that takes longer is stuck. */
const STUCK_MS = 180_000;
/** What a case leaves behind is not to be tidied up in the time of the next: the page can ask for it. */
const ARGS = [...CHROMIUM_ARGS, "--js-flags=--expose-gc"];

/** The share of all processors' time that is used while this command and its browser wait: by others, then. */
async function usedByOthers() {
  const sum = (select) => cpus().reduce((total, { times }) => total + select(times), 0);
  const idle = () => sum((times) => times.idle);
  const all = () => sum((times) => Object.values(times).reduce((a, b) => a + b));
  const before = { idle: idle(), all: all() };
  await wait(500);
  return 1 - (idle() - before.idle) / (all() - before.all);
}

async function launch(args) {
  const { chromium } = await import("playwright-core");
  return chromium.launch({ executablePath: tools.chromium().chromium, args });
}

async function open(browser, url) {
  const tab = await browser.newPage();
  tab.setDefaultTimeout(STUCK_MS);
  await tab.goto(url);
  await tab.waitForFunction(() => typeof globalThis.measure === "function");
  return tab;
}

async function inTime(name, work) {
  const timer = new AbortController();
  const stuck = wait(STUCK_MS, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new Error(`${name} is stuck`);
  });
  stuck.catch(() => undefined);
  try {
    return await Promise.race([work, stuck]);
  } finally {
    timer.abort();
  }
}

/** The cases whose names begin with one of `only`; all without. */
async function cases(site, { only, quick }) {
  const browser = await launch(ARGS);
  try {
    const list = await open(browser, site.url);
    const names = (await list.evaluate(() => globalThis.caseNames)).filter(chosen(only));
    await list.close();
    const results = {};
    const others = [];
    for (const name of names) {
      // Until the browser has started, or is done with the last page.
      await wait(500);
      others.push(await usedByOthers());
      // A page each: nothing that one leaves in memory is in the next one's way.
      const tab = await open(browser, site.url);
      const start = performance.now();
      const work = tab.evaluate(([name, options]) => globalThis.measure(name, options), [name, { quick }]);
      results[name] = await inTime(name, work);
      await tab.close();
      console.log(`${seconds(start)}  ${name}`);
    }
    return { results, others, browser: `Chromium ${browser.version()}` };
  } finally {
    await browser.close();
  }
}

const chosen = (only) => (name) => only.length === 0 || only.some((part) => name.startsWith(part));
const seconds = (start) => `${((performance.now() - start) / 1000).toFixed(1).padStart(8)} s`;

/** The most memory a process has had, in bytes; undefined on systems that don't tell. */
function highWater(pid) {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib && 1024 * Number(kib);
  } catch {
    return undefined;
  }
}

/** A browser for each: its one busy renderer has done nothing else. */
async function peakOf(site, side, both, quick) {
  const browser = await launch(CHROMIUM_ARGS);
  try {
    const tab = await open(browser, site.url);
    const work = tab.evaluate(
      ([side, both, options]) => globalThis.measurePeak(side, both, options),
      [side, both, { quick }],
    );
    const result = await inTime(`peak of ${side}`, work);
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const [busiest] = processInfo.filter(({ type }) => type === "renderer").sort((a, b) => b.cpuTime - a.cpuTime);
    return { ...result, peak: highWater(busiest.id) };
  } finally {
    await browser.close();
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function peaks(site, { only, quick }) {
  const results = {};
  for (const [name, both] of Object.entries({ "peak encrypt": false, "peak encrypt and decrypt": true })) {
    if (!chosen(only)(name)) continue;
    const start = performance.now();
    const runs = { ours: [], bare: [] };
    for (let round = 0; round < (quick ? 1 : 5); round += 1) {
      const sides = Object.keys(runs);
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        runs[side].push(await peakOf(site, side, both, quick));
      }
    }
    const measured = runs.ours[0].peak !== undefined;
    const middle = (side) => (measured ? median(runs[side].map(({ peak }) => peak)) : null);
    results[name] = { ours: middle("ours"), beside: middle("bare"), wasm: runs.ours[0].wasm, runs };
    console.log(`${seconds(start)}  ${name}`);
  }
  return results;
}

export async function inChromium(options) {
  const site = await serve(page);
  try {
    const { results, others, browser } = await cases(site, options);
    return {
      results: { ...results, ...(await peaks(site, options)) },
      browser,
      others: others.reduce((sum, share) => sum + share, 0) / Math.max(1, others.length),
    };
  } finally {
    await site.close();
  }
}
