// Records testdata/legacy.json: documents in the published legacy layout, made by @icure/api, and what it reads of them itself:
//   node tests/entries/record-legacy.mjs
// A file that exists is never written again. `cargo run --example make_vectors` then adds its sum.

import { webcrypto } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../../scripts/run.mjs";
import { peers } from "../../scripts/tools.mjs";

peers("tests/entries");
// It is CommonJS, and says much while it works.
const require = createRequire(import.meta.url);
const [log, warn] = [console.log, console.warn];
console.log = console.warn = console.error = () => undefined;
const { IccCryptoXApi } = require("@icure/api/icc-x-api/icc-crypto-x-api.js");
const { IccPatientXApi } = require("@icure/api/icc-x-api/icc-patient-x-api.js");
const { IccContactXApi } = require("@icure/api/icc-x-api/icc-contact-x-api.js");
const { IccDataOwnerXApi } = require("@icure/api/icc-x-api/icc-data-owner-x-api.js");
const { jwk2spki } = require("@icure/api/icc-x-api/utils/crypto-utils.js");

const file = join(root, "testdata/legacy.json");
const OAEP = { name: "RSA-OAEP", hash: "SHA-1" };
const clone = (value) => JSON.parse(JSON.stringify(value));

/** The parties' records, as the back end would keep them. */
const records = new Map();
const known = (id) => (records.has(id) ? Promise.resolve(clone(records.get(id))) : Promise.reject(new Error("404")));
const keep = (record) => {
  records.set(record.id, clone(record));
  return Promise.resolve(clone(record));
};
/** `{ delegator: { fingerprint of his key: { fingerprint: wrapped } } }` of a delegate. */
async function keysFor(delegate) {
  const found = {};
  for (const { id, hcPartyKeys = {}, aesExchangeKeys = {}, publicKey } of records.values()) {
    for (const [key, delegates] of Object.entries(aesExchangeKeys)) {
      if (delegates[delegate]) found[id] = { ...found[id], [key.slice(-32)]: delegates[delegate] };
    }
    if (!found[id] && hcPartyKeys[delegate]) found[id] = { [publicKey.slice(-32)]: { "": hcPartyKeys[delegate][1] } };
  }
  return found;
}
const nobody = () => Promise.reject(new Error("404"));
const hcParties = {
  getHealthcareParty: known,
  modifyHealthcareParty: keep,
  getAesExchangeKeysForDelegate: keysFor,
  getHealthcarePartyHierarchyIds: async (id) => [id],
};
const patients = { getPatient: nobody, getPatientAesExchangeKeysForDelegate: async () => ({}) };
const devices = { getDevice: nobody, getDeviceAesExchangeKeysForDelegate: async () => ({}) };

