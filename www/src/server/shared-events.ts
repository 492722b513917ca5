import { hear, type Told } from "./events";
import type { ServerEvent } from "./types";

/**
 * What changes at the facility, for every tab of this person. A browser has six connections to a server, and a stream takes one for as long as it lasts: one tab listens, and tells
 * the others. Where tabs can't agree (no Web Locks: http that isn't localhost), each listens only while somebody looks at it, and hears then what it missed.
 */
export function listen(
  userId: string,
  onEvent: (event: ServerEvent) => void,
  onRefused: () => Promise<void>,
): () => void {
  const stopped = new AbortController();
  const { signal } = stopped;
  // A browser may keep a page that was left, asleep and with all that it holds; main.tsx loads it anew where somebody comes back.
  addEventListener("pagehide", () => stopped.abort(), { signal });
  let last: string | undefined;
  const take = ({ id, event }: Told) => {
    last = id ?? last;
    onEvent(event);
  };
  const listener = { last: () => last, onTold: take, onRefused };
  const name = `wardkey-demo events of ${userId}`;
  if (!navigator.locks || typeof BroadcastChannel === "undefined") {
    whileSeen((seen) => hear(listener, seen), signal);
    return () => stopped.abort();
  }
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }: MessageEvent<Told>) => take(data);
  signal.addEventListener("abort", () => channel.close());
  const onTold = (told: Told) => {
    channel.postMessage(told);
    take(told);
  };
  navigator.locks
    .request(name, { signal }, () => hear({ ...listener, onTold }, signal))
    .catch(() => {
      // a tab that may have no locks listens by itself; one that has stopped waits for none
      if (!signal.aborted) whileSeen((seen) => hear(listener, seen), signal);
    });
  return () => stopped.abort();
}

/** Does this whenever the page is seen, and ends it when it isn't any more. */
function whileSeen(work: (seen: AbortSignal) => Promise<void>, signal: AbortSignal): void {
  let turn: AbortController | undefined;
  const look = () => {
    const isSeen = !signal.aborted && document.visibilityState === "visible";
    if (isSeen && !turn) {
      turn = new AbortController();
      void work(turn.signal);
    } else if (!isSeen) {
      turn?.abort();
      turn = undefined;
    }
  };
  document.addEventListener("visibilitychange", look, { signal });
  signal.addEventListener("abort", look);
  look();
}
