// Work that may hang: somebody else's.
import { aborted, throwIfAborted } from "./arguments.js";
import { WardkeyError } from "./errors.js";
import { timer } from "./pace.js";

/** Ends at once when the signal is aborted (`aborted`), or after so many milliseconds (`network`) unless there is a sign of life, which may give others. The work is told by its own signal.
 *  @internal */
export async function within<T>(
  ms: number | undefined,
  signal: AbortSignal | undefined,
  work: (ended: AbortSignal, alive: (ms: number) => void) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  const own = new AbortController();
  let stop = (_error: unknown) => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  let limit: ReturnType<typeof setTimeout> | undefined;
  const alive = (ms: number) => {
    clearTimeout(limit);
    limit = timer(() => stop(new WardkeyError("network", "no answer in time")), ms);
  };
  const abort = () => stop(aborted(signal));
  if (ms !== undefined) alive(ms);
  signal?.addEventListener("abort", abort);
  try {
    return await Promise.race([work(own.signal, alive), stopped]);
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener("abort", abort);
    own.abort();
  }
}
