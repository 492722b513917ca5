// docs/THREAT-MODEL.md names a test for each of its claims; here is looked that each is there:  node --test tests/threats/named.test.mjs
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");
const text = read("docs/THREAT-MODEL.md");
const REFERENCE = /`((?:tests|server|src)\/[\w./-]+)::([^\n]*?)`(?=[,.;) |]|$)/gm;
const references = (part) => [...part.matchAll(REFERENCE)].map(([, file, name]) => ({ file, name }));
const section = (title) => text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
const escaped = (name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Names of tests whose source has a variable in them, as `with a removed ${who}`. */
function templates(source) {
  const found = [...source.matchAll(/\b(?:test|it)\(`([^`]*)`/g)].map(([, template]) => template);
  return found.map(
    (template) =>
      new RegExp(
        `^${template
          .split(/\$\{[^}]*(?:"[^"]*"[^}]*)*\}/)
          .map(escaped)
          .join(".+")}$`,
      ),
  );
}

/** Is there a test of this name in this source? */
function isTest(file, source, name) {
  if (file.endsWith(".rs")) {
    const found = new RegExp(`((?:^ *#\\[.*\\]\\n)+) *(?:async )?fn ${name}\\(`, "m").exec(source);
    return /#\[(tokio::)?test\b/.test(found?.[1] ?? "");
  }
  if (file.endsWith(".py")) return new RegExp(`^def ${name}\\(`, "m").test(source);
  const quoted = `["'\`]${escaped(name)}["'\`]`;
  const called = new RegExp(`\\b(?:test|it|within|onPage)\\(\\s*${quoted}`);
  const listed = new RegExp(`^  (?:async )?${quoted}(?:: |\\()`, "m");
  return called.test(source) || listed.test(source) || templates(source).some((one) => one.test(name));
}

test("every test that is named is there", () => {
  const all = references(text);
  assert.ok(all.length > 150, `${all.length} are named`);
  // Whatever looks like one was read as one.
  assert.equal(all.length, text.split("::").length - 1);
  const missing = all.filter(({ file, name }) => !existsSync(join(root, file)) || !isTest(file, read(file), name));
  assert.deepEqual(missing, []);
});

test("a test that isn't there would be seen", () => {
  assert.ok(isTest("a.rs", "#[test]\nfn is_one() {", "is_one"));
  assert.ok(!isTest("a.rs", "fn is_none() {", "is_none"));
  assert.ok(isTest("a.mjs", 'test("is one", () => {', "is one"));
  assert.ok(!isTest("a.mjs", 'assert.equal(a, b, "is none");', "is none"));
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
  assert.ok(isTest("a.mjs", "test(`is ${of} two`, () => {", "is one of two"));
});

test("every claim names one", () => {
  const tables = section("Who can do what")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const rows = tables.filter(
    (line) => !/^\|[\s|-]*(shown by)?[\s|-]*$|^\| the (key|application's) server sees/.test(line),
  );
  assert.ok(rows.length > 40);
  assert.deepEqual(
    rows.filter((row) => references(row).length === 0),
    [],
  );
  for (const title of ["What is protected", "What isn't", "The key server's own"]) {
    const paragraphs = section(title).split("\n\n");
    const claims = paragraphs.filter((paragraph) => paragraph.startsWith("**"));
    assert.ok(claims.length >= 6, title);
    for (const claim of claims) {
      const after = paragraphs[paragraphs.indexOf(claim) + 1] ?? "";
      assert.match(after, /^(Shown by `|Not shown: .+: `)/, claim.slice(0, 60));
      assert.ok(references(after).length > 0, claim.slice(0, 60));
    }
  }
});

test("every published attack has its tests", () => {
  const folder = join(root, "tests/attacks");
  const native = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const folders = ["tests/face", "tests/face/suite", "tests/package"];
  const sources = folders.flatMap((name) =>
    readdirSync(join(root, name))
      .filter((file) => file.endsWith(".mjs"))
      .map((file) => read(join(name, file))),
  );
  const package_ = sources.join("\n");
  const ids = [...section("Published attacks that are tested").matchAll(/^\| ([A-Z]\d+(?:, [A-Z]\d+)*) \|/gm)].flatMap(
    ([, named]) => named.split(", "),
  );
  assert.ok(ids.length > 45, `${ids.length}`);
  const without = ids.filter(
    (id) => !new RegExp(`^fn ${id.toLowerCase()}_`, "m").test(native) && !new RegExp(`\\b${id}\\b`).test(package_),
  );
  assert.deepEqual(without, []);
});
