// What the load test is asked for is measured, or refused before anything is built.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../scripts/bench-server.mjs", import.meta.url));

describe("bench:server", () => {
  it("refuses what it doesn't know, and to save half of a table", () => {
    const cases = [
      [["--only=sqlite"], /--only=sqlite: SQLite or PostgreSQL/],
      [["--only="], /--only=: SQLite or PostgreSQL/],
      [["--olny=SQLite"], /--olny/],
      [["SQLite"], /SQLite/],
      [["--only=SQLite", "--save"], /--save writes down both/],
      [["--seconds=soon"], /--seconds=soon: a number/],
      [["--sessions=0", "--save"], /--sessions=0: a number/],
    ];
    for (const [args, why] of cases) {
      // Without a PATH there is nothing that it could build with.
      const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
        encoding: "utf8",
        env: { HOME: process.env.HOME, PATH: "" },
      });
      assert.equal(status, 1, `${args} ${stdout}`);
      assert.match(stderr, why);
      assert.doesNotMatch(stdout + stderr, /── build/);
    }
  });
});
