// The manifests of wardkey/fhir, on every example that HL7 publishes of these types:  node --test tests/entries/manifests.test.mjs
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { manifestFor, manifests } from "../../pkg/fhir.js";
import { Wardkey } from "../../pkg/index.js";
import { memoryBackend } from "../../pkg/testing.js";
import { root } from "../../scripts/run.mjs";
import { peers } from "../../scripts/tools.mjs";

peers("tests/entries");
const folder = join(root, "tests/entries/node_modules/hl7.fhir.r4.examples");
const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));

const TYPES = { Patient: 22, Encounter: 10, Observation: 64, DocumentReference: 1 };
/** What stays clear, and what it may hold. */
const CLEAR = {
  resourceType: /^[A-Z][A-Za-z]+$/,
  id: /^[A-Za-z0-9\-.]{1,64}$/,
  "meta.versionId": /^[A-Za-z0-9\-.]{1,64}$/,
  "meta.lastUpdated": /^\d{4}-\d\d-\d\dT/,
  active: /^(true|false)$/,
  status: /^[a-z-]+$/,
  docStatus: /^[a-z-]+$/,
};
const RESERVED = [
  "entityType",
  "encryptedSelf",
  "encryptionKeys",
  "delegations",
  "cryptedForeignKeys",
  "secretForeignKeys",
];

const wardkey = await Wardkey.open({ appId: "clinic.example", backend: memoryBackend(), userId: "ada" });
after(() => wardkey.close());
await wardkey.register({ userId: "ada", password: "three blue herons at dawn" });

/** Each value in it that is no object, with its path; an empty object or array has none. */
function* leaves(value, path = "") {
  if (typeof value !== "object" || value === null) yield [path, value];
  else if (Array.isArray(value)) for (const element of value) yield* leaves(element, `${path}[]`);
  else
    for (const [name, member] of Object.entries(value)) yield* leaves(member, path === "" ? name : `${path}.${name}`);
}

for (const [type, count] of Object.entries(TYPES)) {
  const names = readdirSync(folder).filter((name) => name.startsWith(`${type}-`) && name.endsWith(".json"));
  const examples = names.map(read).filter(({ resourceType }) => resourceType === type);

  test(`of ${count} examples of ${type} nothing identifying or medical stays clear`, async () => {
    assert.equal(examples.length, count);
    let hidden = 0;
    for (const example of examples) {
      for (const manifest of [manifests[type], manifestFor(example)]) {
        const stored = await wardkey.entities.encrypt(type, example, manifest);
        const clear = Object.fromEntries(Object.entries(stored).filter(([name]) => !RESERVED.includes(name)));
        for (const [path, value] of leaves(clear))
          assert.match(String(value), CLEAR[path] ?? /^never$/, `${example.id}: ${path}`);
        // Whatever else the example says is said nowhere in what stays, at any place.
        const shown = new Set([...leaves(clear)].map(([, value]) => value));
        for (const [path, value] of leaves(example)) {
          if (path in CLEAR) continue;
          hidden += 1;
          if (
            typeof value === "string" &&
            !Object.keys(CLEAR).some((kept) =>
              [...leaves(example)].some(([at, other]) => at === kept && other === value),
            )
          ) {
            assert(!shown.has(value), `${example.id}: ${path} is said in clear`);
          }
        }
        assert.deepEqual(await wardkey.entities.decrypt(stored), example, example.id);
      }
    }
    assert(hidden > 30 * count, `${hidden} values`);
  });

  test(`every element that FHIR R4 defines for ${type} is in its manifest, or meant to stay clear`, () => {
    const { fhirVersion, snapshot } = read(`StructureDefinition-${type}.json`);
    assert.equal(fhirVersion, "4.0.1");
    const primitive = (code) => /^[a-z]/.test(code) || code.startsWith("http://hl7.org/fhirpath/");
    const elements = snapshot.element.filter(({ path }) => path.split(".").length === 2);
    const expected = new Set();
    for (const { path, type: types, base } of elements) {
      const name = path.split(".")[1];
      for (const { code } of types) {
        const own = name.replace("[x]", code[0].toUpperCase() + code.slice(1));
        expected.add(own);
        // What repeats has its extensions in an array of the same name; complex types have their own.
        if (primitive(code)) expected.add(`_${own}`);
      }
      assert(base.path.length > 0);
    }
    assert(expected.size > 25, `${expected.size} elements`);
    const sealed = new Set(manifests[type].map((path) => path.replace("?", "")));
    const missing = [...expected].filter((name) => !sealed.has(name) && !(name in CLEAR) && name !== "meta");
    assert.deepEqual(missing, []);
    const inMeta = [
      "id",
      "extension",
      "source",
      "_source",
      "profile",
      "_profile",
      "security",
      "tag",
      "_versionId",
      "_lastUpdated",
    ];
    assert.deepEqual(
      inMeta.filter((name) => !sealed.has(`meta.${name}`)),
      [],
    );
    const own = [...sealed].filter((path) => !path.includes("."));
    assert.deepEqual(
      own.filter((name) => !expected.has(name) && name !== "_meta"),
      [],
      "of nothing that there isn't",
    );
  });

  test(`an element that has to be there is in the manifest of ${type} without "?"`, () => {
    const { snapshot } = read(`StructureDefinition-${type}.json`);
    const must = snapshot.element
      .filter(({ path, min }) => path.split(".").length === 2 && min > 0)
      .map(({ path }) => path.split(".")[1]);
    assert.deepEqual(
      manifests[type].filter((path) => !path.endsWith("?")),
      must.filter((name) => !(name in CLEAR)),
    );
  });
}

test("what nobody thought of is encrypted, too", async () => {
  const patient = {
    resourceType: "Patient",
    id: "1",
    active: true,
    meta: { versionId: "3", note: "x" },
    nickname: "Bo",
    _nickname: { id: "a" },
  };
  const manifest = manifestFor(patient);
  assert.deepEqual(manifest.slice(manifests.Patient.length), ["nickname", "_nickname", "meta.note"]);
  const stored = await wardkey.entities.encrypt("Patient", patient, manifest);
  assert.deepEqual(stored.meta, { versionId: "3" });
  assert.equal(stored.nickname, undefined);
  assert.deepEqual(await wardkey.entities.decrypt(stored), patient);
});

test("a manifest for another resource, or for none", async () => {
  const patient = { resourceType: "Patient", id: "1", name: [{ family: "Chalmers" }] };
  for (const type of ["Encounter", "Observation", "DocumentReference"]) {
    await assert.rejects(wardkey.entities.encrypt(type, patient, manifests[type]), { code: "invalid-argument" });
  }
  const bad = [
    undefined,
    null,
    "Patient",
    [],
    {},
    { resourceType: "Condition" },
    { resourceType: "toString" },
    { resourceType: ["Patient"] },
    { resourceType: "Patient", meta: "x" },
    { resourceType: "Patient", meta: [] },
    { resourceType: "Patient", active: { text: "x" } },
    { resourceType: "Patient", meta: { versionId: ["x"] } },
    { resourceType: "Patient", "a.b": 1 },
    { resourceType: "Patient", "*": 1 },
    { resourceType: "Patient", "": 1 },
    { resourceType: "Patient", meta: { "a[]": 1 } },
  ];
  for (const given of bad) assert.throws(() => manifestFor(given), { name: "WardkeyError", code: "invalid-argument" });
  assert.throws(() => manifests.Patient.push("x"), TypeError);
});
