// Wardkey and its sessions over a key server beside the page, whose own time is taken off where it is asked.
import { Wardkey, WardkeyError } from "../../pkg/index.js";
import { MIB, median, randomBytes, ratio, settings, turns } from "../page/measure.js";

/** The least that is taken: what is measured here comes after it. */
const kdf = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
const password = "four words of a bench";

/** A key server in a worker, and how long it was waited for. What it answers is parsed here, as a reply over a network is. */
function timedBackend() {
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

async function register(backend, userId, options = {}) {
  const client = await Wardkey.open({ appId: "bench", backend, userId, kdf, identityStore: "memory", ...options });
  await client.register({ userId, password });
  return client;
}

/** Time of a call without that of the key server, its requests, and its longest task on this thread, where the browser tells. */
async function measured(asked, work) {
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

const free = (settled) => {
  for (const { ok, value, error } of settled) {
    if (!ok) throw error;
    value.free();
  }
};

/** Opening 1,000 sessions: cold, half as many, and warm from IndexedDB after a new load of the client. */
export async function sessions() {
  const count = settings.quick ? 50 : 1000;
  const { backend, asked } = timedBackend();
  const cache = { store: "indexeddb" };
  const author = await register(backend, "author");
  const reader = await register(backend, "reader", { cache });
  const ids = [];
  for (let n = 0; n < count; n += 1) {
    const session = await author.createSession({ recipients: [{ user: "reader" }] });
    ids.push(session.id);
    session.free();
  }
  const cold = async (wanted) => {
    await reader.cache.clear();
    return measured(asked, async () => free(await reader.openSessions(wanted)));
  };
  const rounds = { half: [], all: [], warm: [] };
  for (let round = 0; round < (settings.quick ? 1 : 5); round += 1) {
    rounds.half.push(await cold(ids.slice(0, count / 2)));
    rounds.all.push(await cold(ids));
    // Locked and opened again: what was in memory is read from IndexedDB.
    await reader.lock();
    await reader.unlock({ userId: "reader", password });
    rounds.warm.push(await measured(asked, async () => free(await reader.openSessions(ids))));
  }
  await author.close();
  await reader.close();
  const middle = (runs) => ({
    ms: median(runs.map(({ ms }) => ms)),
    server: median(runs.map(({ server }) => server)),
    requests: Math.max(...runs.map(({ requests }) => requests)),
    longest: median(runs.map(({ longest }) => longest)),
  });
  return { count, half: middle(rounds.half), all: middle(rounds.all), warm: middle(rounds.warm) };
}

/** createSession for many users. */
export async function manyRecipients() {
  const count = settings.quick ? 20 : 1000;
  const { backend, asked } = timedBackend();
  const author = await register(backend, "author");
  const users = [];
  for (let n = 0; n < count; n += 1) {
    const client = await register(backend, `user-${n}`);
    await client.close();
    users.push({ user: `user-${n}` });
  }
  const create = (recipients) => measured(asked, async () => (await author.createSession({ recipients })).free());
  // Everybody is met once.
  const first = await create(users);
  const times = { tenth: [], all: [] };
  for (let round = 0; round < (settings.quick ? 1 : 3); round += 1) {
    times.tenth.push((await create(users.slice(0, count / 10))).ms);
    times.all.push((await create(users)).ms);
  }
  await author.close();
  return { count, first: first.ms, tenth: median(times.tenth), all: median(times.all), longest: first.longest };
}

/** Session.encrypt, signed, beside DataKey.encrypt; and what it opens. */
export async function signed(direction) {
  const { DataKey } = await import("../../pkg/index.js");
  const bytes = (settings.quick ? 1 : 16) * MIB;
  const data = randomBytes(bytes);
  const { backend } = timedBackend();
  const author = await register(backend, "author");
  const session = await author.createSession({ recipients: [] });
  const key = await DataKey.generate();
  const sealed = { ours: await session.encrypt(data), beside: await key.encrypt(data) };
  const sides =
    direction === "encrypt"
      ? { ours: { run: () => session.encrypt(data) }, beside: { run: () => key.encrypt(data) } }
      : { ours: { run: () => session.decrypt(sealed.ours) }, beside: { run: () => key.decrypt(sealed.beside) } };
  const times = await turns(sides, { rounds: 11, clean: true });
  key.free();
  session.free();
  await author.close();
  return { bytes, ours: median(times.ours), beside: median(times.beside), ratio: ratio(times.ours, times.beside) };
}
