// One browser of any engine, driven by the W3C WebDriver protocol: a page to go to, code to run in it, keys and clicks as a person makes them.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { display, ENGINES, find, missing } from "./browsers.mjs";
import { freePort } from "./free-port.mjs";
import { Failure } from "./run.mjs";

/** What waits in vain ends; a busy machine takes its time. */
const START_MS = 120_000;
const LOAD_MS = 180_000;
const SCRIPT_MS = 280_000;
/** Tests of this process move its clocks. */
const now = performance.now.bind(performance);

/** A browser with a fresh profile and a driver of its own, as a `Session`. */
export async function openBrowser(engine) {
  const found = find(engine);
  if (!found) throw new Failure(missing(engine));
  const { capabilities, env } = ENGINES[engine];
  const home = mkdtempSync(join(tmpdir(), `wardkey-${engine}-`));
  const downloads = join(home, "Downloads");
  mkdirSync(downloads);
  // MiniBrowser saves where the desktop says.
  writeFileSync(join(home, "user-dirs.dirs"), `XDG_DOWNLOAD_DIR="${downloads}"\n`);
  const screen = engine === "webkit" ? await display() : undefined;
  const port = await freePort();
  const driver = spawn(found.driver, [`--port=${port}`], {
    stdio: "ignore",
    // A group of its own: what the driver started ends with it.
    detached: true,
    env: {
      ...process.env,
      ...env(),
      ...(screen ? { DISPLAY: screen.name, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home } : {}),
    },
  });
  const stop = async () => {
    const ended = new Promise((resolve) => driver.once("exit", resolve));
    if (driver.exitCode === null && driver.signalCode === null) {
      process.kill(-driver.pid, "SIGTERM");
      await Promise.race([ended, sleep(3000)]);
    }
    try {
      process.kill(-driver.pid, "SIGKILL");
    } catch {
      // the group is gone
    }
    screen?.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const address = `http://127.0.0.1:${port}`;
    await answers(address, driver);
    const { sessionId } = await command(address, "POST", "/session", {
      capabilities: { alwaysMatch: capabilities(found, downloads) },
    });
    const session = new Session(`${address}/session/${sessionId}`, downloads, stop);
    await session.send("POST", "/timeouts", { script: SCRIPT_MS, pageLoad: LOAD_MS });
    return session;
  } catch (error) {
    await stop();
    throw error;
  }
}

export class Session {
  #address;
  #stop;

  constructor(address, downloads, stop) {
    this.#address = address;
    this.downloads = downloads;
    this.#stop = stop;
  }

  send(method, path, body) {
    return command(this.#address, method, path, body);
  }

  goto(url) {
    return this.send("POST", "/url", { url });
  }

  /** Runs a function in the page, async or not, and gives what it returned. It sees its arguments and the page, nothing of this file. */
  async run(work, ...args) {
    const script = `
      const done = arguments[arguments.length - 1];
      (async () => (${work}).apply(null, [].slice.call(arguments, 0, -1)))().then(
        (value) => done({ value }),
        (error) => done({ error: String(error) + "\\n" + (error && error.stack) }),
      );`;
    const { value, error } = await this.send("POST", "/execute/async", { script, args });
    if (error !== undefined) throw new Error(error);
    return value;
  }

  /** Until the function gives something true; that is what is returned. */
  async until(what, work, ...args) {
    return until(what, () => this.run(work, ...args));
  }

  click(element) {
    return this.send("POST", `/element/${idOf(element)}/click`, {});
  }

  /** Types into a field or, for a file input, chooses the file of that path. */
  async type(element, text) {
    await this.send("POST", `/element/${idOf(element)}/value`, { text });
  }

  async close() {
    try {
      await this.send("DELETE", "");
    } finally {
      await this.#stop();
    }
  }
}

/** Asks again until the answer is true. */
export async function until(what, ask, ms = 60_000) {
  const end = now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await sleep(50);
  }
}

/** The name that the protocol gives to a reference to an element. */
const idOf = (element) => element["element-6066-11e4-a52e-4f735466cecf"];

async function command(address, method, path, body) {
  const response = await fetch(address + path, {
    method,
    headers: { "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`WebDriver: ${value?.error}: ${value?.message}`);
  return value;
}

async function answers(address, driver) {
  const end = now() + START_MS;
  for (;;) {
    if (driver.exitCode !== null) throw new Failure(`the driver ended with ${driver.exitCode}`);
    const ready = await fetch(`${address}/status`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    if (now() > end) throw new Failure("the driver doesn't answer");
    await sleep(50);
  }
}
