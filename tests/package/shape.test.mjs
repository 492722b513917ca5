// What the package consists of:  node --test tests/package/shape.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
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
  assert.ok(exported.length >= 6);
  for (const path of [...exported, manifest.main, manifest.types]) {
    assert.ok(packed.files.includes(path.replace("./", "")), path);
  }
  for (const conditions of Object.values(manifest.exports)) {
    if (typeof conditions !== "string") assert.equal(Object.keys(conditions)[0], "types", "types come first");
  }
});

test("publint has nothing to say", async () => {
  const said = await command(ROOT, "npx", ["publint", "--strict", packed.tarball]);
  assert.match(said, /All good!/);
});

test("attw has nothing to say, for ESM", async () => {
  const entries = Object.keys(manifest.exports).filter((entry) => !/\.(wasm|json)$/.test(entry));
  await command(ROOT, "npx", ["attw", packed.tarball, "--profile", "esm-only", "--entrypoints", ...entries]);
});
