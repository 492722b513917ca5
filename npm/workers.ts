// Where slow work runs: in a worker, if one can be started; on the calling thread otherwise.
import { call, core, module } from "./core.js";
import { invalid, type KnownErrorCode, WardkeyError } from "./errors.js";
import { script } from "./inlined-worker.js";
import { type Job, type Jobs, perform, wipe } from "./jobs.js";
import { JobError, Remote } from "./remote.js";

/** So many workers at once; more would only share the same cores and memory. */
let atOnce = 2;
/** A worker without work ends then; the memory that a derivation took ends with it. */
const IDLE_MS = 30_000;

type Make = () => Worker;

/** The file beside this one, as bundlers know this very form; then a script of its own in a blob, which no bundler touches. */
function ownWays(): Make[] {
  if (typeof Worker !== "function") return [];
  return [() => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }), fromBlob];
}

function fromBlob(): Worker {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  // The worker has it from its start on; revoked sooner, some browsers don't find it.
  setTimeout(() => URL.revokeObjectURL(url), IDLE_MS);
  return new Worker(url);
}

class Pool {
  /** In the order in which they are tried. One that failed before it ever worked isn't tried again. */
  #ways: Make[];
  readonly #proven = new Set<Make>();
  readonly #idle = new Map<Remote, ReturnType<typeof setTimeout>>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #closed = false;
  kind: "started" | "inline" | undefined;

  constructor(ways: Make[]) {
    this.#ways = ways;
  }

  /** One that is free, or a new one; nothing where there can be none. */
  async take(): Promise<Remote | undefined> {
    if (this.#busy >= atOnce) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return this.take();
    }
    this.#busy += 1;
    for (const [remote, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(remote);
      if (!remote.gone) return remote;
    }
    const remote = await this.#start();
    this.kind = remote ? "started" : "inline";
    if (!remote) this.#leave();
    return remote;
  }

  /** One that is free, and stays so: for what is short, and waits for nobody. */
  idle(): Remote | undefined {
    for (const [remote, timer] of this.#idle) {
      clearTimeout(timer);
      if (remote.gone) {
        this.#idle.delete(remote);
      } else {
        this.#keep(remote);
        return remote;
      }
    }
    return undefined;
  }

  /** Starts one for later, if there is none yet. */
  async prepare(): Promise<void> {
    if (this.#busy > 0 || this.#idle.size > 0) return;
    const remote = await this.take();
    if (remote) this.give(remote);
  }

  async #start(): Promise<Remote | undefined> {
    for (const way of this.#ways) {
      try {
        const remote = await Remote.start(way, module());
        this.#proven.add(way);
        return remote;
      } catch {
        if (!this.#proven.has(way)) this.#ways = this.#ways.filter((other) => other !== way);
      }
    }
    return undefined;
  }

  give(remote: Remote): void {
    if (remote.gone || this.#closed) {
      remote.end();
    } else {
      this.#keep(remote);
    }
    this.#leave();
  }

  #keep(remote: Remote): void {
    const end = () => {
      this.#idle.delete(remote);
      remote.end();
    };
    this.#idle.set(remote, setTimeout(end, IDLE_MS));
  }

  #leave(): void {
    this.#busy -= 1;
    this.#waiting.shift()?.();
  }

  /** Workers end, those at work after it. */
  close(): void {
    this.#closed = true;
    for (const [remote, timer] of this.#idle) {
      clearTimeout(timer);
      remote.end();
    }
    this.#idle.clear();
  }
}

let pool: Pool | undefined;
/** The application chose it, or there are no workers in this environment: nothing to be said of it. */
let quiet = false;

/** For bundlers and policies in which the package can't start its own worker: docs/guide/workers.md. `make` starts a worker whose script is
 *  `wardkey/worker`, each time it is called; "none" has all done on the calling thread. For the calls that begin from now on.
 *  @throws `invalid-argument` */
export function setWorker(make: (() => Worker) | "none"): void {
  if (make !== "none" && typeof make !== "function") throw invalid('a function that makes a Worker, or "none"');
  pool?.close();
  pool = new Pool(make === "none" ? [] : [make, ...ownWays()]);
  quiet = make === "none" || typeof Worker !== "function";
}

/** How many workers may be at work at once, for measurements: 1 or 2.
 *  @internal */
export function setAtOnce(workers: number): void {
  atOnce = workers;
}

/** How the last slow work was done; undefined before any.
 *  @internal */
export function workerKind(): "started" | "inline" | undefined {
  return pool?.kind;
}

function current(): Pool {
  if (!pool) {
    pool = new Pool(ownWays());
    quiet = typeof Worker !== "function";
  }
  return pool;
}

/** Can a worker be started, or is one there? For what is better done otherwise than by jobs on the calling thread.
 *  @internal */
export async function hasWorker(): Promise<boolean> {
  const own = current();
  const remote = await own.take();
  if (remote) own.give(remote);
  return remote !== undefined;
}

/** A worker that has nothing to do, for a short job. It may be taken for a long one at any time: ask for each job.
 *  @internal */
export function idleWorker(): Remote | undefined {
  return current().idle();
}

/** Starts a worker for later, if there is none and one can be started. Nobody is told if not.
 *  @internal */
export function prepareWorker(): void {
  void current().prepare();
}

/** Does a job in a worker, or here. `given` makes the arguments, which are wiped; it is asked once more if a worker is lost on the way.
 *  @internal */
export async function run<J extends Job>(job: J, given: () => Jobs[J]): Promise<Uint8Array> {
  const wasm = await core();
  const own = current();
  for (let tries = 0; tries < 2; tries += 1) {
    const remote = await own.take();
    if (!remote) {
      sayInline();
      break;
    }
    let parts: Jobs[J] | undefined;
    try {
      parts = given();
      return await remote.call(job, parts);
    } catch (e) {
      if (e instanceof JobError) throw new WardkeyError(e.failure.code as KnownErrorCode, e.failure.message);
      // What the arguments themselves threw; otherwise the worker was lost.
      if (!parts) throw e;
    } finally {
      wipe(parts ?? []);
      own.give(remote);
    }
  }
  return call(() => perform(wasm, job, given()));
}

function sayInline(): void {
  if (quiet) return;
  quiet = true;
  console.warn(
    "wardkey: no worker could be started, so slow work stops this thread; see setWorker() in docs/guide/workers.md",
  );
}
