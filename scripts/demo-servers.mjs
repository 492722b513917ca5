// The demo's two servers as processes: where they listen, when they are ready, and that none is left.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ask, Failure, root } from "./run.mjs";

/** Longer than a server takes that finishes what it has begun. */
const STOPPING_MS = 25_000;

/** A running server. Its log goes to a file. */
export class Process {
  #log;

  constructor(name, program, args, log) {
    Object.assign(this, { name, program, args });
    this.#log = log;
  }

  /** Starts it, and waits until it listens; gives the lines of its log until then, as JSON. */
  async start() {
    const program = join(root, "target/debug", this.program);
    const child = spawn(program, this.args, { stdio: ["ignore", "ignore", "pipe"] });
    this.child = child;
    this.ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
    const failed = once(child, "error").then(([error]) => {
      throw new Failure(`${program}: ${error.message}`);
    });
    const file = createWriteStream(this.#log, { flags: "a", mode: 0o600 });
    child.stderr.pipe(file);
    const said = [];
    const listens = new Promise((resolve) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        if (said.length < 100) said.push(line);
        if (line.includes('"listening"')) resolve(said.map(parsed).filter(Boolean));
      });
    });
    const ends = this.ended.then(() => {
      throw new Failure(`the ${this.name} didn't start: ${said.map(told).join("; ")}`);
    });
    const result = await Promise.race([listens, ends, failed]);
    for (const other of [ends, failed]) other.catch(() => undefined);
    return result;
  }

  get pid() {
    return this.child?.pid;
  }

  get isRunning() {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Tells it to stop, and waits. */
  async stop() {
    if (!this.isRunning) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), STOPPING_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it as a power cut does. */
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const told = (line) => {
  const json = parsed(line);
  return json ? [json.message, json.error, json.cause].filter(Boolean).join(": ") : line;
};

/** Who runs in a folder, so that nothing is left of one that was killed. */
export class Running {
  #file;

  constructor(folder) {
    this.#file = join(folder, "running.json");
  }

  /** Ends servers that were left over. A demo that runs is left alone. */
  async clear() {
    if (!existsSync(this.#file)) return;
    const { demo, servers, url } = parsed(readFileSync(this.#file, "utf8")) ?? {};
    if (demo !== process.pid && commandOf(demo)?.includes("demo.mjs")) {
      throw new Failure(`the demo runs already, at ${url} (process ${demo}): stop it first`);
    }
    for (const { pid, program } of servers ?? []) {
      if (commandOf(pid)?.includes(program)) process.kill(pid, "SIGTERM");
      const end = Date.now() + STOPPING_MS;
      while (commandOf(pid)?.includes(program)) {
        if (Date.now() > end) process.kill(pid, "SIGKILL");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    this.remove();
  }

  write(url, servers) {
    const said = { demo: process.pid, url, servers: servers.map(({ pid, program }) => ({ pid, program })) };
    writeFileSync(this.#file, JSON.stringify(said));
  }

  remove() {
    rmSync(this.#file, { force: true });
  }
}

/** What a process was started as; undefined: there is none. */
function commandOf(pid) {
  return Number.isInteger(pid) ? ask("ps", ["-o", "args=", "-p", String(pid)]) : undefined;
}
