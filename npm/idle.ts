// The idle lock: when nobody has done anything for so long, in any page. What a page does by itself is nobody's doing.
import { timer } from "./pace.js";

const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"];
const CAPTURE = { capture: true, passive: true };
/** Signs come by the hundred. */
const NOTED_MS = 1000;

/** What an idle lock is told through.
 *  @internal */
export interface Around {
  lock(): void;
  /** Says to the other pages that somebody is there. */
  tell(): void;
  /** Keeps for later pages when somebody was. */
  keep(time: number): void;
}

/** @internal */
export class Idle {
  readonly #ms: number;
  readonly #around: Around;
  #last = 0;
  #told = Number.NEGATIVE_INFINITY;
  #kept = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, around: Around) {
    this.#ms = ms;
    this.#around = around;
  }

  /** From now on. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#last = Date.now();
    this.#keep();
    this.#wait();
    if (typeof addEventListener !== "function") return;
    for (const sign of SIGNS) addEventListener(sign, this.sign, CAPTURE);
    // After a sleep timers are late: before anybody sees anything.
    for (const name of ["visibilitychange", "pageshow"]) addEventListener(name, this.#look, CAPTURE);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (typeof removeEventListener !== "function") return;
    for (const sign of SIGNS) removeEventListener(sign, this.sign, CAPTURE);
    for (const name of ["visibilitychange", "pageshow"]) removeEventListener(name, this.#look, CAPTURE);
  }

  /** Somebody does something in another page, which has told and kept it. */
  active(): void {
    if (!this.#isOver(this.#last)) this.#last = Date.now();
  }

  /** Somebody did nothing for so long, although no page was there to see it. */
  wasOver(last: number | undefined): boolean {
    return last === undefined || this.#isOver(last);
  }

  /** Somebody does something here. */
  sign = (): void => {
    if (this.#timer === undefined) return;
    const now = Date.now();
    const noted = Math.min(NOTED_MS, this.#ms / 10);
    if (now >= this.#last && now - this.#last < noted) return;
    if (this.#isOver(this.#last)) {
      this.#look();
      return;
    }
    this.#last = now;
    this.#keep();
    if (now >= this.#told && now - this.#told < noted) return;
    this.#told = now;
    this.#around.tell();
  };

  /** Not each time: a little early is no harm. */
  #keep(): void {
    if (this.#last >= this.#kept && this.#last - this.#kept < this.#ms / 20) return;
    this.#kept = this.#last;
    this.#around.keep(this.#last);
  }

  #look = (): void => {
    if (this.#timer === undefined || !this.#isOver(this.#last)) return;
    this.stop();
    this.#around.lock();
  };

  /** A clock that was set back is over: nobody knows for how long. */
  #isOver(last: number): boolean {
    const passed = Date.now() - last;
    return passed >= this.#ms || passed < -NOTED_MS;
  }

  #wait(): void {
    const rest = Math.max(this.#ms - (Date.now() - this.#last), 1);
    // Longer ones overflow.
    this.#timer = timer(
      () => {
        this.#look();
        if (this.#timer !== undefined) this.#wait();
      },
      Math.min(rest, 2 ** 31 - 1),
    );
  }
}
