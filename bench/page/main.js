// What is measured, in a page: scripts/bench.mjs calls measure() with the name of a case, each in a page of its own.
import { init } from "../../pkg/index.js";
import { cache } from "../cases/cache.js";
import { sessions, signed } from "../cases/client.js";
import { entities } from "../cases/entities.js";
import { groupLog, groupSessions, manyPeople } from "../cases/groups.js";
import { backup, unwrap, wrap } from "../cases/keys.js";
import { besideLoop, besideWasm, crossover, range } from "../cases/long.js";
import { long as longPeers, records as recordPeers } from "../cases/peers.js";
import { records } from "../cases/records.js";
import { peak, stream, wasmMemory } from "../cases/streams.js";
import { workers } from "../cases/workers.js";
import { MIB, settings } from "./measure.js";

const huge = () => (settings.quick ? 32 : 256) * MIB;

const cases = {
  "wasm encrypt": () => besideWasm("encrypt"),
  "wasm decrypt": () => besideWasm("decrypt"),
  "loop encrypt 16": () => besideLoop("encrypt", 16 * MIB),
  "loop decrypt 16": () => besideLoop("decrypt", 16 * MIB),
  "loop encrypt 256": () => besideLoop("encrypt", huge()),
  "loop decrypt 256": () => besideLoop("decrypt", huge()),
  "stream encrypt": () => stream("encrypt"),
  "stream decrypt": () => stream("decrypt"),
  range,
  crossover,
  "wasm memory": wasmMemory,
  "workers encrypt": () => workers("encrypt"),
  "workers decrypt": () => workers("decrypt"),
  "peers encrypt 16": () => longPeers("encrypt", 16 * MIB),
  "peers decrypt 16": () => longPeers("decrypt", 16 * MIB),
  "peers encrypt 256": () => longPeers("encrypt", huge()),
  "peers decrypt 256": () => longPeers("decrypt", huge()),
  "peers encrypt records": () => recordPeers("encrypt"),
  "peers decrypt records": () => recordPeers("decrypt"),
  "records encrypt one by one": () => records("encrypt", "oneByOne"),
  "records encrypt at once": () => records("encrypt", "atOnce"),
  "records decrypt one by one": () => records("decrypt", "oneByOne"),
  "records decrypt at once": () => records("decrypt", "atOnce"),
  unwrap,
  wrap,
  cache,
  sessions,
  "many people": manyPeople,
  "group sessions": groupSessions,
  "group log": groupLog,
  entities,
  "signed encrypt": () => signed("encrypt"),
  "signed decrypt": () => signed("decrypt"),
  "backup argon2id": () => backup(undefined, (bare) => bare.argon2id(65_536, 3)),
  "backup pbkdf2": () => backup({ name: "pbkdf2-sha256" }, (bare) => bare.pbkdf2(600_000)),
};

globalThis.caseNames = Object.keys(cases);

globalThis.measure = async (name, { quick }) => {
  settings.quick = quick;
  await init();
  return cases[name]();
};

/** One stream through `ours` or `bare`: how much memory that takes, scripts/bench-browser.mjs sees from outside. */
globalThis.measurePeak = async (side, both, { quick }) => {
  settings.quick = quick;
  return peak(side, both);
};
