// Keys: wrapped for many, unwrapped, opened from a backup.
import { DataKey, KeyPair, openBackup, sealBackup, unwrapKey, wrapKey } from "../../pkg/index.js";
import { loadBare } from "../page/bare.js";
import { compare, median, randomBytes, ratio, turns } from "../page/measure.js";

const PASSWORD = "three blue herons at dawn";
const userId = "ada.lindqvist@ward.example";

export async function unwrap() {
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
  const result = await compare(
    { run: ours, repeat: 100 },
    { run: () => crypto.subtle.decrypt(name, rsa.privateKey, theirs), repeat: 20 },
    { rounds: 15 },
  );
  pair.free();
  key.free();
  return result;
}

/** Microseconds per recipient. */
export async function wrap() {
  const key = await DataKey.generate();
  const everybody = [];
  for (let n = 0; n < 1000; n += 1) {
    const pair = await KeyPair.generate();
    everybody.push(pair.publicKey);
    pair.free();
  }
  const sides = [10, 100, 1000].map((size) => {
    const recipients = everybody.slice(0, size);
    return [size, { run: () => wrapKey(key, recipients), repeat: Math.max(1, 200 / size) }];
  });
  const times = await turns(Object.fromEntries(sides), { rounds: 11 });
  const each = Object.fromEntries(sides.map(([size]) => [size, times[size].map((ms) => (1000 * ms) / size)]));
  key.free();
  return {
    perRecipient: Object.fromEntries(sides.map(([size]) => [size, median(each[size])])),
    ratios: { "100/10": ratio(each[100], each[10]), "1000/100": ratio(each[1000], each[100]) },
    rounds: times[10].length,
  };
}

export async function backup(kdf, derive) {
  const bare = await loadBare();
  const pair = await KeyPair.generate();
  const sealed = await sealBackup(pair, PASSWORD, { userId, kdf });
  pair.free();
  return compare(
    { run: async () => (await openBackup(sealed, PASSWORD, { userId })).free() },
    { run: () => derive(bare) },
    { rounds: 11 },
  );
}
