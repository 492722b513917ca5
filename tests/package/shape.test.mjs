// What the package consists of:  node --test tests/package/shape.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { build } from "esbuild";
import { sizes } from "../../scripts/bench-page.mjs";
import { command, pack, ROOT } from "./pack.mjs";

const packed = pack();
after(packed.close);
const manifest = JSON.parse(await command(packed.dir, "tar", ["-xOf", packed.tarball, "package/package.json"]));

test("P2: the tarball holds the files of tests/package/files.txt, and no other", () => {
  const allowed = readFileSync(join(ROOT, "tests/package/files.txt"), "utf8").trim().split("\n");
  assert.deepEqual(packed.files.toSorted(), allowed.toSorted());
});

test("P2: no dependency of any kind, no script, no binary", () => {
  const forbidden = /dependencies$|^(scripts|bin|gypfile|bundled|workspaces)/i;
  assert.deepEqual(
    Object.keys(manifest).filter((name) => forbidden.test(name)),
    [],
  );
});

test("pure ESM without side effects, and every exported path exists", () => {
  assert.equal(manifest.type, "module");
  assert.equal(manifest.sideEffects, false);
  const paths = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(paths));
  const exported = paths(manifest.exports);
  assert.ok(exported.length >= 10);
  for (const path of [...exported, manifest.main, manifest.types]) {
    assert.ok(packed.files.includes(path.replace("./", "")), path);
  }
  for (const conditions of Object.values(manifest.exports)) {
    if (typeof conditions !== "string") assert.equal(Object.keys(conditions)[0], "types", "types come first");
  }
});

/** The package's files that this entry needs, bundled or not. */
async function needed(entry) {
  const absWorkingDir = join(ROOT, "pkg");
  const options = { absWorkingDir, bundle: true, write: false, metafile: true, format: "esm", logLevel: "error" };
  const { metafile } = await build({ entryPoints: [entry], ...options });
  return Object.keys(metafile.inputs);
}

test("what takes `wardkey` alone gets nothing of the other entries, each of which has a module of its own", async () => {
  const [main, slim] = await Promise.all(["index.js", "slim.js"].map(needed));
  for (const file of ["inlined-data.js", "core/wardkey_core.js"]) assert.ok(main.includes(file), file);
  for (const files of [main, slim]) assert.ok(files.length > 20, "the package's files are seen");
  for (const entry of ["testing", "fhir", "legacy"]) {
    const files = await needed(`${entry}.js`);
    const own = [`${entry}.js`, `${entry}-data.js`, `core/wardkey_${entry}.js`];
    for (const file of own) assert.ok(files.includes(file), file);
    // Nor does it bring a second copy of the core's module along.
    assert.ok(!files.includes("inlined-data.js"), entry);
    const isOwn = new RegExp(`${entry}|side-module|base64|spki|migrate`);
    for (const others of [main, slim])
      assert.deepEqual(
        others.filter((file) => isOwn.test(file)),
        [],
        entry,
      );
  }
  const testing = await needed("testing.js");
  assert.ok(!testing.includes("core/wardkey_core.js"));
});

test("CBC and SHA-1 are in `wardkey/legacy` alone", async () => {
  for (const entry of ["index.js", "fhir.js", "testing.js"]) {
    const files = await needed(entry);
    assert.deepEqual(
      files.filter((file) => /legacy/.test(file)),
      [],
      entry,
    );
  }
  for (const file of packed.files.filter((name) => name.endsWith(".js") && !/legacy|migrate/.test(name))) {
    assert.doesNotMatch(readFileSync(join(ROOT, "pkg", file), "utf8"), /AES-CBC|SHA-1\b/, file);
  }
});

test("a page loads at most 200 KB at its start, bundled and after gzip, the client's part when it opens one, and the entities' when it has some", async () => {
  const found = await sizes();
  assert.ok(found.default <= 200_000, `${found.default} bytes`);
  assert.ok(found.client <= 205_000, `${found.client} bytes of the client's part`);
  assert.ok(found.entities <= 75_000, `${found.entities} bytes of the entities' part`);
  assert.ok(found.slim <= 43_000, `${found.slim} bytes of the slim entry`);
  assert.ok(found.client > 50_000, "the client's part is a file of its own");
  assert.ok(found.entities > 40_000, "so is the entities' part");
});

test("publint has nothing to say", async () => {
  const said = await command(ROOT, "npx", ["publint", "--strict", packed.tarball]);
  assert.match(said, /All good!/);
});

test("attw has nothing to say, for ESM", async () => {
  const entries = Object.keys(manifest.exports).filter((entry) => !/\.(wasm|json)$/.test(entry));
  await command(ROOT, "npx", ["attw", packed.tarball, "--profile", "esm-only", "--entrypoints", ...entries]);
});
