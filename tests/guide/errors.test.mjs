// docs/guide/errors.md explains each code of the contract, and no other, in a table where nothing is left out:  node --test tests/guide/errors.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("every code once, with what happened and what to do", () => {
  const [, union] = /type KnownErrorCode =([^;]*);/.exec(read("npm/contract.d.ts"));
  const codes = [...union.matchAll(/"([a-z-]+)"/g)].map(([, code]) => code);
  assert.ok(codes.length > 30);
  const rows = read("docs/guide/errors.md")
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  const explained = rows.flatMap((row) => {
    const [, names, ...cells] = row.split("|").map((cell) => cell.trim());
    assert.equal(cells.slice(0, 2).filter((cell) => cell !== "").length, 2, row);
    return [...names.matchAll(/`([a-z-]+)`/g)].map(([, code]) => code);
  });
  assert.deepEqual(explained.toSorted(), codes.toSorted());
});
