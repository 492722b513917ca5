// `wardkey/fhir` in each engine; beside other libraries: tests/entries.
import { equal, fails, ok, outcome, text, unhex } from "./tools.mjs";

/** The recorded vectors by this engine. */
async function recorded(pkg, tools, engine) {
  const { fromBinary } = await tools.internal("fhir");
  const { vectors, invalid } = await tools.json("testdata/binary.json");
  const pairs = {};
  for (const size of ["2048", "3072", "4096"]) {
    pairs[size] = await pkg.KeyPair.importRsa(await tools.text(`testdata/rsa/${size}.pem`));
  }
  pkg.setEngine(engine);
  try {
    ok(vectors.length >= 27, "entries");
    for (const row of vectors) {
      const { data, contentType = null } = await fromBinary(row.binary, pairs[row.key]);
      equal([data, contentType], [unhex(row.data), row.content_type], row.name);
    }
    ok(invalid.length >= 27, "entries");
    for (const row of invalid) {
      equal(await outcome(pkg, () => fromBinary(row.binary, pairs[row.key])), row.error, row.name);
    }
  } finally {
    pkg.setEngine("auto");
  }
}

export default {
  "binary.json": (pkg, tools) => recorded(pkg, tools, "auto"),

  "binary.json, without WebCrypto": (pkg, tools) => recorded(pkg, tools, "wasm"),

  "a Binary opens for its recipient alone, by either engine": async (pkg, tools) => {
    const { fromBinary, toBinary } = await tools.internal("fhir");
    const pair = await pkg.KeyPair.importRsa(await tools.text("testdata/rsa/3072.pem"));
    const other = await pkg.KeyPair.importRsa(await tools.text("testdata/rsa/4096.pem"));
    for (const making of ["auto", "wasm"]) {
      pkg.setEngine(making);
      const binary = await toBinary("fracture of the left wrist", pair.publicKey, { contentType: "text/plain" });
      for (const opening of ["auto", "wasm"]) {
        pkg.setEngine(opening);
        const opened = await fromBinary(binary, pair);
        equal([text(opened.data), opened.contentType], ["fracture of the left wrist", "text/plain"]);
        await fails(pkg, "decryption-failed", () => fromBinary(binary, other));
      }
    }
    pkg.setEngine("auto");
  },

  "manifests need nothing but themselves": async (_pkg, tools) => {
    const { manifestFor, manifests } = await tools.internal("fhir");
    equal(Object.keys(manifests), ["Patient", "Encounter", "Observation", "DocumentReference"]);
    const more = manifestFor({ resourceType: "Encounter", status: "planned", meta: { tag: [], note: 1 }, other: 1 });
    equal(more.slice(manifests.Encounter.length), ["other", "meta.note"]);
  },
};
