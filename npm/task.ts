// What the core waits for: it asks for one call after the other. They are made here, where nothing of it is on the stack.
import type { CoreTask } from "./core/wardkey_core.js";
import { call } from "./core.js";
import { isWardkeyError, type KnownErrorCode, WardkeyError } from "./errors.js";

/** A promise that is settled from elsewhere.
 *  @internal */
export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** @internal */
export function deferred<T>(): Deferred<T> {
  let [resolve, reject]: [(value: T) => void, (error: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<T>((fulfil, refuse) => {
    [resolve, reject] = [fulfil, refuse];
  });
  return { promise, resolve, reject };
}

/** Runs a task of the core to its end, and gives it up. What the calls that it asks for throw, it is told.
 *  @internal */
export async function finish<T>(task: CoreTask): Promise<T> {
  // Not at once: a store that asks its cache in turn would go deeper into one stack each time.
  let reply: unknown = await undefined;
  let failed = false;
  for (;;) {
    const request = call(() => task.step(reply, failed));
    if (!request) return ended(task, failed ? reply : undefined);
    const [target, method, ...given] = request;
    try {
      reply = await target[method](...given);
      failed = false;
    } catch (error) {
      reply = error;
      failed = true;
    }
  }
}

/** The core keeps of an error what there is to branch on. Whoever reads it wants to see where it came from. */
function ended<T>(task: CoreTask, reason: unknown): T {
  try {
    return call(() => task.finish());
  } catch (error) {
    if (!isWardkeyError(error) || !isWardkeyError(reason)) throw error;
    const { code, retryAfterMs, attemptsLeft } = error;
    if (code !== reason.code && code !== "server") throw error;
    throw new WardkeyError(code as KnownErrorCode, reason.message, {
      cause: "cause" in reason ? reason.cause : reason,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(attemptsLeft === undefined ? {} : { attemptsLeft }),
    });
  }
}
