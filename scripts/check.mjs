// npm run check: format, lints, types, native tests. For every edit.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compile } from "./build.mjs";
import { main, root, run, step } from "./run.mjs";
import * as tools from "./tools.mjs";

export async function lint() {
  tools.rust();
  tools.nodeModules();
  tools.wasmBindgen();
  await step("format", () => {
    run("cargo", ["fmt", "--all", "--check"]);
    run("npx", ["biome", "ci", "--error-on-warnings", "."]);
  });
  await step("clippy, host", () =>
    run("cargo", ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]),
  );
  await step("clippy, wasm32", () =>
    run("cargo", [
      "clippy",
      "--locked",
      "--target",
      "wasm32-unknown-unknown",
      "--lib",
      "--test",
      "web",
      "--",
      "-D",
      "warnings",
    ]),
  );
  await step("rustdoc", () =>
    run("cargo", ["doc", "--locked", "--workspace", "--no-deps", "--document-private-items", "-q"], {
      env: { RUSTDOCFLAGS: "-D warnings" },
    }),
  );
  // The facade is typed against the bindings, which the module's build makes.
  if (!existsSync(join(root, "npm/core/wardkey_core.d.ts"))) await step("bindings", compile);
  await step("types", () => {
    run("npx", ["tsc", "-p", "npm/tsconfig.json", "--noEmit"]);
  });
}

export async function native() {
  await step("native tests", () => run("cargo", ["test", "--locked", "--workspace"]));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main("check", async () => {
    await lint();
    await native();
  });
}
