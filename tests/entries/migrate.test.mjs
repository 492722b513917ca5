// `migrate` of wardkey/legacy, to a key server inside of the process:  node --test tests/entries/migrate.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { Wardkey, WardkeyError } from "../../pkg/index.js";
import { migrate, openLegacy } from "../../pkg/legacy.js";
import {
  ADA,
  ada,
  all,
  asked,
  backend,
  clearOf,
  Database,
  documents,
  EXPECTED,
  GRACE,
  PASSWORD,
  pair,
  parties,
  reader,
  stored,
  TOMAS,
  tomas,
} from "./practice.mjs";

test("a dry run says what would be done, and asks and changes nothing", async () => {
  const before = asked.length;
  const database = new Database();
  const items = await all(migrate(ada, stored(), database.options({ dryRun: true, parent: undefined })));
  assert.equal(asked.length, before, "nothing was asked of the key server");
  assert.deepEqual(
    items.map(({ outcome }) => outcome.replace("would-move", "moved")),
    EXPECTED,
  );
  assert(items.every((item) => !("entity" in item)));
  assert.deepEqual(
    items.map(({ sharedWith, notShared, parentIds }) => [sharedWith, notShared, parentIds.length]),
    [
      [["tomas"], [], 0],
      [["tomas"], [], 1],
      [["tomas"], [], 1],
      [[], [], 0],
      [["tomas"], [GRACE], 0],
      [[], [], 0],
    ],
  );
  const { error } = items[3];
  assert.deepEqual([error.name, error.code], ["WardkeyError", "not-a-recipient"]);
  // What encrypt() would refuse.
  for (const [more, code] of [
    [{ manifest: ["nope"] }, "invalid-argument"],
    [{ manifest: ["a..b"] }, "invalid-argument"],
    [{ manifest: () => "note" }, "invalid-argument"],
    [{ entityType: () => "" }, "invalid-argument"],
  ]) {
    const [{ outcome, error }] = await all(migrate(ada, stored(), database.options({ dryRun: true, ...more })));
    assert.deepEqual([outcome, error.code], ["failed", code]);
  }
  // A party with the document's id: who holds what would be unclear.
  const same = await all(
    migrate(ada, stored().slice(0, 1), database.options({ dryRun: true, parties: { [TOMAS]: stored()[0].id } })),
  );
  assert.equal(same[0].error?.code, "invalid-argument");
  const reserved = { ...stored()[0], entityType: "x" };
  const [item] = await all(migrate(ada, [reserved], database.options({ dryRun: true })));
  assert.equal(item.error.code, "invalid-argument");
});

test("what was moved is read by who could read it, with its links; what was clear stays, and nothing of the layout", async () => {
  const database = new Database();
  const done = [];
  for await (const item of migrate(ada, stored(), database.options({ onProgress: (count) => done.push(count) })))
    database.keep(item);
  assert.deepEqual(
    database.kept.map(([, outcome]) => outcome),
    EXPECTED,
  );
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6]);
  const [patient, contact, other, untouched, further] = [...database.rows.values()];
  assert.deepEqual(untouched, documents[3].document, "what can't be read stays as it is");
  for (const entity of [patient, contact, other, further]) {
    const expected = clearOf(entity.id);
    for (const wardkey of [ada, tomas]) assert.deepEqual(await wardkey.entities.decrypt(entity), expected);
    const text = JSON.stringify(entity);
    for (const secret of ["Fractures", "85073003328", "Rue Haute", "échelle", "ibuprof", "shared on"])
      assert(!text.includes(secret), secret);
    assert(!text.includes("delegatedTo"));
  }
  assert.deepEqual(
    [patient.id, patient.rev, patient.firstName, patient.nothing],
    [clearOf(patient.id).id, "3-5f", "Élodie", null],
  );
  assert.deepEqual(
    patient.addresses.map(({ city, street }) => [city, street]),
    [
      ["Gand", undefined],
      ["Gand", undefined],
    ],
  );
  for (const child of [contact, other]) {
    assert.deepEqual(await tomas.entities.parentIds(child), [patient.id]);
    assert.deepEqual(child.secretForeignKeys, await tomas.entities.secretForeignKeys(patient));
  }
  assert(!JSON.stringify(other).includes(documents[2].document.secretForeignKeys[0]), "the secret id is another");

  // Once more over what is stored now: nothing is done twice.
  const again = await all(migrate(ada, [...database.rows.values()], database.options({ from: undefined })));
  assert.deepEqual(
    again.map(({ outcome }) => outcome),
    EXPECTED.map((outcome) => outcome.replace("moved", "already")),
  );
});

