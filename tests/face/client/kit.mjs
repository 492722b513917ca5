// In the page: clients of one application, whose key server is in Node and outlives every page.
import { heard } from "../suite/people.mjs";

export const pkg = await import("../../pkg/index.js");
export const APP = "transfers";
export const PASSWORD = "three blue herons at dawn";
export const anna = { userId: "anna", password: PASSWORD };

async function asked(what) {
  const { reply, error } = await globalThis.askServer(what);
  if (error) throw new pkg.WardkeyError(error.code, error.message, error);
  return reply;
}

export const backend = {
  request: (method, path, body, { userId, public: isPublic } = {}) =>
    asked({ method, path, body, userId, public: isPublic }),
  events: (userId, onEvent) => {
    const id = Math.random();
    listeners.set(id, onEvent);
    asked({ listen: id, userId });
    return () => {
      listeners.delete(id);
      asked({ stop: id });
    };
  },
  appShare: {
    put: (userId, share) => asked({ put: share, userId }),
    get: (userId, receipt) => asked({ take: receipt, userId }),
  },
};

const listeners = new Map();
/** Node calls it. */
globalThis.pushed = (id, event) => listeners.get(id)?.(event);

export const KDF = { name: "argon2id", memoryKiB: 19_456, passes: 2 };

/** The client of this page, and what it told. */
export let user;
export let events;
export async function open(options = {}) {
  user = await pkg.Wardkey.open({ appId: APP, backend, userId: "anna", kdf: KDF, ...options });
  events = heard(user);
  return user.status;
}

export const statuses = () => events.filter(([type]) => type === "statuschange").map(([, { status }]) => status);
export const reasons = () => events.filter(([type]) => type === "cache-degraded").map(([, { reason }]) => reason);

/** How a call ends. */
export const code = (call) =>
  call().then(
    () => "ok",
    (error) => (pkg.isWardkeyError(error) ? error.code : `no WardkeyError: ${error}`),
  );

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export const DEVICE = "wardkey.device";

export async function connect(version) {
  return settled(indexedDB.open(DEVICE, version));
}

/** Works on the rows of the device, behind the client's back. */
export async function rows(work) {
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

/** All of it. */
export async function dump() {
  const [names, values] = await rows((table) => [table.getAllKeys(), table.getAll()]);
  return new Map(names.map((name, at) => [name, values[at]]));
}

export async function restore(dumped) {
  await rows((table) => {
    table.clear();
    return [...dumped].map(([name, value]) => table.put(value, name));
  });
}

/** What kinds of rows there are: "key.resume.<tag>" is "key.resume". */
export async function kinds() {
  const names = [...(await dump()).keys()];
  return names.map((name) => name.replace(/\.[\w-]{22}(\.[\w-]{43})?$/, "").replace(`.${APP}`, "")).sort();
}

/** In the place of a method. */
export function instead(object, name, replacement) {
  const original = object[name];
  object[name] = function (...given) {
    return replacement.call(this, original.bind(this), ...given);
  };
  return () => {
    object[name] = original;
  };
}

export function fails(name) {
  return () => {
    throw new DOMException("injected", name);
  };
}

export const soon = (ms = 100) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(check, ms = 60_000) {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${check}`);
    await soon(20);
  }
}

/** What other pages have said of somebody who does something, and of locks, after the client of this page has heard it. */
export const [signs, locks] = [[], []];
export function listen() {
  const channel = new BroadcastChannel(`wardkey.client.${APP}`);
  channel.addEventListener("message", ({ data }) => {
    if (data.active) signs.push(data);
    if (data.locked) locks.push(data);
  });
}

/** The clock of this page, moved. */
export function moveClock(ms) {
  const now = Date.now;
  Date.now = () => now.call(Date) + ms;
}
