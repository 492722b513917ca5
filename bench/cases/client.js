// Wardkey and its sessions.
import { measured, password, register, timedBackend } from "../page/clients.js";
import { MIB, median, randomBytes, ratio, settings, turns } from "../page/measure.js";

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
