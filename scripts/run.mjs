// Running commands and steps; every step prints its time.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
/** Tools that are compiled or installed once for all clones. */
export const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "wardkey");
mkdirSync(cache, { recursive: true });

/** A failure that its text explains: no stack is printed. */
export class Failure extends Error {}

export function run(command, args = [], { cwd = root, env = {}, quiet = false, input } = {}) {
  const stdio = quiet ? ["pipe", "pipe", "pipe"] : [input === undefined ? "ignore" : "pipe", "inherit", "inherit"];
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio,
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (result.error) throw new Failure(`${command}: ${result.error.message}`);
  if (result.status !== 0) {
    if (quiet) process.stderr.write(`${result.stdout}${result.stderr}`);
    throw new Failure(`${command} ${args.join(" ")} failed (${result.signal ?? result.status})`);
  }
  return result.stdout ?? "";
}

/** A command beside others. `held`: what it prints comes when it has ended. */
export function runBeside(command, args = [], { cwd = root, env = {}, held = false } = {}) {
  return new Promise((resolve, reject) => {
    const output = held ? "pipe" : "inherit";
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", output, output] });
    const printed = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => printed.push(data));
    child.on("error", (error) => reject(new Failure(`${command}: ${error.message}`)));
    child.on("close", (status, signal) => {
      process.stdout.write(Buffer.concat(printed));
      if (status === 0) resolve();
      else reject(new Failure(`${command} ${args.join(" ")} failed (${signal ?? status})`));
    });
  });
}

/** Waits for all, whatever becomes of one. */
export async function together(...works) {
  const ended = await Promise.allSettled(works);
  for (const { reason } of ended) if (reason) throw reason;
}

/** Standard output of a command, or undefined where it isn't there or fails. */
export function ask(command, args = []) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

const times = [];

export async function step(name, work) {
  const start = performance.now();
  console.log(`\n── ${name}`);
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  times.push([name, seconds]);
  console.log(`── ${name}: ${seconds.toFixed(1)} s`);
  return result;
}

/** The whole command: what fails is one line, and the exit code. */
export async function main(name, work) {
  const start = performance.now();
  try {
    const [major, minor] = process.versions.node.split(".").map(Number);
    if (major < 20 || (major === 20 && minor < 10)) throw new Failure("Node 20.10 or later is needed");
    await work();
  } catch (error) {
    console.error(error instanceof Failure ? `\n${name}: ${error.message}` : error);
    process.exitCode = 1;
    return;
  }
  if (times.length > 1) {
    console.log(`\n${name}:`);
    for (const [step, seconds] of times) console.log(`${seconds.toFixed(1).padStart(8)} s  ${step}`);
  }
  console.log(`${name}: done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
