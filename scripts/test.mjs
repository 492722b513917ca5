// npm test: everything that CI runs.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ENGINES, testCore } from "./browsers.mjs";
import { build } from "./build.mjs";
import { consumers, lint, native } from "./check.mjs";
import { builtTwice, recorded } from "./reproducible.mjs";
import { main, root, run, runBeside, step, together } from "./run.mjs";
import * as tools from "./tools.mjs";

/** Test files of a folder, each by its name: Node 22 takes a folder for a module. */
function nodeTests(folder, { only = () => true, atOnce = 1, held } = {}) {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs") && only(name));
  const options = ["--test", "--test-reporter=spec", `--test-concurrency=${atOnce}`];
  return runBeside("node", [...options, ...files.map((name) => join(folder, name))], { held });
}

/** What measures tasks has the machine to itself. */
const isTimed = (name) => name === "slow.test.mjs";

await main("test", async () => {
  const { python, browser } = await step("tools", () => {
    tools.rust();
    tools.nodeModules();
    tools.wasmBindgen();
    tools.wasmPack();
    tools.cxx();
    tools.python("tests/server");
    tools.postgres();
    return { python: tools.python(), browser: tools.chromium() };
  });
  const engines = await step("browsers", tools.browsers);
  process.env.CHROMIUM = browser.chromium;
  process.env.CHROMEDRIVER = browser.driver;

  await lint();
  await native();
  // libFuzzer runs them only on nightly; that they compile shows here.
  await step("fuzz targets", () => run("cargo", ["check", "--locked", "--manifest-path", "fuzz/Cargo.toml"]));
  await together(
    step("every bit of a large file, and random histories of groups, optimised", () =>
      runBeside("cargo", ["test", "--locked", "--test", "every_bit", "--test", "group_histories"], {
        env: { CARGO_PROFILE_TEST_OPT_LEVEL: "1" },
        held: true,
      }),
    ),
    step("interop: Python opens what Wardkey made", () =>
      runBeside(python, ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/interop"]),
    ),
  );
  await together(
    step("interop: Wardkey opens what Python made", async () => {
      const made = join(root, "target", "interop");
      rmSync(made, { recursive: true, force: true });
      await runBeside(python, ["tests/interop/make.py", made]);
      const env = { WARDKEY_INTEROP: made };
      await runBeside("cargo", ["test", "--locked", "--test", "interop"], { env, held: true });
    }),
    (async () => {
      for (const engine of engines) await step(`core in ${ENGINES[engine].browser}`, () => testCore(engine));
      await build();
    })(),
  );
  await step("package: the hashes that are recorded", recorded);
  await step("types of the package", consumers);
  const servers = ["-p", "wardkey-server", "-p", "wardkey-demo"];
  await step("servers: build", () => run("cargo", ["build", "--locked", ...servers]));
  await step("package in Node and each browser, and the key server", () =>
    together(
      // Much of it is waiting for browsers.
      nodeTests("tests/face", { only: (name) => !isTimed(name), atOnce: 3 }),
      nodeTests("tests/server", { held: true }),
    ),
  );
  await step("package: what it costs a page", () => nodeTests("tests/face", { only: isTimed }));
  await together(
    step("package: built again, the same bytes", builtTwice),
    (async () => {
      await step("package: what it holds, and in projects of each kind", () => nodeTests("tests/package"));
      await step("package: its entries for other formats", () => nodeTests("tests/entries"));
      await step("guide", () => nodeTests("tests/guide"));
      await step("threat model, and the way out", () => nodeTests("tests/threats"));
      await step("demo page: build", () => run("npx", ["webpack", "--mode", "production"]));
      await step("demo: its servers, and the command", () => nodeTests("tests/demo"));
      rmSync(join(root, "target", "screenshots"), { recursive: true, force: true });
      await step("demo page: end to end", () => nodeTests("tests/e2e", { atOnce: 2 }));
    })(),
  );
});
