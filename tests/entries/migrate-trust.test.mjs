// What a legacy database can't get out of `migrate`:  node --test tests/entries/migrate-trust.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { migrate } from "../../pkg/legacy.js";
import { ada, all, clearOf, clone, Database, documents, stored, TOMAS, tomas } from "./practice.mjs";

test("a database that puts a document's key in the place of its parent's id isn't asked for it", async () => {
  const known = new Set(documents.map(({ document }) => document.id));
  const { encryptionKeys, encryptedSelf, ...contact } = stored()[1];
  const evil = [
    { ...contact, encryptedSelf, encryptionKeys, cryptedForeignKeys: encryptionKeys },
    { ...contact, encryptedSelf, encryptionKeys, cryptedForeignKeys: contact.delegations },
    { ...contact, encryptedSelf, cryptedForeignKeys: encryptionKeys, delegations: encryptionKeys },
    { ...contact, services: [], encryptionKeys, cryptedForeignKeys: encryptionKeys },
    { ...contact, services: [], cryptedForeignKeys: encryptionKeys },
    { ...contact, services: [], cryptedForeignKeys: encryptionKeys, delegations: {} },
  ];
  for (const [at, document] of evil.entries()) {
    for (const dryRun of [false, true]) {
      const asked = [];
      const parent = (id) => asked.push(id) && undefined;
      const options = new Database().options({ parent, dryRun, knownIds: known });
      const [item] = await all(migrate(ada, [document], options));
      assert.deepEqual([item.outcome, item.parentIds, asked], ["failed", [], []], `${at}`);
      assert(["decryption-failed", "invalid-argument"].includes(item.error.code));
      assert(!/[0-9a-f]{8}/.test(item.error.message), item.error.message);
    }
  }
});

test("the paths of a moved document keep sealed what is sealed", async () => {
  const database = new Database();
  const given = ["firstName?", "ssin?"];
  const [{ entity, encrypted, id }] = await all(
    migrate(ada, stored().slice(0, 1), database.options({ manifest: given })),
  );
  assert.deepEqual(encrypted.slice(0, 2), given);
  assert.equal(new Set(encrypted).size, encrypted.length);
  const plain = { ...clearOf(id), firstName: "changed" };
  const updated = await ada.entities.update(entity, plain, encrypted);
  assert.deepEqual(
    Object.keys(updated).sort(),
    Object.keys(entity).sort(),
    "no member more, and none less, stands in clear",
  );
  assert.deepEqual(await ada.entities.decrypt(updated), plain);
  // A member that went is none that is missed.
  const { note: _, ssin: _ssin, addresses: _addresses, ...rest } = plain;
  await ada.entities.update(entity, rest, encrypted);
});

test("what only looks moved isn't passed over", async () => {
  const [patient] = stored();
  const options = () => new Database().options();
  const [{ entity }] = await all(migrate(ada, [patient], options()));
  const [already] = await all(migrate(ada, [entity], options()));
  assert.equal(already.outcome, "already");
  const empty = { delegations: {}, cryptedForeignKeys: {}, secretForeignKeys: [], entityType: "patient" };
  const [[pair, [value]]] = Object.entries(entity.encryptionKeys);
  for (const more of [
    { encryptedSelf: "", encryptionKeys: { "→": [] } },
    { encryptedSelf: entity.encryptedSelf, encryptionKeys: {} },
    { encryptedSelf: entity.encryptedSelf, encryptionKeys: { "→": [value] } },
    { encryptedSelf: entity.encryptedSelf, encryptionKeys: { [pair]: [] } },
    { encryptedSelf: entity.encryptedSelf, encryptionKeys: { [pair]: [value.slice(1)] } },
    { encryptedSelf: entity.encryptedSelf.slice(0, 40), encryptionKeys: { [pair]: [value] } },
  ]) {
    const [{ outcome }] = await all(migrate(ada, [{ ...patient, ...empty, ...more }], options()));
    assert.equal(outcome, "failed", JSON.stringify(more));
  }
});

test("nobody gets anything who isn't named, whatever the database says", async () => {
  const database = new Database();
  const patient = stored()[0];
  patient.encryptionKeys.mallory = clone(patient.encryptionKeys[TOMAS]);
  patient.encryptionKeys.constructor = clone(patient.encryptionKeys[TOMAS]);
  const [{ entity, sharedWith, notShared }] = await all(migrate(ada, [patient], database.options({ parties: {} })));
  assert.deepEqual([sharedWith, notShared], [[], [TOMAS, "mallory", "constructor"]]);
  assert.deepEqual(Object.keys(entity.encryptionKeys), ["ada→ada"]);
  await assert.rejects(tomas.entities.decrypt(entity), { code: "not-a-recipient" });
});

test("what was encrypted is never clear, whatever the manifest says", async () => {
  const database = new Database();
  for (const manifest of [undefined, [], ["firstName?"], () => ["rev?"]]) {
    const [patient, contact] = await all(migrate(ada, stored().slice(0, 1), database.options({ manifest }))).then(
      async ([item]) => {
        const parent = () => item.entity;
        return [
          item,
          ...(await all(
            migrate(ada, stored().slice(1, 2), database.options({ manifest, parent, knownIds: [item.id] })),
          )),
        ];
      },
    );
    const text = JSON.stringify([patient.entity, contact.entity]);
    for (const secret of ["Fractures", "85073003328", "Rue Haute", "échelle", "71.5", "ibuprof"]) {
      assert(!text.includes(secret), secret);
    }
    assert.equal("firstName" in patient.entity, manifest?.[0] !== "firstName?");
    assert.deepEqual(await ada.entities.decrypt(contact.entity), documents[1].clear);
  }
  // One that no path can name.
  for (const name of ["a.b", "a[]", "", "a?", "*", "a\n"]) {
    const odd = { ...stored()[0], [name]: stored()[0].addresses[0] };
    const [{ outcome, error }] = await all(
      migrate(ada, [odd], database.options({ dryRun: true, manifest: undefined })),
    );
    assert.deepEqual([outcome, error?.code], ["failed", "invalid-argument"], name);
  }
});
