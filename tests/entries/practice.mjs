// What the tests of `migrate` share: recorded documents, a key server inside of the process with two users, and a database to move.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { KeyPair, Wardkey } from "../../pkg/index.js";
import { openLegacy } from "../../pkg/legacy.js";
import { memoryBackend } from "../../pkg/testing.js";
import { root } from "../../scripts/run.mjs";

export const { parties, documents } = JSON.parse(readFileSync(join(root, "testdata/legacy.json"), "utf8"));
const pem = readFileSync(join(root, "testdata/rsa/2048.pem"), "utf8");
export const clone = (value) => JSON.parse(JSON.stringify(value));
export const [ADA, TOMAS, GRACE] = ["ada-0f1c", "tomas-77aa", "grace-31bd"];
export const PASSWORD = "three blue herons at dawn";

export const backend = memoryBackend();
/** What is asked of the key server. */
export const asked = [];
const watched = {
  ...backend,
  request: (...given) => {
    asked.push(given[1]);
    return backend.request(...given);
  },
};
async function user(userId) {
  const wardkey = await Wardkey.open({ appId: "practice.example", backend: watched, userId });
  after(() => wardkey.close());
  await wardkey.register({ userId, password: PASSWORD });
  return wardkey;
}
export const [ada, tomas] = [await user("ada"), await user("tomas")];
export const pair = await KeyPair.importRsa(pem);
export const reader = await openLegacy({ partyIds: ADA, privateKeys: pair, parties });
export const stored = () => clone(documents.map(({ document }) => document));
export const clearOf = (id) => documents.find(({ document }) => document.id === id).clear;

/** What is encrypted, of those documents that have it. */
const manifest = ["note?", "ssin?", "addresses[].street?", "addresses[].houseNumber?", "descr?", "services[].content?"];
const entityType = ({ entity }) => ("services" in entity ? "contact" : "patient");
const NAMES = { [ADA]: "ada", [TOMAS]: "tomas" };

/** The application's database: what a run keeps, item by item, with the position. */
export class Database {
  constructor() {
    this.rows = new Map(stored().map((document) => [document.id, document]));
    this.position = undefined;
    this.kept = [];
  }
  keep({ id, entity, position, outcome }) {
    if (entity) this.rows.set(id, entity);
    this.position = position;
    this.kept.push([id, outcome]);
  }
  options(more) {
    return {
      reader,
      entityType,
      manifest,
      parties: NAMES,
      parent: (id) => this.rows.get(id),
      from: this.position,
      ...more,
    };
  }
}

export async function all(run) {
  const items = [];
  for await (const item of run) items.push(item);
  return items;
}

export const EXPECTED = ["moved", "moved", "moved", "failed", "moved", "moved"];
