// The guide's code runs as it stands there: each section is a module of its own, in a process of its own, beside an installed copy of pkg/.
// What it prints must be what the guide says after "→". Two comments of a page's Markdown, at the head of a section, change that: the code of one with FIRST stands
// before that of each later section of the page, and one with DEVICE has a browser's storage.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pkg = join(root, "pkg");
assert(existsSync(join(pkg, "index.js")), "the built package is missing (npm run build)");

/** What a page has and Node hasn't. */
const PAGE = `
import { readFile } from "node:fs/promises";
const files = { "/assets/wardkey.wasm": ${JSON.stringify(join(pkg, "wardkey.wasm"))} };
globalThis.fetch = async (url) => new Response(files[url] && (await readFile(files[url])), { status: files[url] ? 200 : 404 });
globalThis.requestAnimationFrame = (callback) => setTimeout(() => callback(performance.now()));
`;

const FIRST = "<!-- begins each example below -->";
const DEVICE = "<!-- with a browser's storage -->";
/** Whole applications, which are in examples/ and tried there. */
const RECIPES = ["react.md", "vue.md"];

const folder = mkdtempSync(join(tmpdir(), "wardkey-guide-"));
mkdirSync(join(folder, "node_modules"));
symlinkSync(pkg, join(folder, "node_modules", "wardkey"), "dir");
writeFileSync(join(folder, "page.mjs"), PAGE);
for (const name of ["storage.mjs", "legacy-example.mjs", "session-sdk-example.mjs"]) {
  cpSync(join(root, "tests/guide", name), join(folder, name));
}
cpSync(join(root, "testdata"), join(folder, "testdata"), { recursive: true });
after(() => rmSync(folder, { recursive: true, force: true }));

/** `{ title, code, imports }` of each section that has code; its blocks are one program. */
function sections(markdown) {
  let first = "";
  const found = [];
  for (const section of markdown.split(/^## /m)) {
    const title = section.slice(0, section.indexOf("\n")).trim();
    const own = [...section.matchAll(/^```(?:js|ts)\n(.*?)^```$/gms)].map(([, block]) => block).join("\n");
    if (own === "") continue;
    const code = `${first}${own}`;
    if (section.includes(FIRST)) first = `${code}\n`;
    found.push({ title, code, imports: section.includes(DEVICE) ? ["page.mjs", "storage.mjs"] : ["page.mjs"] });
  }
  return found;
}

function expected(code) {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
}

const files = [
  { name: "README.md", path: join(root, "README.md") },
  { name: "package README.md", path: join(root, "npm/README.md") },
  ...readdirSync(join(root, "docs/guide"))
    .filter((name) => name.endsWith(".md") && !RECIPES.includes(name))
    .map((name) => ({ name, path: join(root, "docs/guide", name) })),
];
for (const { name, path } of files) {
  const programs = sections(readFileSync(path, "utf8"));
  test(`${name} has code`, () => assert(programs.length > 0));
  for (const [index, { title, code, imports }] of programs.entries()) {
    test(`${name}: ${title}`, async () => {
      const file = join(folder, `${name}-${index}.mjs`);
      writeFileSync(file, code);
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        [...imports.flatMap((it) => ["--import", join(folder, it)]), file],
        { timeout: 300_000 },
      );
      assert.equal(stderr, "");
      assert(expected(code).length > 0, "the section shows no result");
      assert.deepEqual(stdout.split("\n").slice(0, -1), expected(code));
    });
  }
}
