import type { Octets } from "./bytes";

// What this browser keeps of transfers that are on their way, so that a reload or a crash doesn't end them. All of it is sealed, but for ids and lengths.

const DATABASE = "wardkey-demo drafts";

export interface KeptFile {
  readonly fileId: string;
  /** Of the ciphertext. */
  readonly size: number;
  readonly partSize: number;
  /** All of it was sealed and kept: it needs the file itself no more. */
  readonly isWhole: boolean;
}

export interface KeptDraft {
  /** The transfer's. */
  readonly id: string;
  readonly userId: string;
  readonly at: number;
  readonly to: string;
  readonly sessionId: string;
  readonly sealed: Octets;
  readonly files: readonly KeptFile[];
}

/** The browser keeps nothing, or no more; or what it kept is gone. */
export class NotKept extends Error {
  // As the browser calls a file that is gone: it is chosen again.
  override readonly name = "NotFoundError";
}

export const keepDraft = (draft: KeptDraft) => use("readwrite", (drafts) => drafts.put(draft));

export const keptDrafts = (): Promise<KeptDraft[]> => use("readonly", (drafts) => drafts.getAll());

/** With its parts. */
export const dropDraft = (id: string) =>
  use("readwrite", (drafts, parts) => {
    drafts.delete(id);
    // arrays come after all texts
    return parts.delete(IDBKeyRange.bound([id], [id, []]));
  });

export const keepPart = (id: string, fileId: string, part: number, bytes: Octets) =>
  use("readwrite", (_, parts) => parts.put(bytes, [id, fileId, part]));

export async function keptPart(id: string, fileId: string, part: number): Promise<Octets> {
  const bytes: unknown = await use("readonly", (_, parts) => parts.get([id, fileId, part]));
  if (!(bytes instanceof Uint8Array)) throw new NotKept("it was wiped");
  return bytes as Octets;
}

export const dropPart = (id: string, fileId: string, part: number) =>
  use("readwrite", (_, parts) => parts.delete([id, fileId, part]));

/** Opened for each use: a wipe waits for no one. */
async function use<T>(
  mode: IDBTransactionMode,
  work: (drafts: IDBObjectStore, parts: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  try {
    const database = await open();
    try {
      const transaction = database.transaction(["drafts", "parts"], mode);
      const request = work(transaction.objectStore("drafts"), transaction.objectStore("parts"));
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      return request.result;
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new NotKept("no storage", { cause });
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("drafts", { keyPath: "id" });
      request.result.createObjectStore("parts");
    };
    request.onsuccess = () => {
      const database = request.result;
      database.onversionchange = () => database.close();
      resolve(database);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
}
