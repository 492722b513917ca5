// Many small records.
import { DataKey } from "../../pkg/index.js";
import { workerKind } from "../../pkg/workers.js";
import { compare, randomBytes } from "../page/measure.js";

export const RECORDS = 2000;
export const RECORD = 256;

export const plainRecords = () =>
  Array.from({ length: RECORDS }, (_, n) => ({ data: randomBytes(RECORD), context: { record: String(n) } }));

/** Wardkey's side: all records in a call. The first starts a worker, which takes part in those that are timed. */
export async function ourRecords(key, plain) {
  const sealed = (await key.encryptMany(plain)).map((bytes, n) => ({ sealed: bytes, context: plain[n].context }));
  while (workerKind() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  return {
    encrypt: () => key.encryptMany(plain),
    decrypt: async () => {
      const opened = await key.decryptMany(sealed);
      if (!opened.every(({ ok }) => ok)) throw new Error("a record doesn't open");
    },
  };
}

/** One form of many calls: for all records at once, or for one after another. */
export const FORMS = {
  atOnce: (call, all) => Promise.all(all.map(call)),
  oneByOne: async (call, all) => {
    const results = [];
    for (const [n, data] of all.entries()) results.push(await call(data, n));
    return results;
  },
};

/** The engine compiles what runs often better and better: until it is done with it. */
const warmed = (run) => ({
  run,
  warm: async () => {
    for (let n = 0; n < 12; n += 1) await run();
  },
});

/** Beside WebCrypto as an application would use it for records with a key each: import, then one call. */
export async function records(direction, form) {
  const key = await DataKey.generate();
  const plain = plainRecords();
  const ours = await ourRecords(key, plain);
  const raws = plain.map(() => ({ raw: randomBytes(32), iv: randomBytes(12) }));
  const once = (usage) => async (data, n) => {
    const { raw, iv } = raws[n];
    const imported = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [usage]);
    return crypto.subtle[usage]({ name: "AES-GCM", iv }, imported, data);
  };
  const open = plain.map(({ data }) => data);
  const input = direction === "encrypt" ? open : await FORMS.atOnce(once("encrypt"), open);
  const beside = () => FORMS[form](once(direction), input);
  const result = await compare(warmed(ours[direction]), warmed(beside), { rounds: 15 });
  key.free();
  return { ...result, records: RECORDS };
}
