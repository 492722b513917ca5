// KeyCache over IndexedDB, beside the raw store.
import { DataKey, KeyCache } from "../../pkg/index.js";
import { median, settings } from "../page/measure.js";

const userId = "ada.lindqvist@ward.example";

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Reading in 10,000 entries, which are opened when they are asked for, beside one getAll() of the same rows. Either opens its connection. */
export async function cache() {
  const entries = settings.quick ? 500 : 10_000;
  const keys = [];
  for (let n = 0; n < entries; n += 1) keys.push(await DataKey.generate());
  const sealedBy = await DataKey.generate();
  const open = () => KeyCache.open({ store: "indexeddb", name: "bench", userId, sealedBy });
  const first = await open();
  const save = await time(() => first.set(keys));
  const ids = keys.map(({ id }) => id);
  first.close();
  const [{ name }] = await indexedDB.databases();
  const ours = async () => {
    const cache = await open();
    if ((await cache.stats()).entries !== entries) throw new Error("not all are there");
    cache.close();
  };
  const beside = async () => {
    const database = await done(indexedDB.open(name));
    const rows = await done(database.transaction("entries").objectStore("entries").getAll());
    if (rows.length !== entries) throw new Error("not all are there");
    database.close();
  };
  const times = { ours: [], beside: [] };
  for (let round = 0; round < 11; round += 1) {
    const turns = [async () => times.ours.push(await time(ours)), async () => times.beside.push(await time(beside))];
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
  }
  const warm = await open();
  const free = (found) => {
    for (const key of found) key.free();
  };
  const openAll = await time(async () => free(await warm.getMany(ids)));
  const again = await time(async () => free(await warm.getMany(ids)));
  warm.close();
  const ratio = median(times.ours.map((value, round) => value / times.beside[round]));
  return { ours: median(times.ours), beside: median(times.beside), ratio, entries, save, openAll, again };
}
