// `wardkey/legacy` on documents that @icure/api made (testdata/legacy.json):  node --test tests/entries/legacy.test.mjs
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KeyPair } from "../../pkg/index.js";
import { openLegacy } from "../../pkg/legacy.js";
import { root } from "../../scripts/run.mjs";

const { parties, keys, documents } = JSON.parse(readFileSync(join(root, "testdata/legacy.json"), "utf8"));
const pem = readFileSync(join(root, "testdata/rsa/2048.pem"), "utf8");
const clone = (value) => JSON.parse(JSON.stringify(value));
const IDS = { ada: "ada-0f1c", tomas: "tomas-77aa", grace: "grace-31bd" };
const pairs = {
  ada: await KeyPair.importRsa(pem),
  tomas: await KeyPair.importRsa(keys[IDS.tomas]),
  grace: await KeyPair.importRsa(keys[IDS.grace]),
};
const readerOf = (who, more = {}) => openLegacy({ partyIds: IDS[who], privateKeys: pairs[who], parties, ...more });
const named = (name) => clone(documents.find((one) => one.name === name).document);
const fails = (code, call) => assert.rejects(call, { name: "WardkeyError", code });

for (const who of Object.keys(IDS)) {
  test(`${who} reads what was shared with this party, and nothing else`, async () => {
    const reader = await readerOf(who);
    for (const { name, document, clear, for: readers, parent } of documents) {
      const before = clone(document);
      if (!readers.includes(IDS[who])) {
        await fails("not-a-recipient", () => reader.read(document));
        continue;
      }
      const read = await reader.read(document);
      assert.deepEqual(read.entity, clear, name);
      assert.equal(read.id, document.id);
      assert.deepEqual(read.parentIds, parent === undefined ? [] : [parent], name);
      assert.deepEqual(read.readers.toSorted(), readers.toSorted(), name);
      assert.equal(read.secretIds.length, 1);
      assert.deepEqual(document, before, "it is as it was");
    }
  });
}

test("a child has a secret id of its parent in clear", async () => {
  const reader = await readerOf("ada");
  const { secretIds } = await reader.read(named("patient"));
  for (const name of ["contact", "contact by another"]) {
    assert.deepEqual((await reader.read(named(name))).secretForeignKeys, secretIds);
  }
});

test("exchange keys by the older record alone, by the newer alone, and by the end of a key that isn't named", async () => {
  const older = parties.map(({ aesExchangeKeys: _, ...party }) => party);
  const newer = parties.map(({ hcPartyKeys: _, ...party }) => party);
  const relabelled = (label) =>
    newer.map((party) => ({
      ...party,
      aesExchangeKeys: Object.fromEntries(
        Object.entries(party.aesExchangeKeys).map(([key, delegates]) => [
          key,
          Object.fromEntries(
            Object.entries(delegates).map(([delegate, wrapped]) => {
              const [first, ...rest] = Object.entries(wrapped).map(([name, one], at) => [label(name, at), one]);
              return [delegate, Object.fromEntries([...rest, first])];
            }),
          ),
        ]),
      ),
    }));
  // The whole public key in the place of its end; no name where one is unknown.
  for (const given of [
    older,
    newer,
    relabelled((name) => `3082${name}`),
    relabelled((name, at) => (at === 0 ? name : "")),
  ]) {
    for (const who of ["ada", "tomas"]) {
      const reader = await readerOf(who, { parties: given });
      const { clear } = documents.find(({ name }) => name === "patient");
      assert.deepEqual((await reader.read(named("patient"))).entity, clear);
    }
  }
});

test("a reader with several keys, and for several parties", async () => {
  const all = Object.values(pairs);
  const reader = await openLegacy({ partyIds: Object.values(IDS), privateKeys: all, parties });
  for (const { name, document, clear } of documents)
    assert.deepEqual((await reader.read(document)).entity, clear, name);
  // Who made it reads by what was sealed for another, if what was sealed for herself is lost.
  const patient = named("patient");
  for (const map of ["encryptionKeys", "delegations"]) delete patient[map][IDS.ada];
  const own = await readerOf("ada");
  const { entity, readers } = await own.read(patient);
  assert.equal(entity.ssin, "85073003328");
  assert.deepEqual(readers, [IDS.tomas]);
});

test("it is said what was encrypted, as a manifest would", async () => {
  const reader = await readerOf("ada");
  const { encrypted } = await reader.read(named("patient"));
  assert.deepEqual(encrypted.toSorted(), ["addresses[].houseNumber", "addresses[].street", "note", "ssin"]);
  const contact = await reader.read(named("contact"));
  const inside = ["descr", "services[].content", "services[].content.fr.compoundValue[].content"];
  assert.deepEqual(contact.encrypted.toSorted(), inside);
});

