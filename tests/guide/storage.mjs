// As much of IndexedDB as the package uses, in memory: for the guide's sections about what stays on a device.
const databases = new Map();

/** Calls back later, as a browser does. */
function later(request, act) {
  setTimeout(() => {
    request.result = act();
    request.onsuccess?.();
  });
  return request;
}

class Table {
  #rows;
  #queue;

  constructor(rows, queue) {
    this.#rows = rows;
    this.#queue = queue;
  }

  #ask(act) {
    const request = {};
    this.#queue.push([request, act]);
    return request;
  }

  get = (key) => this.#ask(() => structuredClone(this.#rows.get(key)));
  put = (value, key) => {
    const kept = structuredClone(value);
    return this.#ask(() => void this.#rows.set(key, kept));
  };
  delete = (key) => this.#ask(() => void this.#rows.delete(key));
  clear = () => this.#ask(() => this.#rows.clear());
  getAll = () => this.#ask(() => structuredClone([...this.#rows.values()]));
  getAllKeys = (range) =>
    this.#ask(() => [...this.#rows.keys()].filter((key) => !range || (range.lower <= key && key <= range.upper)));
}

/** Its requests are answered in one task: no other transaction comes between. */
function transaction(rows) {
  const queue = [];
  const own = { objectStore: () => new Table(rows, queue), abort: () => queue.splice(0) };
  setTimeout(() => {
    for (const [request, act] of queue) {
      request.result = act();
      request.onsuccess?.();
    }
    own.oncomplete?.();
  });
  return own;
}

globalThis.indexedDB = {
  open(name) {
    const request = {};
    return later(request, () => {
      const isNew = !databases.has(name);
      const rows = databases.get(name) ?? new Map();
      databases.set(name, rows);
      request.result = { createObjectStore() {}, transaction: () => transaction(rows), close() {} };
      if (isNew) request.onupgradeneeded?.();
      return request.result;
    });
  },
  databases: async () => [...databases.keys()].map((name) => ({ name, version: 1 })),
  deleteDatabase: (name) => later({}, () => void databases.delete(name)),
};
globalThis.IDBKeyRange = Object.assign(() => {}, { bound: (lower, upper) => ({ lower, upper }) });

// The network's coming and going is an event of the page.
const page = new EventTarget();
for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) {
  globalThis[name] = (...given) => page[name](...given);
}
