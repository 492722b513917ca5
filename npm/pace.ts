// Long work in short tasks: the page stays alive, and a signal is heard.
const TASK_MS = 12;

export class Pace {
  #since = performance.now();

  /** Has this task been long enough? */
  isLong(): boolean {
    return performance.now() - this.#since >= TASK_MS;
  }

  /** Gives the event loop a turn if this task has been long enough. */
  async breathe(): Promise<void> {
    if (!this.isLong()) return;
    await nextTask();
    this.#since = performance.now();
  }
}

/** A timer. Node would wait for it, and not end. */
export function timer(act: () => void, ms: number): ReturnType<typeof setTimeout> {
  const id = setTimeout(act, ms);
  (id as { unref?(): void }).unref?.();
  return id;
}

/** Not a timer: those wait at least 4 ms. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
