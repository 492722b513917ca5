// What the core waits for: it asks for one call after the other. They are made here, where nothing of it is on the stack.
import type { CoreTask } from "./core/wardkey_core.js";
import { call } from "./core.js";

/** Runs a task of the core to its end, and gives it up. What the calls that it asks for throw, it is told.
 *  @internal */
export async function finish<T>(task: CoreTask): Promise<T> {
  // Not at once: a store that asks its cache in turn would go deeper into one stack each time.
  let reply: unknown = await undefined;
  let failed = false;
  for (;;) {
    const request = call(() => task.step(reply, failed));
    if (!request) return call(() => task.finish());
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