test("a run that ends anywhere goes on without doing anything twice, or leaving it out", async () => {
  const cursor = (database) =>
    async function* (after) {
      const ids = [...database.rows.keys()];
      for (const id of ids.slice(ids.indexOf(after) + 1)) yield database.rows.get(id);
    };
  const fixed = () => stored();
  for (const source of [fixed, cursor]) {
    for (let first = 0; first <= 6; first += 1) {
      for (const unkept of [false, true]) {
        const database = new Database();
        // A cursor that goes on doesn't come by the documents before it.
        const knownIds = [...database.rows.keys()];
        let count = 0;
        for await (const item of migrate(ada, source(database), database.options({ knownIds }))) {
          // The process ends when this item was made, and before or after it was kept.
          count += 1;
          if (count > first && unkept) break;
          database.keep(item);
          if (count > first) break;
        }
        for await (const item of migrate(ada, source(database), database.options({ knownIds }))) database.keep(item);
        assert.deepEqual(
          database.kept,
          documents.map(({ document }, at) => [document.id, EXPECTED[at]]),
          `${first} ${unkept}`,
        );
        for (const [id, row] of database.rows) {
          if (id !== documents[3].document.id) assert.deepEqual(await ada.entities.decrypt(row), clearOf(id));
        }
        assert.deepEqual(await all(migrate(ada, source(database), database.options())), [], "it was the end");
      }
    }
  }
});

test("a cursor goes on behind documents without an id", async () => {
  const [patient, , , , other] = stored();
  const rows = [{ name: "a" }, patient, null, { id: 7 }, other, {}];
  const cursor = (after) => rows.slice(after === undefined ? 0 : rows.findIndex((row) => row?.id === after) + 1);
  const items = await all(migrate(ada, cursor, new Database().options({ dryRun: true })));
  assert.deepEqual(
    items.map(({ id }) => id),
    ["", patient.id, "", "", other.id, ""],
  );
  assert.equal(new Set(items.map(({ position }) => position)).size, items.length);
  for (const [at, { position: from }] of items.entries()) {
    const done = [];
    const onProgress = (count) => done.push(count);
    const rest = await all(migrate(ada, cursor, new Database().options({ dryRun: true, from, onProgress })));
    assert.deepEqual(
      rest.map(({ position }) => position),
      items.slice(at + 1).map(({ position }) => position),
    );
    assert.deepEqual(done, [1, 2, 3, 4, 5, 6].slice(at + 1));
  }
  // The last document before it is known as a parent.
  const [child] = await all(
    migrate(ada, () => stored().slice(1, 2), new Database().options({ dryRun: true, from: items[1].position })),
  );
  assert.deepEqual([child.outcome, child.parentIds], ["would-move", [patient.id]]);
  const from = items[3].position;
  for (const given of [[other], [null, other], [null]])
    await assert.rejects(all(migrate(ada, () => given, new Database().options({ from }))), { code: "conflict" });
});

