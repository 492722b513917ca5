// What the tests need of their surroundings, and assertions that say what was found.

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
export const text = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
export const utf8 = (string) => new TextEncoder().encode(string);

export function base64url(bytes) {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function unbase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

const clock = Date.now;
const timer = globalThis.setTimeout;
/** In the world's time, whatever the page's clocks do. */
export const soon = (ms) => new Promise((resolve) => timer.call(globalThis, resolve, ms));

/** Asks again until it is so. */
export async function until(what, check, ms = 60_000) {
  const end = clock() + ms;
  while (!(await check())) {
    if (clock() > end) throw new Error(`waited in vain: ${what}`);
    await soon(10);
  }
}

/** The shortest time of several: a machine that stops now and then makes some long. */
export async function soonest(run, times = 3) {
  let least = Number.POSITIVE_INFINITY;
  for (let count = 0; count < times; count += 1) {
    const start = performance.now();
    await run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** FIPS 180-4, without WebCrypto: pages of plain http have none. */
export function sha256(bytes) {
  const root = (number, power) => {
    const fraction = number ** power % 1;
    return (fraction * 2 ** 32) >>> 0;
  };
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
  const constants = primes.map((prime) => root(prime, 1 / 3));
  const state = primes.slice(0, 8).map((prime) => root(prime, 1 / 2));
  const padded = new DataView(new ArrayBuffer(((bytes.length + 72) >> 6) << 6));
  new Uint8Array(padded.buffer).set(bytes);
  padded.setUint8(bytes.length, 0x80);
  padded.setUint32(padded.byteLength - 4, bytes.length * 8);
  const turn = (word, by) => (word >>> by) | (word << (32 - by));
  for (let block = 0; block < padded.byteLength; block += 64) {
    const words = Array.from({ length: 16 }, (_, at) => padded.getUint32(block + 4 * at));
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 64; at += 1) {
      if (at >= 16) {
        const [x, y] = [words[at - 15], words[at - 2]];
        const [s, t] = [turn(x, 7) ^ turn(x, 18) ^ (x >>> 3), turn(y, 17) ^ turn(y, 19) ^ (y >>> 10)];
        words[at] = (words[at - 16] + s + words[at - 7] + t) | 0;
      }
      const one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constants[at] + words[at];
      const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    for (const [at, word] of [a, b, c, d, e, f, g, h].entries()) state[at] = (state[at] + word) | 0;
  }
  const out = new DataView(new ArrayBuffer(32));
  for (const [at, word] of state.entries()) out.setUint32(4 * at, word);
  return new Uint8Array(out.buffer);
}

/** The JWK of an RSA private key in PKCS#8, without WebCrypto: pages of plain http have none. */
export function jwkOf(der) {
  const read = (at) => {
    const long = der[at + 1] & 0x80 ? der[at + 1] & 0x7f : 0;
    const start = at + 2 + long;
    const length = long ? der.subarray(at + 2, start).reduce((sum, byte) => 256 * sum + byte, 0) : der[at + 1];
    return { start, end: start + length };
  };
  // PrivateKeyInfo: version, algorithm, and in an octet string the RSAPrivateKey: version, then its numbers.
  let at = read(read(0).start).end;
  at = read(read(read(at).end).start).start;
  at = read(at).end;
  const numbers = {};
  for (const name of ["n", "e", "d", "p", "q", "dp", "dq", "qi"]) {
    const { start, end } = read(at);
    numbers[name] = base64url(der.subarray(der[start] === 0 ? start + 1 : start, end));
    at = end;
  }
  return { kty: "RSA", ...numbers };
}

/** Bytes that say where they are; no two 16 bytes of a short pattern are alike. */
export function pattern(length, seed = 1) {
  const bytes = new Uint8Array(length);
  let state = (seed * 0x9e3779b1) >>> 0 || 1;
  for (let at = 0; at < length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

export function ok(value, message) {
  if (!value) throw new Error(`not so: ${message}`);
}

const show = (value) => {
  if (value instanceof Uint8Array) return `${value.length} bytes, ${hex(value.subarray(0, 40))}…`;
  return typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
};

export function equal(found, expected, message = "") {
  const same =
    found instanceof Uint8Array && expected instanceof Uint8Array
      ? found.length === expected.length && found.every((byte, at) => byte === expected[at])
      : Object.is(found, expected) || (typeof found === "object" && show(found) === show(expected));
  if (!same) throw new Error(`${message}: found ${show(found)}, expected ${show(expected)}`);
}

/** It owns all of its buffer. */
export function owns(bytes, message) {
  equal(Object.getPrototypeOf(bytes), Uint8Array.prototype, `${message}: its class`);
  ok(bytes.buffer instanceof ArrayBuffer, `${message}: an ArrayBuffer`);
  equal(bytes.byteOffset, 0, `${message}: byteOffset`);
  equal(bytes.buffer.byteLength, bytes.byteLength, `${message}: byteLength of the buffer`);
}

/** How a call ends: the code of its WardkeyError, "ok", or what else it threw. */
export async function outcome(pkg, run) {
  try {
    await run();
    return "ok";
  } catch (error) {
    if (!pkg.isWardkeyError(error)) return `no WardkeyError but ${error?.name}: ${error?.message}`;
    if (!(error instanceof pkg.WardkeyError)) return `a WardkeyError of another class: ${error.code}`;
    return error.code;
  }
}

export async function fails(pkg, code, run, message = String(run)) {
  equal(await outcome(pkg, run), code, message);
}

/** All that end otherwise, at once: `[label, run, code]`. */
export async function allFail(pkg, cases) {
  ok(cases.length > 0, "there are cases");
  const unlike = [];
  for (const [label, run, code = "invalid-argument"] of cases) {
    const found = await outcome(pkg, run);
    if (found !== code) unlike.push(`${label}: ${found}${found === code ? "" : `, expected ${code}`}`);
  }
  if (unlike.length > 0)
    throw new Error(`${unlike.length} of ${cases.length} calls end otherwise:\n${unlike.join("\n")}`);
}

/** How late it is on the slow machine: time goes on there, too, from call to call. */
let slowTime = 0;

/** How often a call lets others run, on a machine on which everything takes long. */
export async function breathing(run) {
  const { now } = Performance.prototype;
  slowTime = Math.max(slowTime, performance.now());
  const slow = () => {
    slowTime += 20;
    return slowTime;
  };
  Performance.prototype.now = slow;
  // Engines differ in where a call finds it.
  Object.defineProperty(performance, "now", { value: slow, configurable: true });
  // A turn is given by a message to oneself. Turns that somebody else takes are no count of them: a busy engine
  // gives that one several between two of his.
  let turns = 0;
  // Not where the channel is made: to compiled code WebKit goes on giving the constructor that was there.
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (...message) {
    // What moves memory is no message to oneself.
    if (message.length < 2) turns += 1;
    return postMessage.apply(this, message);
  };
  try {
    await run();
  } finally {
    MessagePort.prototype.postMessage = postMessage;
    Performance.prototype.now = now;
    delete performance.now;
  }
  return turns;
}

/** Derived fast, within the bounds. */
export const FAST = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
export const USER = "anna@example.org";
export const PASSWORD = "three blue herons at dawn";

/** A store as an application would write it. `sync`: without promises. */
export function mapStore({ sync = false, map = new Map() } = {}) {
  const give = (value) => (sync ? value : Promise.resolve(value));
  return {
    map,
    getMany: (ids) => give(ids.map((id) => map.get(id))),
    setMany: (entries) => {
      for (const { id, value } of entries) map.set(id, value);
      return give();
    },
    deleteMany: (ids) => {
      for (const id of ids) map.delete(id);
      return give();
    },
    ids: () => give([...map.keys()]),
    clear: () => {
      map.clear();
      return give();
    },
  };
}

async function download(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** @param read the bytes of a file; by the network unless said otherwise */
export function makeTools({ environment, load, url, read = (path) => download(url + path) }) {
  let used = 0;
  const copy = (folder) => ({
    index: () => load(`${folder}/index.js`),
    slim: () => load(`${folder}/slim.js`),
    glue: () => load(`${folder}/core/wardkey_core.js`),
    core: () => load(`${folder}/core.js`),
    unpack: () => load(`${folder}/unpack.js`),
    testing: () => load(`${folder}/testing.js`),
    testingGlue: () => load(`${folder}/core/wardkey_testing.js`),
  });
  return {
    environment,
    url,
    /** The glue of the package under test. */
    glue: () => load("pkg/core/wardkey_core.js"),
    /** A module of the package under test that is nobody else's to import. */
    internal: (name) => load(`pkg/${name}.js`),
    /** The other entry of the package under test. */
    slim: () => load("pkg/slim.js"),
    /** A copy of the package in which nothing was called yet. */
    fresh: () => copy(`copy-${used++}`),
    /** Copies with a changed character in the inlined module. */
    damaged: () => [0, 1, 2, 3].map((index) => copy(`damaged-${index}`)),
    bytes: read,
    text: async (path) => text(await read(path)),
    json: async (path) => JSON.parse(text(await read(path))),
  };
}
