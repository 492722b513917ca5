// npm run check: format, lints, types, native tests. For every edit.
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bind, MODULES } from "./build.mjs";
import { typedoc } from "./docs.mjs";
import { main, root, run, step } from "./run.mjs";
import * as tools from "./tools.mjs";

const at = (...path) => join(root, ...path);

/** The types of the bindings as the sources make them now. Unoptimised modules have the same, and take seconds where the package's take a minute. */
function bindings() {
  const out = at("target/bindings");
  for (const module of MODULES) {
    run("cargo", ["build", "--lib", "--locked", "-p", module.crate, "--target", "wasm32-unknown-unknown"], {
      env: { CARGO_TARGET_DIR: at("target") },
    });
    bind(module, "debug", out);
    // Both where the facade looks for them and where its own types do.
    for (const core of [at("npm/core"), at("pkg/core")]) {
      mkdirSync(core, { recursive: true });
      cpSync(join(out, `${module.name}.d.ts`), join(core, `${module.name}.d.ts`));
    }
  }
}

/** What is compiled against the declarations in pkg/. */
export function consumers() {
  for (const config of ["tests/types/tsconfig.json", "tests/types/tsconfig.contract.json", "www/tsconfig.json"]) {
    run("npx", ["tsc", "-p", config, "--noEmit"]);
  }
}

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
  await step("clippy, wasm32", () => {
    const clippy = ["clippy", "--locked", "--target", "wasm32-unknown-unknown"];
    for (const what of [
      ["--lib", "--test", "web"],
      ["-p", "wardkey-testing", "-p", "wardkey-fhir", "-p", "wardkey-legacy", "--lib"],
    ]) {
      run("cargo", [...clippy, ...what, "--", "-D", "warnings"]);
    }
  });
  await step("rustdoc", () =>
    run("cargo", ["doc", "--locked", "--workspace", "--no-deps", "--document-private-items", "-q"], {
      env: { RUSTDOCFLAGS: "-D warnings" },
    }),
  );
  await step("bindings", bindings);
  await step("types", () => {
    // Into pkg/, the declarations alone: the page and the tests are to see those of the sources as they are, built or not.
    run("npx", ["tsc", "-p", "npm/tsconfig.json", "--emitDeclarationOnly"]);
    consumers();
  });
  await step("typedoc", () => typedoc("--emit", "none"));
}

export async function native() {
  tools.postgres();
  await step("native tests", () => run("cargo", ["test", "--locked", "--workspace"]));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main("check", async () => {
    await lint();
    await native();
  });
}
