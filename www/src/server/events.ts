import { isRefused, send } from "./request";
import type { ServerEvent } from "./types";

/** The server says something every 20 seconds. */
const SILENCE_MS = 60_000;
/** Somebody looks at the page again, which may have slept. */
const DOUBTFUL_MS = 25_000;
/** Before the next connection: at most this, and after each failure twice that. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A connection that has lasted so long was none of the failures. */
const LASTED_MS = 30_000;

/** An event, and its place among all: who names it when he comes back hears what he missed. */
export interface Told {
  readonly id: string | undefined;
  readonly event: ServerEvent;
}

export interface Listener {
  /** The place of the last event that is known. */
  last(): string | undefined;
  onTold(told: Told): void;
  /** The server says that nobody is logged in. */
  onRefused(): Promise<void>;
}

/**
 * Hears what changes at the facility, until the signal is aborted. The connection is made again whenever it ends, for whatever reason; where something was missed for good, the
 * server says "hello". By fetch: an EventSource can't tell a login that has ended from a proxy's error, doesn't notice a line that went dead, and forgets the place where it was.
 */
export async function hear(listener: Listener, stopped: AbortSignal): Promise<void> {
  let failures = 0;
  while (!stopped.aborted) {
    const turn = new AbortController();
    const began = performance.now();
    const line = { heard: began, isOpen: true, isUnwanted: false };
    const stop = watch(turn, line, stopped);
    try {
      await connect(listener, turn, line);
    } catch (error) {
      if (isRefused(error)) await listener.onRefused();
    }
    line.isOpen = false;
    failures = performance.now() - began > LASTED_MS ? 0 : failures + 1;
    if (line.isUnwanted && document.visibilityState === "hidden") await pause(LONGEST_PAUSE_MS, turn.signal);
    else if (!turn.signal.aborted) {
      const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1));
      await pause(Math.random() * most, turn.signal);
    }
    stop();
  }
}

/** Ends this turn, its connection or the pause after it, when there is reason to begin anew at once. */
function watch(turn: AbortController, line: { heard: number; isOpen: boolean }, stopped: AbortSignal): () => void {
  const end = () => turn.abort();
  const shown = () => {
    const isDoubtful = !line.isOpen || performance.now() - line.heard > DOUBTFUL_MS;
    if (document.visibilityState === "visible" && isDoubtful) end();
  };
  const silence = setInterval(() => performance.now() - line.heard > SILENCE_MS && line.isOpen && end(), 5_000);
  stopped.addEventListener("abort", end);
  addEventListener("online", end);
  document.addEventListener("visibilitychange", shown);
  return () => {
    clearInterval(silence);
    stopped.removeEventListener("abort", end);
    removeEventListener("online", end);
    document.removeEventListener("visibilitychange", shown);
  };
}

async function connect(
  listener: Listener,
  turn: AbortController,
  line: { heard: number; isUnwanted: boolean },
): Promise<void> {
  const last = listener.last();
  const { body } = await send("GET", "/api/events", undefined, {
    signal: turn.signal,
    headers: last === undefined ? {} : { "last-event-id": last },
  });
  if (!body) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    line.heard = performance.now();
    rest += decoder.decode(value, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const told of blocks.map(parse)) {
      // Of many connections the server ends some: what nobody looks at waits.
      if (told?.event.type === "closed") line.isUnwanted = true;
      else if (told && !turn.signal.aborted) listener.onTold(told);
    }
  }
}

/** A block of `text/event-stream`, as our server writes them; comments and pauses say nothing. */
function parse(block: string): Told | undefined {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  const data = field("data");
  if (data === undefined) return undefined;
  try {
    return { id: field("id"), event: JSON.parse(data) as ServerEvent };
  } catch {
    return undefined;
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
