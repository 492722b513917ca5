// What hospital IT does every night: everything that this origin keeps in the browser goes.

export interface Inventory {
  readonly localStorage: number;
  readonly sessionStorage: number;
  readonly databases: number;
  readonly caches: number;
  readonly files: number;
}

/** Counts what the browser really holds for this origin. Where it won't say, the count is 0. */
async function takeInventory(): Promise<Inventory> {
  return {
    localStorage: await attempt(() => localStorage.length, 0),
    sessionStorage: await attempt(() => sessionStorage.length, 0),
    databases: (await databaseNames()).length,
    caches: (await attempt(() => caches.keys(), [])).length,
    files: (await attempt(fileNames, [])).length,
  };
}

export async function wipeBrowserStorage(): Promise<Inventory> {
  await attempt(() => localStorage.clear(), undefined);
  await attempt(() => sessionStorage.clear(), undefined);
  for (const name of await databaseNames()) await deleteDatabase(name);
  for (const name of await attempt(() => caches.keys(), [])) await attempt(() => caches.delete(name), false);
  await attempt(async () => {
    const root = await navigator.storage.getDirectory();
    for (const name of await fileNames()) await root.removeEntry(name, { recursive: true });
  }, undefined);
  return takeInventory();
}

async function databaseNames(): Promise<string[]> {
  const databases = await attempt(() => indexedDB.databases(), []);
  return databases.flatMap(({ name }) => (name === undefined ? [] : [name]));
}

/** Resolves when the database is gone. One that another tab holds open goes as soon as that tab lets go of it. */
function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = request.onerror = request.onblocked = () => resolve();
  });
}

/** The origin's private file system. */
async function fileNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
  return names;
}

/** Storage can be missing, blocked, or refuse: a wipe goes on to the next kind. */
async function attempt<T>(action: () => T | Promise<T>, otherwise: T): Promise<T> {
  try {
    return await action();
  } catch {
    return otherwise;
  }
}
