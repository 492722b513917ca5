// Wardkey and other libraries, in one page and run. Their code is loaded here alone.
import { DataKey, setEngine } from "../../pkg/index.js";
import { bareLoop } from "../page/bulk.js";
import { MIB, median, randomBytes, ratio, turns } from "../page/measure.js";
import { sameBytes } from "./long.js";
import { FORMS, ourRecords, plainRecords, RECORDS } from "./records.js";

const OURS = "Wardkey, auto";
/** A side that needs longer than this is as slow in every round. */
const PATIENCE = 1500;

async function everyPeer() {
  const { peers } = await import("../peers/index.js");
  const made = await Promise.all(Object.entries(peers).map(async ([name, { make }]) => [name, await make()]));
  return Object.fromEntries(made);
}

/** Medians by name, the fastest peer, and the median of the rounds' ratios of its time to ours. */
function summary(times, peers) {
  const medians = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
  const best = Object.keys(peers)
    .filter((name) => name in medians)
    .reduce((a, b) => (medians[a] <= medians[b] ? a : b));
  const rounds = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, all.length]));
  return { times: medians, best, ratio: ratio(times[best], times[OURS]), rounds };
}

export async function long(direction, length) {
  const peers = await everyPeer();
  const key = await DataKey.generate();
  const wardkey = {
    encrypt: (data) => key.encrypt(data),
    decrypt: (sealed) => key.decrypt(sealed),
  };
  const all = {
    [OURS]: { ...wardkey, prepare: () => setEngine("auto") },
    "Wardkey, wasm": { ...wardkey, prepare: () => setEngine("wasm") },
    "bare WebCrypto loop": await bareLoop(),
    ...peers,
  };
  const missing = {};
  const failed = (name, error) => {
    if (!(name in peers)) throw error;
    missing[name] = String(error);
  };
  const data = randomBytes(length);
  const small = randomBytes(MIB);
  const sides = {};
  for (const [name, { encrypt, decrypt, prepare }] of Object.entries(all)) {
    try {
      prepare?.();
      const sealed = await encrypt(small);
      if (!sameBytes(await decrypt(sealed), small)) throw new Error("decrypts to something else");
      if (direction === "encrypt") {
        sides[name] = { prepare, run: () => encrypt(data), warm: () => encrypt(small) };
      } else {
        const whole = await encrypt(data);
        sides[name] = { prepare, run: () => decrypt(whole), warm: () => decrypt(sealed) };
      }
    } catch (error) {
      failed(name, error);
    }
  }
  const options = length > 64 * MIB ? { rounds: 3, patience: PATIENCE } : { rounds: 7 };
  const times = await turns(sides, { ...options, clean: true, failed });
  key.free();
  return { ...summary(times, peers), bytes: length, missing };
}

/** Each peer in the form of calls that is the faster for it; its messages all by one key, as Wardkey's are. */
export async function records(direction) {
  const peers = await everyPeer();
  const key = await DataKey.generate();
  const plain = plainRecords();
  const ours = await ourRecords(key, plain);
  const sides = { [OURS]: { run: ours[direction] } };
  const forms = {};
  for (const [name, peer] of Object.entries(peers)) {
    const data = plain.map(({ data }) => data);
    const sealed = await FORMS.atOnce((bytes) => peer.encrypt(bytes), data);
    if (!sameBytes(await peer.decrypt(sealed[0]), data[0])) throw new Error(`${name} decrypts to something else`);
    const input = direction === "encrypt" ? data : sealed;
    const run = (form) => () => FORMS[form]((bytes) => peer[direction](bytes), input);
    const tried = await turns({ atOnce: { run: run("atOnce") }, oneByOne: { run: run("oneByOne") } }, { rounds: 1 });
    forms[name] = tried.atOnce[0] <= tried.oneByOne[0] ? "atOnce" : "oneByOne";
    sides[name] = { run: run(forms[name]) };
  }
  const times = await turns(sides, { rounds: 11, patience: PATIENCE / 3 });
  key.free();
  return { ...summary(times, peers), records: RECORDS, forms, missing: {} };
}
