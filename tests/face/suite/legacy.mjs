// `wardkey/legacy` in each engine, on documents that the legacy library made; more of it: tests/entries.
import { equal, fails, ok } from "./tools.mjs";

/** The order of an object's members means nothing. */
const sorted = (value) =>
  JSON.parse(JSON.stringify(value), (_, it) =>
    typeof it === "object" && it !== null && !Array.isArray(it) ? Object.fromEntries(Object.entries(it).sort()) : it,
  );
const same = (found, expected, what) => equal(sorted(found), sorted(expected), what);

/** A reader of the recorded documents, for Ada. */
async function recorded(pkg, tools) {
  const { migrate, openLegacy } = await tools.internal("legacy");
  const { parties, documents } = await tools.json("testdata/legacy.json");
  const privateKeys = await pkg.KeyPair.importRsa(await tools.text("testdata/rsa/2048.pem"));
  const reader = await openLegacy({ partyIds: "ada-0f1c", privateKeys, parties });
  return { migrate, reader, documents };
}

export default {
  "legacy.json": async (pkg, tools) => {
    const { reader, documents } = await recorded(pkg, tools);
    ok(documents.length >= 6, "entries");
    for (const { name, document, clear, for: readers } of documents) {
      if (readers.includes("ada-0f1c")) same((await reader.read(document)).entity, clear, name);
      else await fails(pkg, "not-a-recipient", () => reader.read(document));
    }
    reader.free();
  },

  "documents are moved, children after their parents": async (pkg, tools) => {
    const { migrate, reader, documents } = await recorded(pkg, tools);
    const { memoryBackend } = await tools.internal("testing");
    const options = { appId: "practice.example", backend: memoryBackend(), userId: "ada", identityStore: "memory" };
    const wardkey = await pkg.Wardkey.open(options);
    await wardkey.register({ userId: "ada", password: "three blue herons at dawn" });
    const moved = new Map();
    const run = migrate(
      wardkey,
      documents.map(({ document }) => document),
      {
        reader,
        entityType: "record",
        manifest: ["note?", "ssin?", "descr?", "services[].content?"],
        parties: {},
        parent: (id) => moved.get(id),
      },
    );
    for await (const { id, entity } of run) if (entity) moved.set(id, entity);
    for (const { document, clear, for: readers } of documents) {
      equal(moved.has(document.id), readers.includes("ada-0f1c"), "those that she could read");
      if (moved.has(document.id)) same(await wardkey.entities.decrypt(moved.get(document.id)), clear, document.id);
    }
    reader.free();
    await wardkey.close();
  },
};
