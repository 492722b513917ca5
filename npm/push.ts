// What the key server pushes. One page listens and tells the others, where the browser has locks; otherwise each listens.
import type { Backend } from "./backend.js";

/** @internal */
export class Push {
  readonly #backend: Backend;
  readonly #hear: (event: unknown) => void;
  #stop: (() => void) | undefined;

  constructor(backend: Backend, hear: (event: unknown) => void) {
    this.#backend = backend;
    this.#hear = hear;
  }

  /** Listens for this user, until stop(). */
  start(appId: string, userId: string): void {
    if (!this.#backend.events || this.#stop) return;
    const ended = new AbortController();
    const { signal } = ended;
    this.#stop = () => ended.abort();
    const locks = typeof navigator === "object" ? navigator.locks : undefined;
    if (!locks) {
      this.#listen(userId, signal);
      return;
    }
    const held = () => {
      this.#listen(userId, signal);
      return new Promise<void>((resolve) => whenAborted(signal, resolve));
    };
    locks.request(`wardkey.push.${appId}.${userId}`, { signal }, held).catch(() => {
      // A page whose wait is ended has stopped; one that may have no locks listens by itself.
      this.#listen(userId, signal);
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  /** Without push the feed is read in its time, so nothing that fails here is told. */
  #listen(userId: string, signal: AbortSignal): void {
    if (signal.aborted) return;
    try {
      const stop: unknown = this.#backend.events?.(userId, (event) => {
        if (!signal.aborted) this.#hear(event);
      });
      whenAborted(signal, () => {
        try {
          if (typeof stop === "function") stop();
        } catch {
          // The application's: nothing comes of it any more.
        }
      });
    } catch {
      // The application's too.
    }
  }
}

function whenAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}
