// What is measured, in a page: the package, and beside it what it is compared with, turn by turn, so that a slow moment of the machine meets both.
import { DataKey, init, KeyPair, openBackup, sealBackup, unwrapKey, wrapKey } from "../../pkg/index.js";

const MIB = 1 << 20;
const LONG = 16 * MIB;
const CHUNK = 16_384;
const TAG = 16;
const RECORDS = 2000;
const RECORD = 256;
const PASSWORD = "three blue herons at dawn";
const userId = "ada.lindqvist@ward.example";

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function time(work, repeat) {
  const start = performance.now();
  for (let i = 0; i < repeat; i += 1) await work();
  return (performance.now() - start) / repeat;
}

/** Medians in ms, and the median of the rounds' ratios. Either is warmed up once, and each goes first in every other round; `prepare` goes before what
 *  stands beside, and is not timed. */
async function compare(ours, beside, { rounds, repeat = 1, repeatBeside = 1, prepare = () => {} }) {
  const times = { ours: [], beside: [], ratio: [] };
  const both = [
    async () => times.ours.push(await time(ours, repeat)),
    async () => {
      prepare();
      times.beside.push(await time(beside, repeatBeside));
    },
  ];
  await ours();
  prepare();
  await beside();
  for (let round = 0; round < rounds; round += 1) {
    for (const turn of round % 2 === 0 ? both : both.toReversed()) await turn();
    times.ratio.push(times.ours[round] / times.beside[round]);
  }
  return { ours: median(times.ours), beside: median(times.beside), ratio: median(times.ratio), rounds };
}

function randomBytes(length) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

async function loadBare() {
  const { instance } = await WebAssembly.instantiate(await (await fetch("bare.wasm")).arrayBuffer());
  const { exports } = instance;
  const checked =
    (name) =>
    (...args) => {
      if (exports[name](...args) !== 0) throw new Error(`${name} failed`);
    };
  return {
    alloc: exports.alloc,
    seal: checked("seal"),
    open: checked("open"),
    argon2id: checked("argon2id"),
    pbkdf2: checked("pbkdf2"),
  };
}

async function long(direction) {
  const bare = await loadBare();
  const length = (LONG / CHUNK) * (CHUNK + TAG);
  const at = bare.alloc(length);
  const key = await DataKey.generate();
  const data = randomBytes(LONG);
  const sealed = await key.encrypt(data);
  const opened = await key.decrypt(sealed);
  if (opened.some((byte, index) => byte !== data[index])) throw new Error("decrypts to something else");
  const rounds = 11;
  const result =
    direction === "encrypt"
      ? await compare(
          () => key.encrypt(data),
          async () => bare.seal(at, length),
          { rounds },
        )
      : await compare(
          () => key.decrypt(sealed),
          async () => bare.open(at, length),
          { rounds, prepare: () => bare.seal(at, length) },
        );
  key.free();
  return { ...result, bytes: LONG };
}

/** WebCrypto as an application would use it for records with a key each: import, then one call; for all of them at once, or for one after another. */
async function records(direction, form) {
  const key = await DataKey.generate();
  const plain = Array.from({ length: RECORDS }, (_, n) => ({
    data: randomBytes(RECORD),
    context: { record: String(n) },
  }));
  const sealed = (await key.encryptMany(plain)).map((bytes, n) => ({ sealed: bytes, context: plain[n].context }));
  const raws = plain.map(() => ({ raw: randomBytes(32), iv: randomBytes(12) }));
  const once = async (usage, data, n) => {
    const { raw, iv } = raws[n];
    const imported = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [usage]);
    return crypto.subtle[usage]({ name: "AES-GCM", iv }, imported, data);
  };
  const forms = {
    atOnce: (usage, all) => Promise.all(all.map((data, n) => once(usage, data, n))),
    oneByOne: async (usage, all) => {
      const results = [];
      for (const [n, data] of all.entries()) results.push(await once(usage, data, n));
      return results;
    },
  };
  const open = plain.map(({ data }) => data);
  const theirs = await forms.atOnce("encrypt", open);
  const result =
    direction === "encrypt"
      ? await compare(
          () => key.encryptMany(plain),
          () => forms[form]("encrypt", open),
          { rounds: 15 },
        )
      : await compare(
          async () => {
            const opened = await key.decryptMany(sealed);
            if (!opened.every(({ ok }) => ok)) throw new Error("a record doesn't open");
          },
          () => forms[form]("decrypt", theirs),
          { rounds: 15 },
        );
  key.free();
  return { ...result, records: RECORDS };
}

async function unwrap() {
  const pair = await KeyPair.generate();
  const key = await DataKey.generate();
  const wrapped = await wrapKey(key, [pair.publicKey]);
  const name = { name: "RSA-OAEP", hash: "SHA-256" };
  const rsa = await crypto.subtle.generateKey(
    { ...name, modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]) },
    false,
    ["encrypt", "decrypt"],
  );
  const theirs = await crypto.subtle.encrypt(name, rsa.publicKey, randomBytes(32));
  const ours = async () => (await unwrapKey(wrapped, pair)).free();
  for (let i = 0; i < 200; i += 1) await ours();
  const result = await compare(ours, () => crypto.subtle.decrypt(name, rsa.privateKey, theirs), {
    rounds: 15,
    repeat: 100,
    repeatBeside: 20,
  });
  pair.free();
  key.free();
  return result;
}

/** Microseconds per recipient. */
async function wrap() {
  const key = await DataKey.generate();
  const everybody = [];
  for (let n = 0; n < 1000; n += 1) {
    const pair = await KeyPair.generate();
    everybody.push(pair.publicKey);
    pair.free();
  }
  const sizes = [10, 100, 1000];
  const times = { 10: [], 100: [], 1000: [] };
  const rounds = 11;
  await wrapKey(key, everybody.slice(0, 100));
  for (let round = 0; round < rounds; round += 1) {
    for (const size of round % 2 === 0 ? sizes : sizes.toReversed()) {
      const recipients = everybody.slice(0, size);
      const repeat = Math.max(1, 200 / size);
      times[size].push((1000 * (await time(() => wrapKey(key, recipients), repeat))) / size);
    }
  }
  const against = (a, b) => median(times[a].map((value, round) => value / times[b][round]));
  key.free();
  return {
    perRecipient: Object.fromEntries(sizes.map((size) => [size, median(times[size])])),
    ratios: { "100/10": against(100, 10), "1000/100": against(1000, 100) },
    rounds,
  };
}

async function backup(kdf, derive) {
  const bare = await loadBare();
  const pair = await KeyPair.generate();
  const sealed = await sealBackup(pair, PASSWORD, { userId, kdf });
  pair.free();
  const ours = async () => (await openBackup(sealed, PASSWORD, { userId })).free();
  return compare(ours, async () => derive(bare), { rounds: 11 });
}

const cases = {
  encryptLong: () => long("encrypt"),
  decryptLong: () => long("decrypt"),
  encryptManyOneByOne: () => records("encrypt", "oneByOne"),
  encryptManyAtOnce: () => records("encrypt", "atOnce"),
  decryptManyOneByOne: () => records("decrypt", "oneByOne"),
  decryptManyAtOnce: () => records("decrypt", "atOnce"),
  unwrap,
  wrap,
  argon2id: () => backup(undefined, (bare) => bare.argon2id(65_536, 3)),
  pbkdf2: () => backup({ name: "pbkdf2-sha256" }, (bare) => bare.pbkdf2(600_000)),
};

globalThis.measure = async (name) => {
  await init();
  return cases[name]();
};