test("what has to do with no document ends the run, and leaves none out", async () => {
  const database = new Database();
  const controller = new AbortController();
  const reason = new Error("enough");
  const aborting = migrate(ada, stored(), database.options({ signal: controller.signal }));
  database.keep((await aborting.next()).value);
  controller.abort(reason);
  await assert.rejects(aborting.next(), (error) => error.code === "aborted" && error.cause === reason);
  assert.equal((await aborting.next()).done, true);
  await assert.rejects(all(migrate(ada, stored(), database.options({ signal: AbortSignal.abort() }))), {
    code: "aborted",
  });

  // The network is gone when a key of somebody new is asked for.
  let gone = true;
  const flaky = {
    ...backend,
    request: async (...given) => {
      if (gone && given[1] !== "/v1/public/login") throw new WardkeyError("network", "no answer");
      return backend.request(...given);
    },
  };
  gone = false;
  const grace = await Wardkey.open({ appId: "practice.example", backend: flaky, userId: "grace" });
  await grace.register({ userId: "grace", password: PASSWORD });
  gone = true;
  const run = migrate(grace, stored(), new Database().options());
  await assert.rejects(run.next(), { code: "network" });
  gone = false;
  await grace.lock();
  await assert.rejects(migrate(grace, stored(), new Database().options()).next(), { code: "locked" });
  await grace.close();
  await assert.rejects(migrate(grace, stored(), new Database().options()).next());

  const other = await openLegacy({ partyIds: ADA, privateKeys: pair, parties });
  const freed = migrate(ada, stored(), database.options({ reader: other }));
  await freed.next();
  other.free();
  await assert.rejects(freed.next(), { code: "invalid-argument" });

  // What the application's own code throws.
  const broken = new Error("the database is away");
  const throwing = () => {
    throw broken;
  };
  await assert.rejects(all(migrate(ada, stored(), database.options({ from: undefined, parent: throwing }))), broken);
  await assert.rejects(all(migrate(ada, stored(), database.options({ manifest: throwing }))), broken);
  await assert.rejects(
    all(migrate(ada, { [Symbol.iterator]: throwing }, database.options({ from: undefined }))),
    broken,
  );
  await assert.rejects(all(migrate(ada, throwing, database.options())), broken);

  for await (const item of migrate(ada, stored(), database.options())) database.keep(item);
  assert.deepEqual(
    database.kept,
    documents.map(({ document }, at) => [document.id, EXPECTED[at]]),
  );
});

