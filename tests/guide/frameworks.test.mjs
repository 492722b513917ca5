// The recipes of docs/guide/react.md and vue.md, built as they stand there and clicked through in a browser:  node --test tests/guide/frameworks.test.mjs
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { serve } from "../../scripts/serve.mjs";
import { peers } from "../../scripts/tools.mjs";

peers("tests/guide");
const root = fileURLToPath(new URL("../..", import.meta.url));
const here = (...path) => join(root, "tests/guide", ...path);
const { compileScript, parse } = createRequire(here("package.json"))("vue/compiler-sfc");

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: CHROMIUM_ARGS });
});
after(() => browser?.close());

/** Each block begins with the name of its file, in a comment. */
function files(page) {
  const markdown = readFileSync(join(root, "docs/guide", page), "utf8");
  const blocks = [...markdown.matchAll(/^```(?:js|jsx|vue)\n(?:\/\/|<!--) (\S+)(?: -->)?\n(.*?)^```$/gms)];
  assert.equal(blocks.length, [...markdown.matchAll(/^```\w/gm)].length, "each block names its file");
  return blocks.map(([, name, code]) => ({ name, code }));
}

/** Single-file components, as a bundler's plugin compiles them. */
const components = {
  name: "components",
  setup({ onLoad }) {
    onLoad({ filter: /\.vue$/ }, ({ path }) => {
      const { descriptor, errors } = parse(readFileSync(path, "utf8"), { filename: path });
      assert.deepEqual(errors, []);
      return { contents: compileScript(descriptor, { id: path, inlineTemplate: true }).content };
    });
  },
};

for (const { page: recipe, entry } of [
  { page: "react.md", entry: "main.jsx" },
  { page: "vue.md", entry: "main.js" },
]) {
  test(`${recipe}: a login, a list, a revocation, a lock`, { timeout: 120_000 }, async (t) => {
    const folder = mkdtempSync(here("node_modules", ".recipe-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    for (const { name, code } of files(recipe)) writeFileSync(join(folder, name), code);
    cpSync(here("frameworks/yours.js"), join(folder, "yours.js"));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(root, "pkg"), join(folder, "node_modules/wardkey"), "dir");
    const { warnings } = await build({
      entryPoints: [join(folder, entry)],
      outfile: join(folder, "out/main.js"),
      bundle: true,
      minify: true,
      format: "esm",
      jsx: "automatic",
      define: {
        __VUE_OPTIONS_API__: "false",
        __VUE_PROD_DEVTOOLS__: "false",
        __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
      },
      plugins: [components],
    });
    assert.deepEqual(warnings, []);
    writeFileSync(
      join(folder, "out/index.html"),
      `<!doctype html><html lang="en"><title>${recipe}</title><div id="root"></div><script src="main.js" type="module"></script>`,
    );
    const site = await serve(join(folder, "out"));
    t.after(() => site.close());
    const page = await browser.newPage();
    t.after(() => page.close());
    const problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));

    await page.goto(site.url);
    const logIn = async (password) => {
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Log in" }).click();
    };
    await logIn("three white herons");
    await page.getByText("That password is not right.").waitFor();
    await logIn("ada, three blue herons at dawn");
    const texts = async (settled) => {
      await page.getByText(settled).first().waitFor();
      return page.getByRole("listitem").allTextContents();
    };
    const closed = "can't be opened: not-a-recipient";
    assert.deepEqual(await texts(closed), ["patient 1 (grace)", "patient 2 (grace)", closed]);
    await page.evaluate(() => globalThis.revoke());
    const gone = "can't be opened: revoked";
    assert.deepEqual(await texts(gone), [gone, gone, closed]);
    await page.getByRole("button", { name: "Lock" }).click();
    await page.getByLabel("Password").waitFor();
    assert.equal(await page.getByRole("listitem").count(), 0);
    assert.deepEqual(problems, []);
  });
}
