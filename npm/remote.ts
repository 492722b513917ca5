// One worker, from its start to its end.
import { buffers, type Failure, type Job, type Jobs, type Reply, type Request, type Start } from "./jobs.js";

/** A worker that hasn't answered by then is none, or not ours. */
const START_MS = 10_000;
/** No job takes as long: it never hangs, whatever became of the worker. */
const JOB_MS = 60_000;

/** The worker is no more, or never was: nothing is known of its jobs. */
const gone = () => new Error("the worker is gone");

/** What the core said of a job. */
export class JobError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

interface Pending {
  resolve(ok: Uint8Array): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export class Remote {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  gone = false;

  private constructor(worker: Worker, port: MessagePort) {
    this.#worker = worker;
    this.#port = port;
  }

  /** Gives a worker that works, or fails. */
  static start(make: () => Worker, module: WebAssembly.Module): Promise<Remote> {
    return new Promise((resolve, reject) => {
      const worker = make();
      if (!(worker instanceof Worker)) throw new TypeError("not a Worker");
      const { port1, port2 } = new MessageChannel();
      const remote = new Remote(worker, port1);
      const fail = (event?: Event) => {
        clearTimeout(timer);
        event?.preventDefault();
        remote.end();
        reject(gone());
      };
      const timer = setTimeout(fail, START_MS);
      for (const name of ["error", "messageerror"]) worker.addEventListener(name, fail);
      // No event says that the application terminated a worker of its own.
      worker.terminate = () => {
        Worker.prototype.terminate.call(worker);
        if (!remote.gone) fail();
      };
      port1.onmessage = ({ data }: MessageEvent<Reply>) => {
        if ("ready" in data) {
          clearTimeout(timer);
          resolve(remote);
        } else {
          remote.#settle(data);
        }
      };
      try {
        const start: Start = { wardkey: 1, module };
        worker.postMessage(start, [port2]);
      } catch {
        fail();
      }
    });
  }

  /** What is given moves to the worker, which wipes it. */
  call<J extends Job>(job: J, given: Jobs[J]): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      const timer = setTimeout(() => this.end(), JOB_MS);
      this.#pending.set(id, { resolve, reject, timer });
      const request: Request = { id, job, given };
      if (this.gone) this.end();
      else this.#port.postMessage(request, buffers(given));
    });
  }

  #settle(reply: { id: number; ok: Uint8Array } | { id: number; error: Failure }): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    this.#pending.delete(reply.id);
    clearTimeout(pending.timer);
    if ("ok" in reply) pending.resolve(reply.ok);
    else pending.reject(new JobError(reply.error));
  }

  /** Terminates it. What it was working on is unknown, and fails. */
  end(): void {
    this.gone = true;
    this.#port.close();
    this.#worker.terminate();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(gone());
    }
    this.#pending.clear();
  }
}