test("a document that isn't encrypted, and one with nothing for anybody", async () => {
  const reader = await readerOf("ada");
  const plain = { id: "1", rev: "2", name: "x", list: [{ a: null }], encryptionKeys: {}, delegations: null };
  assert.deepEqual(await reader.read(plain), {
    id: "1",
    entity: { id: "1", rev: "2", name: "x", list: [{ a: null }] },
    encrypted: [],
    secretIds: [],
    parentIds: [],
    secretForeignKeys: [],
    readers: [],
  });
});

test("no id is a key of the document", async () => {
  const reader = await readerOf("ada");
  const patient = named("patient");
  const [secret] = (await reader.read(patient)).secretIds;
  const both = {
    ...patient,
    delegations: { [IDS.ada]: [...patient.encryptionKeys[IDS.ada], ...patient.delegations[IDS.ada]] },
  };
  assert.deepEqual((await reader.read(both)).secretIds, [secret]);
  for (const map of ["encryptionKeys", "delegations"]) {
    for (const document of [
      patient,
      { id: patient.id, encryptionKeys: patient.encryptionKeys, delegations: patient.delegations },
    ])
      await fails("decryption-failed", () => reader.read({ ...document, cryptedForeignKeys: patient[map] }));
  }
});

test("whatever doesn't open is one and the same error", async () => {
  const reader = await readerOf("ada");
  const messages = new Set();
  const closed = async (document, by = reader) => {
    await assert.rejects(by.read(document), (error) => {
      messages.add(`${error.code} ${error.message} ${error.cause}`);
      return true;
    });
  };
  const changed = (bytes, at) => {
    const out = Buffer.from(bytes);
    out[at] ^= 1;
    return out;
  };
  const patient = named("patient");
  const self = Buffer.from(patient.encryptedSelf, "base64");
  // The last block but one: padding. The first: what is JSON no more. Cut, empty, no base64.
  for (const at of [self.length - 17, self.length - 1, 0])
    await closed({ ...patient, encryptedSelf: changed(self, at).toString("base64") });
  for (const length of [0, 16, 31, 32, self.length - 16]) {
    const cut = self.subarray(0, length).toString("base64");
    if (cut !== "") await closed({ ...patient, encryptedSelf: cut });
  }
  await closed({ ...patient, encryptedSelf: "%%%%" });
  const own = patient.encryptionKeys[IDS.ada][0];
  const sealed = Buffer.from(own.key, "hex");
  const withKey = (key) => ({ ...patient, encryptionKeys: { [IDS.ada]: [{ ...own, key }] } });
  // Padding; the document's id; the key's own characters; no hexadecimal; another document's.
  for (const at of [sealed.length - 17, 0, 40]) await closed(withKey(changed(sealed, at).toString("hex")));
  for (const key of [
    "",
    "zz",
    "a",
    sealed.subarray(0, 32).toString("hex"),
    named("contact").encryptionKeys[IDS.ada][0].key,
  ]) {
    if (key !== "") await closed(withKey(key));
  }
  // Another document's content, under its own key; the id of another.
  await closed({ ...patient, encryptedSelf: named("contact").encryptedSelf });
  await closed({ ...patient, id: "another" });
  const contact = named("contact");
  contact.cryptedForeignKeys = { [IDS.ada]: patient.delegations[IDS.ada] };
  await closed(contact);
  const inner = named("contact");
  inner.services[0].encryptedSelf = inner.services[0].encryptedSelf.replace(/^..../, "AAAA");
  await closed(inner);
  // An exchange key that is wrapped for this key, and doesn't open, or isn't one of AES.
  const broken = clone(parties);
  const record = broken.find(({ id }) => id === IDS.ada);
  const [[delegates]] = [Object.values(record.aesExchangeKeys)];
  for (const name of Object.keys(delegates[IDS.ada]))
    delegates[IDS.ada][name] = `00${delegates[IDS.ada][name].slice(2)}`;
  record.hcPartyKeys = {};
  const other = await readerOf("ada", { parties: broken });
  await closed({ ...patient, encryptionKeys: { [IDS.ada]: [own] }, delegations: {} }, other);
  assert.deepEqual([...messages], ["decryption-failed wrong key or context, or changed bytes undefined"]);
});

/** What the database could make up, once it knows an exchange key. */
const cbc = (key, text) => {
  const iv = Buffer.alloc(16, 7);
  const cipher = createCipheriv(key.length === 16 ? "aes-128-cbc" : "aes-256-cbc", key, iv);
  return Buffer.concat([iv, cipher.update(text), cipher.final()]);
};

