// Clients over a key server beside the page, whose own time is taken off where it is asked.
import { Wardkey, WardkeyError } from "../../pkg/index.js";

/** The least that is taken: what is measured here comes after it. */
const kdf = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
export const password = "four words of a bench";

/** A key server in a worker, and how long it was waited for. What it answers is parsed here, as a reply over a network is. */
export function timedBackend() {
  const server = new Worker("server.js", { type: "module" });
  const asked = { requests: 0, ms: 0 };
  const waiting = new Map();
  server.addEventListener("message", ({ data: { id, ...answer } }) => {
    waiting.get(id)(answer);
    waiting.delete(id);
  });
  const request = async (method, path, body, { userId, public: isPublic }) => {
    const start = performance.now();
    const id = asked.requests;
    asked.requests += 1;
    const { reply, error } = await new Promise((resolve) => {
      waiting.set(id, resolve);
      server.postMessage({ id, given: [method, path, body, { userId, public: isPublic }] });
    });
    if (error) throw new WardkeyError(error.code, error.message);
    const parsed = JSON.parse(reply);
    asked.ms += performance.now() - start;
    return parsed;
  };
  return { backend: { request }, asked };
}

export async function register(backend, userId, options = {}) {
  const client = await Wardkey.open({ appId: "bench", backend, userId, kdf, identityStore: "memory", ...options });
  await client.register({ userId, password });
  return client;
}

/** Time of a call without that of the key server, its requests, and its longest task on this thread, where the browser tells. */
export async function measured(asked, work) {
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ type: "longtask" });
  const before = { ...asked };
  const start = performance.now();
  await work();
  const total = performance.now() - start;
  // Entries come a while after their tasks.
  await new Promise((resolve) => setTimeout(resolve, 200));
  observer.disconnect();
  return {
    ms: total - (asked.ms - before.ms),
    server: asked.ms - before.ms,
    requests: asked.requests - before.requests,
    longest: Math.max(0, ...tasks),
  };
}
