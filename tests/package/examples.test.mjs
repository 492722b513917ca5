// The projects of examples/, with the packed package, built and tried:  node --test tests/package/examples.test.mjs
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { command, ROOT } from "./pack.mjs";
import { files, projects } from "./projects.mjs";

const packed = projects();

/** Builds it, and does in its page what `act` says. */
async function tried(folder, { serve }, act) {
  const site = await serve(await packed.install(`examples/${folder}`));
  const page = await packed.newPage();
  try {
    const problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(site.url);
    await act(page);
    assert.deepEqual(problems, []);
  } finally {
    await page.close();
    await site.close();
  }
}

for (const [folder, guide] of [
  ["react", "react.md"],
  ["vue", "vue.md"],
]) {
  test(`${folder}: the guide has its files as they are`, () => {
    const markdown = readFileSync(join(ROOT, "docs/guide", guide), "utf8");
    const blocks = [...markdown.matchAll(/^```(?:js|jsx|vue)\n(?:\/\/|<!--) (\S+)(?: -->)?\n(.*?)^```$/gms)];
    const source = join(ROOT, "examples", folder, "src");
    const shown = Object.fromEntries(blocks.map(([, name, code]) => [name, code]));
    const names = readdirSync(source).filter((name) => name !== "yours.js");
    assert.deepEqual(shown, Object.fromEntries(names.map((name) => [name, readFileSync(join(source, name), "utf8")])));
  });

  test(`${folder}: a login, a list, a revocation, a lock`, { timeout: 600_000 }, () =>
    tried(folder, files(["vite", "build"], "dist"), async (page) => {
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
    }),
  );
}

test("plain: what one writes the other reads", { timeout: 600_000 }, () =>
  tried("plain", files(), async (page) => {
    await page.getByLabel("Text").fill("seen at night");
    await page.getByRole("button", { name: "Encrypt for Tomas" }).click();
    const opened = page.getByRole("status");
    await opened.filter({ hasText: /./ }).waitFor();
    assert.equal(await opened.textContent(), "seen at night (from ada)");
    assert.match(await page.locator("#stored").textContent(), /^\d+ bytes: 57 4b 4d 53 01 /);
  }),
);

test("node: a file, in streams", { timeout: 600_000 }, async () => {
  const dir = await packed.install("examples/node");
  const file = join(dir, "letter.txt");
  writeFileSync(file, `Dear colleague,\n${"seen at night\n".repeat(100_000)}`);
  const printed = await command(dir, process.execPath, ["main.js", file]);
  const { length } = readFileSync(file);
  const stored = readFileSync(`${file}.sealed`).length;
  assert.equal(printed, `Dear colleague,\n${length} bytes, by ada; ${stored} bytes are stored\n`);
  assert.ok(!readFileSync(`${file}.sealed`).includes("seen at night"), basename(file));
});
