// What a key server pushes, over fetch: an EventSource sends no token. The connection is made again whenever it ends.
import type { Json } from "./backend.js";
import { EventStream } from "./event-stream.js";
import { pieces, retryAfter } from "./http-answer.js";
import { timer } from "./pace.js";
import { within } from "./within.js";

/** @internal */
export interface Line {
  token(signal: AbortSignal): Promise<string>;
  open(token: string, signal: AbortSignal): Promise<Response>;
}

/** The server says something every 20 seconds. */
const SILENCE_MS = 60_000;
/** Somebody looks at the page again, which may have slept. */
const DOUBTFUL_MS = 25_000;
/** Before the next connection: at most this, or what the server wants, and after each failure twice that. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A stream that has lasted so long was none of the failures. */
const LASTED_MS = 30_000;
/** Where there is no push, or none for this user. */
const NONE = [204, 403, 404, 405, 410, 501];
const NONE_MS = 600_000;

/** Listens until the signal is aborted.
 *  @internal */
export class Events {
  readonly #line: Line;
  readonly #onEvent: (event: Json) => void;
  readonly #stopped: AbortSignal;
  /** Ends the connection, or the pause after it. Sure: the device is on line again. */
  #wake = (_isSure: boolean) => {};
  #mayHaveMissed = false;
  #failures = 0;
  #base = FIRST_PAUSE_MS;

  constructor(line: Line, onEvent: (event: Json) => void, stopped: AbortSignal) {
    this.#line = line;
    this.#onEvent = onEvent;
    this.#stopped = stopped;
  }

  async listen(): Promise<void> {
    this.#listenForWaking();
    let wasRefused = false;
    while (!this.#stopped.aborted) {
      const turn = new AbortController();
      const end = () => turn.abort();
      this.#stopped.addEventListener("abort", end);
      const since = performance.now();
      const { status, least } = await this.#connect(turn);
      this.#mayHaveMissed = true;
      this.#failures = performance.now() - since > LASTED_MS ? 0 : this.#failures + 1;
      // The token may have ended meanwhile: the next one is asked for at once, but not for ever.
      const isRefused: boolean = status === 401 && !wasRefused;
      wasRefused = isRefused;
      if (!turn.signal.aborted && !isRefused) await this.#pause(turn, NONE.includes(status) ? NONE_MS : least);
      this.#stopped.removeEventListener("abort", end);
    }
  }

  /** Until it ends, for whatever reason. `least`: for how long the server wants not to be asked. */
  async #connect(turn: AbortController): Promise<{ status: number; least: number }> {
    let [heard, status, least] = [performance.now(), 0, 0];
    this.#wake = (isSure) => {
      if (isSure || performance.now() - heard > DOUBTFUL_MS) turn.abort();
    };
    try {
      const token = await this.#line.token(turn.signal);
      await within(SILENCE_MS, turn.signal, async (ended, alive) => {
        const response = await this.#line.open(token, ended);
        ({ status } = response);
        least = Math.min(retryAfter(response.headers) ?? 0, NONE_MS);
        if (status !== 200 || !/^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "")) return;
        if (this.#mayHaveMissed) this.#tell('{"type":"feed"}');
        const stream = new EventStream();
        for await (const piece of pieces(response)) {
          alive(SILENCE_MS);
          heard = performance.now();
          for (const data of stream.push(piece)) this.#tell(data);
          this.#base = Math.min(stream.retry ?? this.#base, LONGEST_PAUSE_MS);
        }
      });
    } catch {
      // Whatever it was: it is tried again.
    }
    return { status, least };
  }

  async #pause(turn: AbortController, least: number): Promise<void> {
    const most = Math.min(LONGEST_PAUSE_MS, this.#base * 2 ** (this.#failures - 1));
    await new Promise<void>((resolve) => {
      const pause = timer(resolve, least + Math.random() * most);
      turn.signal.addEventListener("abort", () => {
        clearTimeout(pause);
        resolve();
      });
      this.#wake = (isSure) => {
        if (isSure || least === 0) turn.abort();
      };
    });
  }

  /** Later, and each apart: what a listener throws ends nothing here. */
  #tell(data: string): void {
    let event: Json;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    queueMicrotask(() => this.#stopped.aborted || this.#onEvent(event));
  }

  #listenForWaking(): void {
    const signal = this.#stopped;
    if (typeof addEventListener === "function") addEventListener("online", () => this.#wake(true), { signal });
    if (typeof document !== "object") return;
    const shown = () => document.visibilityState === "visible" && this.#wake(false);
    document.addEventListener("visibilitychange", shown, { signal });
  }
}
