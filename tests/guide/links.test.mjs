// Every link within the repository's pages leads to a file, and to a heading that is there:  node --test tests/guide/links.test.mjs
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const list = ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"];
const pages = execFileSync("git", list, { cwd: root, encoding: "utf8" }).trim().split("\n");
const withoutCode = (page) => readFileSync(join(root, page), "utf8").replace(/^```.*?^```$/gms, "");

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(page) {
  const headings = [...withoutCode(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every link leads somewhere", () => {
  assert.ok(pages.length > 20);
  const broken = [];
  for (const page of pages) {
    for (const [, target] of withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path, anchor] = target.split("#");
      const file = path === "" ? page : normalize(join(dirname(page), path));
      const leads = existsSync(join(root, file)) && (!anchor || anchors(file).includes(anchor));
      if (!leads) broken.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});
