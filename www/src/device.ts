import { fields, matching } from "./validate";

// What the page keeps in this browser: which key each clinician had when last seen, and which transfers were opened here.
// No key, no password, no word of a record. All of it goes in the nightly wipe, and the page works without it.

const KNOWN_KEYS = "wardkey-demo.known-keys";
const DATABASE = "wardkey-demo";
const OPENED = "opened";

/** The fingerprint that this browser remembers for a user, if it remembers one. */
export function knownFingerprint(userId: string): string | undefined {
  return readKnown()[userId];
}

export function rememberFingerprint(userId: string, fingerprint: string | undefined): void {
  const known = readKnown();
  if (fingerprint === undefined) delete known[userId];
  else known[userId] = fingerprint;
  try {
    localStorage.setItem(KNOWN_KEYS, JSON.stringify(known));
  } catch {
    // storage is blocked or full: the browser just remembers less
  }
}

function readKnown(): Record<string, string> {
  try {
    const raw: unknown = JSON.parse(localStorage.getItem(KNOWN_KEYS) ?? "{}");
    const users = typeof raw === "object" && raw !== null ? Object.keys(raw) : [];
    const known = fields(raw, KNOWN_KEYS, users);
    return Object.fromEntries(
      users.map((user) => [user, matching(known[user], user, /^[\w-]{1,128}$/, "a fingerprint")]),
    );
  } catch {
    return {};
  }
}

export async function markOpened(userId: string, transferId: string): Promise<void> {
  await inStore("readwrite", (store) => store.put(Date.now(), `${userId} ${transferId}`));
}

export async function openedBy(userId: string): Promise<ReadonlySet<string>> {
  if (!(await databaseExists())) return new Set();
  const keys = (await inStore("readonly", (store) => store.getAllKeys())) ?? [];
  const mine = keys.map(String).filter((key) => key.startsWith(`${userId} `));
  return new Set(mine.map((key) => key.slice(userId.length + 1)));
}

async function databaseExists(): Promise<boolean> {
  try {
    return (await indexedDB.databases()).some(({ name }) => name === DATABASE);
  } catch {
    return true;
  }
}

/** Opens the database for one request and closes it, so that a wipe never waits. What fails is `undefined`. Reading makes no database. */
function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    try {
      const opening = indexedDB.open(DATABASE, 1);
      opening.onupgradeneeded = () => {
        if (mode === "readonly") opening.transaction?.abort();
        else opening.result.createObjectStore(OPENED);
      };
      opening.onerror = () => resolve(undefined);
      opening.onsuccess = () => {
        const database = opening.result;
        database.onversionchange = () => database.close();
        const finish = (value: T | undefined) => {
          database.close();
          resolve(value);
        };
        try {
          const transaction = database.transaction(OPENED, mode);
          const request = ask(transaction.objectStore(OPENED));
          transaction.oncomplete = () => finish(request.result);
          transaction.onabort = () => finish(undefined);
        } catch {
          finish(undefined);
        }
      };
    } catch {
      resolve(undefined);
    }
  });
}