test("a document to blame fails alone", async () => {
  const database = new Database();
  const [patient, contact] = stored();
  const garbage = [null, 7, {}, { id: 7 }, { id: "1", encryptionKeys: "x" }, { ...patient, encryptedSelf: "AAAA" }];
  const items = await all(migrate(ada, [...garbage, patient], database.options()));
  assert.deepEqual(
    items.map(({ id, error }) => [id, error?.code]),
    [
      ["", "invalid-argument"],
      ["", "invalid-argument"],
      ["", "invalid-argument"],
      ["", "invalid-argument"],
      ["1", "invalid-format"],
      [patient.id, "decryption-failed"],
      [patient.id, undefined],
    ],
  );
  for (const { position } of items) {
    const rest = await all(migrate(ada, [...garbage, patient], database.options({ from: position })));
    assert.deepEqual(
      rest.map(({ position }) => position),
      items.slice(items.findIndex((item) => item.position === position) + 1).map(({ position }) => position),
    );
  }
  // A child before its parent, or with another's.
  const knownIds = new Set([patient.id]);
  const child = async (more) => (await all(migrate(ada, [contact], database.options({ knownIds, ...more }))))[0];
  for (const [parent, why] of [
    [undefined, /isn't moved yet/],
    [() => undefined, /isn't moved yet/],
    [async () => undefined, /isn't moved yet/],
    [() => patient, /isn't moved yet/],
    [() => ({ id: "another" }), /another document/],
  ]) {
    const { outcome, error } = await child({ parent });
    assert.deepEqual(
      [outcome, error.code, why.test(error.message)],
      ["failed", "invalid-argument", true],
      error.message,
    );
  }
  const unknown = await child({ knownIds: [], parent: () => assert.fail("nothing is asked for") });
  assert.deepEqual([unknown.outcome, unknown.error.code, unknown.parentIds], ["failed", "invalid-argument", []]);
  // Shared with somebody whom Wardkey doesn't know.
  const [stranger] = await all(migrate(ada, [patient], database.options({ parties: { [TOMAS]: "nobody" } })));
  assert.deepEqual(
    [stranger.outcome, stranger.error.code, stranger.sharedWith],
    ["failed", "unknown-user", ["nobody"]],
  );
});

test("a dry run sees that a parent can't be moved", async () => {
  const [patient, contact] = stored();
  const dry = async (...documents) => {
    const options = new Database().options({ dryRun: true, parent: undefined });
    return (await all(migrate(ada, documents, options))).map(({ outcome, error }) => [outcome, error?.message]);
  };
  assert.deepEqual(await dry(patient, contact), [
    ["would-move", undefined],
    ["would-move", undefined],
  ]);
  const [, [outcome, why]] = await dry({ ...patient, encryptedSelf: "AAAA" }, contact);
  assert.deepEqual([outcome, why], ["failed", "its parent isn't moved yet"]);
  const [[before]] = await dry(contact, patient);
  assert.equal(before, "failed");
});

test("a parent that doesn't open keeps only its children back", async () => {
  const database = new Database();
  const [patient, contact, , , other] = stored();
  for await (const item of migrate(ada, [patient], database.options())) database.keep(item);
  const moved = database.rows.get(patient.id);
  const sealed = Buffer.from(moved.encryptedSelf, "base64url");
  const changed = Buffer.from(sealed).fill(1, sealed.length - 40);
  for (const [encryptedSelf, code] of [
    [sealed.subarray(0, 40), "truncated"],
    [changed, "decryption-failed"],
  ]) {
    const parent = () => ({ ...moved, encryptedSelf: encryptedSelf.toString("base64url") });
    const items = await all(migrate(ada, [patient, contact, other], new Database().options({ parent })));
    assert.deepEqual(
      items.map(({ outcome, error }) => [outcome, error?.code]),
      [
        ["moved", undefined],
        ["failed", code],
        ["moved", undefined],
      ],
    );
  }
});

test("bad arguments, and positions of another run", async () => {
  const database = new Database();
  const good = database.options();
  const refused = (...given) =>
    assert.throws(() => migrate(...given), { name: "WardkeyError", code: "invalid-argument" });
  for (const wardkey of [undefined, null, {}, reader]) refused(wardkey, [], good);
  for (const list of [undefined, null, 7, "documents", {}]) refused(ada, list, good);
  const bad = [
    undefined,
    {},
    { ...good, reader: {} },
    { ...good, entityType: 7 },
    { ...good, manifest: "note" },
    { ...good, parties: undefined },
    { ...good, parties: { a: 7 } },
    { ...good, parent: {} },
    ...[7, "1", {}, [7]].map((knownIds) => ({ ...good, knownIds })),
    { ...good, dryRun: 1 },
    { ...good, signal: {} },
    { ...good, onProgress: 1 },
    { ...good, shareWith: [] },
    ...[
      7,
      "",
      "x",
      "AAAA",
      ...[
        [1, 0, "x", 0],
        [2, 1, "x", 0],
        [1, 1, "x"],
        [1, 1, "x", 2],
        [1, 1, 7, 0],
      ].map((it) => Buffer.from(JSON.stringify(it)).toString("base64url")),
      "x".repeat(9000),
    ].map((from) => ({ ...good, from })),
  ];
  for (const options of bad) refused(ada, [], options);
  await assert.rejects(migrate(ada, () => 7, good).next(), { code: "invalid-argument" });

  const { position } = (await migrate(ada, stored().slice(0, 1), good).next()).value;
  const [first, second] = stored();
  for (const others of [[second, first], [], [second]]) {
    await assert.rejects(all(migrate(ada, others, { ...good, from: position })), { code: "conflict" });
  }
});
