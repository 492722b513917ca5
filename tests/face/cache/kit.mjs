// In the page: a cache of always the same keys, and what stands under it.
export const pkg = await import("../../pkg/index.js");

const raw = (seed) => Uint8Array.from({ length: 32 }, (_, at) => (at < 4 ? seed >> (8 * at) : at * 37 + 11) & 0xff);
/** Always the same keys, so that the next page has them too. */
export const key = (seed) => pkg.DataKey.importRaw(raw(seed));
export const [a, b, c] = [await key(1), await key(2), await key(3)];

export async function open(options = {}) {
  return pkg.KeyCache.open({ store: "indexeddb", name: "keys", userId: "alice", sealedBy: await key(0), ...options });
}

/** Which of a, b, c are there, each the right one: "a-c". */
export async function there(cache) {
  const found = await cache.getMany([a.id, b.id, c.id]);
  return [a, b, c]
    .map((key, at) => {
      if (found[at] === undefined) return "-";
      if (found[at].decryptSync(key.encryptSync("x")).length !== 1) throw new Error("another key");
      return "abc"[at];
    })
    .join("");
}

export async function stats(cache) {
  const { store, entries, degraded, wipesSurvived } = await cache.stats();
  return { store, entries, degraded: degraded ?? null, wipes: wipesSurvived };
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export async function names() {
  return (await indexedDB.databases()).map(({ name }) => name);
}

export async function connect(version, name = undefined) {
  return settled(indexedDB.open(name ?? (await names())[0], version));
}

/** Works on the rows of the one cache that there is, behind its back. */
export async function rows(work = (table) => [table.getAllKeys(), table.getAll()]) {
  const database = await connect();
  const transaction = database.transaction("entries", "readwrite");
  const requests = [work(transaction.objectStore("entries"))].flat();
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  database.close();
  return requests.map((request) => request?.result);
}

export const remove = async () => {
  for (const name of await names()) await settled(indexedDB.deleteDatabase(name));
};

/** In the place of a method, for so many calls. */
export function instead(object, name, replacement, times = Number.POSITIVE_INFINITY) {
  const original = object[name];
  let left = times;
  object[name] = function (...given) {
    if (left <= 0) return original.apply(this, given);
    left -= 1;
    return replacement.call(this, original.bind(this), ...given);
  };
}

export function fails(name) {
  return () => {
    throw new DOMException("injected", name);
  };
}

/** Lets a message go from page to page. */
export const soon = (ms = 100) => new Promise((resolve) => setTimeout(resolve, ms));

export async function hears(check) {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (await check()) return true;
    await soon(50);
  }
  return false;
}
