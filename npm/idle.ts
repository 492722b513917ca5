// The idle lock: when nobody has done anything for so long, in any page.

const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"];
const CAPTURE = { capture: true, passive: true };
/** Signs come by the hundred. */
const NOTED_MS = 1000;

/** @internal */
export class Idle {
  readonly #ms: number;
  readonly #lock: () => void;
  readonly #tell: () => void;
  #last = 0;
  #told = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param tell says to the other pages that somebody is there */
  constructor(ms: number, lock: () => void, tell: () => void) {
    this.#ms = ms;
    this.#lock = lock;
    this.#tell = tell;
  }

  /** From now on. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#last = Date.now();
    this.#wait();
    if (typeof addEventListener !== "function") return;
    for (const sign of SIGNS) addEventListener(sign, this.#sign, CAPTURE);
    // After a sleep timers are late: before anybody sees anything.
    for (const name of ["visibilitychange", "pageshow"]) addEventListener(name, this.#look, CAPTURE);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (typeof removeEventListener !== "function") return;
    for (const sign of SIGNS) removeEventListener(sign, this.#sign, CAPTURE);
    for (const name of ["visibilitychange", "pageshow"]) removeEventListener(name, this.#look, CAPTURE);
  }

  /** Somebody does something, here or in another page. */
  active(): void {
    if (!this.#isOver()) this.#last = Date.now();
  }

  #sign = (): void => {
    const now = Date.now();
    if (Math.abs(now - this.#last) < Math.min(NOTED_MS, this.#ms / 10) && now >= this.#last) return;
    if (this.#isOver()) {
      this.#look();
      return;
    }
    this.#last = now;
    if (now - this.#told < Math.min(NOTED_MS, this.#ms / 10) && now >= this.#told) return;
    this.#told = now;
    this.#tell();
  };

  #look = (): void => {
    if (this.#timer === undefined || !this.#isOver()) return;
    this.stop();
    this.#lock();
  };

  /** A clock that was set back is over: nobody knows for how long. */
  #isOver(): boolean {
    const passed = Date.now() - this.#last;
    return passed >= this.#ms || passed < -NOTED_MS;
  }

  #wait(): void {
    const rest = Math.max(this.#ms - (Date.now() - this.#last), 1);
    // Longer ones overflow.
    this.#timer = setTimeout(
      () => {
        this.#look();
        if (this.#timer !== undefined) this.#wait();
      },
      Math.min(rest, 2 ** 31 - 1),
    );
    (this.#timer as { unref?(): void }).unref?.();
  }
}
