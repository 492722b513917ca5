// What the key server pushes. One page listens and tells the others, where the browser has locks; otherwise each listens.
import type { Backend } from "./backend.js";

/** @internal */
export class Push {
  readonly #backend: Backend;
  readonly #hear: (event: unknown) => void;
  #ended: (() => void) | undefined;

  constructor(backend: Backend, hear: (event: unknown) => void) {
    this.#backend = backend;
    this.#hear = hear;
  }

  /** Listens for this user, until stop(). */
  start(appId: string, userId: string): void {
    if (!this.#backend.events || this.#ended) return;
    let stopped = false;
    let stopListening: (() => void) | undefined;
    let leave: (() => void) | undefined;
    const ended = new AbortController();
    this.#ended = () => {
      stopped = true;
      ended.abort();
      leave?.();
      try {
        stopListening?.();
      } catch {
        // The application's: nothing comes of it any more.
      }
    };
    const listen = () => {
      if (stopped) return;
      try {
        const stop: unknown = this.#backend.events?.(userId, (event) => {
          if (!stopped) this.#hear(event);
        });
        if (typeof stop === "function") stopListening = stop as () => void;
      } catch {
        // Without push the feed is read in its time.
      }
    };
    const locks = typeof navigator === "object" ? navigator.locks : undefined;
    if (!locks) {
      listen();
      return;
    }
    const held = () => {
      listen();
      return stopped ? undefined : new Promise<void>((resolve) => (leave = resolve));
    };
    // A page whose wait is ended has stopped.
    locks.request(`wardkey.push.${appId}.${userId}`, { signal: ended.signal }, held).catch(() => undefined);
  }

  stop(): void {
    this.#ended?.();
    this.#ended = undefined;
  }
}