/** A party with a new key pair or the given one, and the library as she uses it. */
async function party(id, pkcs8) {
  const pair = pkcs8
    ? await webcrypto.subtle.importKey("pkcs8", pkcs8, OAEP, true, ["decrypt"])
    : (
        await webcrypto.subtle.generateKey(
          { ...OAEP, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
          true,
          ["encrypt", "decrypt"],
        )
      ).privateKey;
  const privateKey = await webcrypto.subtle.exportKey("jwk", pair);
  const { kty, n, e, alg, ext } = privateKey;
  const publicKey = { kty, n, e, alg, ext };
  const spki = jwk2spki(publicKey);
  const store = { getKeypair: async () => ({ publicKey, privateKey }) };
  const crypto = new IccCryptoXApi("", {}, hcParties, patients, devices, webcrypto, {}, store);
  await crypto.cacheKeyPair({ publicKey, privateKey });
  await keep({ id, publicKey: spki, hcPartyKeys: {}, aesExchangeKeys: {} });
  const owners = new IccDataOwnerXApi(crypto, patients);
  const none = undefined;
  const patientApi = new IccPatientXApi(
    "",
    {},
    crypto,
    none,
    none,
    none,
    none,
    none,
    hcParties,
    none,
    owners,
    none,
    ["note", "ssin", 'addresses.*.["street","houseNumber"]'],
    none,
    nobody,
  );
  const contactApi = new IccContactXApi("", {}, crypto, owners, none, nobody);
  return { id, privateKey, crypto, patientApi, contactApi, user: { id: `user-${id}`, healthcarePartyId: id } };
}

/** Caches know nothing of what others wrote meanwhile. */
function refresh({ crypto }) {
  crypto.dataOwnerCache = {};
  crypto.hcPartyKeysRequestsCache = {};
}

async function main() {
  if (existsSync(file)) throw new Error("testdata/legacy.json is there, and doesn't change");
  const pem = readFileSync(join(root, "testdata/rsa/2048.pem"), "utf8");
  const der = Buffer.from(pem.replace(/-----.*-----|\s/g, ""), "base64");
  const ada = await party("ada-0f1c", der);
  const tomas = await party("tomas-77aa");
  const grace = await party("grace-31bd");
  const documents = [];
  /** What is stored, and what it is in clear; `for` are those who can read it, `parent` is the id of what it belongs to. */
  const add = (name, stored, clear, more) =>
    documents.push({ name, document: clone(stored), clear: clone(clear), ...more });

  // A patient of Ada's that Tomas reads, with addresses that are encrypted each by itself, and two contacts of it.
  const given = {
    id: "4f1c2a1e-6d0b-4a53-9d2f-0c8c1f6b1234",
    rev: "3-5f",
    firstName: "Élodie",
    note: "Fractures du poignet gauche — «sœur» 骨折 🦴",
    ssin: "85073003328",
    addresses: [
      { addressType: "home", street: "Rue Haute", houseNumber: "7", city: "Gand" },
      { addressType: "work", street: "Kaai", houseNumber: "1b", city: "Gand" },
    ],
    nothing: null,
  };
  const begun = await ada.patientApi.newInstance(ada.user, clone(given), [tomas.id]);
  const kept = { ...clone(begun), encryptionKeys: undefined, delegations: undefined, cryptedForeignKeys: undefined };
  const [patient] = await ada.patientApi.encrypt(ada.user, [clone(begun)]);
  const clearPatient = { ...kept, secretForeignKeys: undefined };
  add("patient", patient, clearPatient, { for: [ada.id, tomas.id] });

  const services = [
    { id: "s1", label: "weight", content: { fr: { measureValue: { value: 71.5, unit: "kg" } } } },
    {
      id: "s2",
      label: "drugs",
      content: { fr: { compoundValue: [{ id: "s3", content: { fr: { stringValue: "ibuprofène 400 mg" } } }] } },
    },
  ];
  const visit = {
    id: "e3b0c442-98fc-4c14-9afb-f4c8996f4567",
    descr: "chute d'une échelle",
    services,
    closingDate: 20200102,
  };
  async function contact(who, more, delegates) {
    refresh(who);
    const stored = await who.contactApi.newInstance(
      who.user,
      clone(patient),
      { ...clone(visit), ...more },
      false,
      delegates,
    );
    const clear = clone(stored);
    for (const gone of ["encryptionKeys", "delegations", "cryptedForeignKeys", "secretForeignKeys"]) delete clear[gone];
    const [encrypted] = await who.contactApi.encrypt(who.user, [stored]);
    return [encrypted, clear];
  }
  const parent = patient.id;
  add("contact", ...(await contact(ada, {}, [tomas.id])), { for: [ada.id, tomas.id], parent });
  const other = { id: "1b4e28ba-2fa1-41d2-883f-0016d3cca427", descr: "contrôle", services: [] };
  add("contact by another", ...(await contact(tomas, other, [ada.id])), { for: [ada.id, tomas.id], parent });
  const own = { id: "6fa459ea-ee8a-4ca4-894e-db77e160355e", descr: "à moi", services: [] };
  add("contact of another alone", ...(await contact(tomas, own, [])), { for: [tomas.id], parent });

  // Shared on by who had it from somebody.
  refresh(tomas);
  const further = await tomas.patientApi.newInstance(
    tomas.user,
    { id: "7c9e6679-7425-40de-944b-e07fc1f90ae7", note: "shared on", addresses: [] },
    [grace.id, ada.id],
  );
  const clearFurther = {
    ...clone(further),
    encryptionKeys: undefined,
    delegations: undefined,
    cryptedForeignKeys: undefined,
    secretForeignKeys: undefined,
  };
  const [storedFurther] = await tomas.patientApi.encrypt(tomas.user, [clone(further)]);
  add("patient by another for two", storedFurther, clearFurther, { for: [tomas.id, grace.id, ada.id] });

  // As older versions had it: the key stands in `delegations`.
  refresh(ada);
  const early = await ada.patientApi.newInstance(
    ada.user,
    { id: "a8098c1a-f86e-41da-bd1a-00112444be1e", note: "of old", addresses: [] },
    [],
  );
  const clearEarly = {
    ...clone(early),
    encryptionKeys: undefined,
    delegations: undefined,
    cryptedForeignKeys: undefined,
    secretForeignKeys: undefined,
  };
  const [storedEarly] = await ada.patientApi.encrypt(ada.user, [
    { ...clone(early), encryptionKeys: clone(early.delegations) },
  ]);
  add("patient whose key is in delegations", { ...storedEarly, encryptionKeys: {} }, clearEarly, { for: [ada.id] });

  // The library itself reads what is recorded, as far as it was meant to be read.
  for (const who of [ada, tomas, grace]) {
    refresh(who);
    for (const { name, document, clear, for: readers } of documents) {
      const api = "services" in document ? who.contactApi : who.patientApi;
      const read =
        api === who.contactApi
          ? (await api.decrypt(who.id, [clone(document)]))[0]
          : (await api.decrypt(who.user, [clone(document)], false))[0];
      const reads = Object.entries(clear).every(([member, value]) => {
        const inside = (text) => text.replaceAll(/"encryptedSelf":"[^"]*",?/g, "").replaceAll(",}", "}");
        const sorted = (one) =>
          inside(
            JSON.stringify(one, (_, it) =>
              it && typeof it === "object" && !Array.isArray(it) ? Object.fromEntries(Object.entries(it).sort()) : it,
            ) ?? "",
          );
        return sorted(read[member]) === sorted(value);
      });
      if (reads !== readers.includes(who.id))
        throw new Error(`${name}: ${who.id} ${reads ? "reads" : "doesn't read"} it`);
    }
  }
  const parties = [...records.values()];
  const keys = Object.fromEntries([tomas, grace].map(({ id, privateKey }) => [id, privateKey]));
  const made = "by @icure/api 6.4.4: tests/entries/record-legacy.mjs; ada-0f1c has the key rsa/2048.pem";
  writeFileSync(file, `${JSON.stringify({ made, parties, keys, documents }, null, 1)}\n`);
  log(`${documents.length} documents`);
}

await main().catch((error) => {
  warn(error);
  process.exitCode = 1;
});