test("keys of 32 bytes, older contents, and members that mean something to JavaScript", async () => {
  const { publicEncrypt, constants } = await import("node:crypto");
  const exchange = Buffer.alloc(32, 3);
  const wrapped = publicEncrypt(
    { key: pem, oaepHash: "sha1", padding: constants.RSA_PKCS1_OAEP_PADDING },
    exchange,
  ).toString("hex");
  const reader = await readerOf("ada", { parties: [{ id: IDS.ada, hcPartyKeys: { [IDS.ada]: [wrapped, wrapped] } }] });
  const long = "ab".repeat(32);
  const seal = (content) => [{ owner: IDS.ada, delegatedTo: IDS.ada, key: cbc(exchange, content).toString("hex") }];
  const made = (content, more = {}) => ({
    id: "1",
    encryptionKeys: { [IDS.ada]: seal(`1:${long}`) },
    encryptedSelf: cbc(Buffer.from(long, "hex"), content).toString("base64"),
    ...more,
  });
  const read = async (...given) => (await reader.read(made(...given))).entity;
  assert.deepEqual(await read('{"a":"é"}\0\0'), { id: "1", a: "é" });
  assert.deepEqual(await read('{"a":2}', { a: 1, b: 3 }), { id: "1", a: 2, b: 3 });
  const odd = await read('{"__proto__":{"polluted":1},"toString":1}');
  assert.equal({}.polluted, undefined);
  assert.deepEqual(Object.keys(odd), ["id", "__proto__", "toString"]);
  const service = {
    id: "s",
    encryptedContent: cbc(Buffer.from(long, "hex"), '{"fr":{"stringValue":"x"}}').toString("base64"),
  };
  assert.deepEqual((await read("{}", { services: [service] })).services, [
    { id: "s", content: { fr: { stringValue: "x" } } },
  ]);
  for (const content of ["[]", "null", "7", "{", "", '{"id":"2"}', "\xff"])
    await fails("decryption-failed", () => read(content));
  // Merged documents keep values that were made for the others.
  const merged = made("{}", { id: "9" });
  await fails("decryption-failed", () => reader.read(merged));
  const knowing = await readerOf("ada", {
    parties: [{ id: IDS.ada, hcPartyKeys: { [IDS.ada]: [wrapped, wrapped] } }],
    formerIds: { 9: ["5", "1"] },
  });
  assert.deepEqual((await knowing.read(merged)).entity, { id: "9" });
});

test("documents and records of another form", async () => {
  const reader = await readerOf("ada");
  for (const given of [undefined, null, "x", [], {}, { id: 7 }])
    await fails("invalid-argument", () => reader.read(given));
  const circle = { id: "1" };
  circle.self = circle;
  await fails("invalid-argument", () => reader.read(circle));
  const patient = named("patient");
  for (const bad of [
    [],
    "x",
    { [IDS.ada]: {} },
    { [IDS.ada]: [7] },
    { [IDS.ada]: [{ key: 7, owner: IDS.ada }] },
    { [IDS.ada]: [{ key: "00" }] },
  ]) {
    for (const map of ["encryptionKeys", "delegations", "cryptedForeignKeys"]) {
      await fails("invalid-format", () => reader.read({ ...patient, [map]: bad }));
    }
  }
  for (const bad of [{}, "x", [7]])
    await fails("invalid-format", () => reader.read({ ...patient, secretForeignKeys: bad }));
  let deep = { encryptedSelf: "AAAA" };
  for (let at = 0; at < 200; at += 1) deep = { deep };
  await fails("limit", () => reader.read({ ...patient, deep }));
  const strange = [
    { hcPartyKeys: [] },
    { aesExchangeKeys: { a: 7 } },
    { aesExchangeKeys: { a: { [IDS.ada]: { b: 7 } } } },
    { hcPartyKeys: { [IDS.ada]: [7] } },
  ];
  for (const record of strange) {
    const other = await readerOf("ada", { parties: [{ id: IDS.ada, ...record }] });
    await fails("invalid-format", () => other.read(patient));
  }
  const none = await readerOf("ada", { parties: [] });
  await fails("not-a-recipient", () => none.read(patient));
});

test("bad options, and use after free()", async () => {
  const good = { partyIds: IDS.ada, privateKeys: pairs.ada, parties };
  const bad = [
    undefined,
    {},
    { ...good, partyIds: 7 },
    { ...good, partyIds: "" },
    { ...good, partyIds: [] },
    { ...good, privateKeys: [] },
    { ...good, privateKeys: pem },
    { ...good, privateKeys: [pairs.ada, "x"] },
    { ...good, parties: {} },
    { ...good, formerIds: [] },
    { ...good, formerIds: { 1: "2" } },
    { ...good, party: [] },
  ];
  for (const options of bad) await fails("invalid-argument", () => openLegacy(options));
  for (const party of [null, 7, {}, { id: 7 }])
    await fails("invalid-format", () => openLegacy({ ...good, parties: [party] }));
  await fails("key-policy", async () => openLegacy({ ...good, privateKeys: await KeyPair.generate() }));
  const reader = await readerOf("ada");
  await reader.read(named("patient"));
  const reading = [reader, await readerOf("ada")].map(async (one) => {
    const run = one.read(named("patient"));
    one.free();
    await assert.rejects(run, { code: "invalid-argument", message: "used after free()" });
  });
  await Promise.all(reading);
  reader.free();
  await fails("invalid-argument", () => reader.read(named("patient")));
  const freed = await KeyPair.importRsa(pem);
  const without = await openLegacy({ ...good, privateKeys: freed });
  freed.free();
  await fails("invalid-argument", () => without.read(named("patient")));
});
