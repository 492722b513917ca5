// npm run build: leaves the publishable package in pkg/.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { withoutPanicMessages } from "./panics.mjs";
import { ask, Failure, main, root, run, runBeside, step } from "./run.mjs";
import { sbom } from "./sbom.mjs";
import { split } from "./split.mjs";
import * as tools from "./tools.mjs";

const pkg = join(root, "pkg");
const core = join(root, "npm", "core");
const at = (...path) => join(root, ...path);

/** What browsers since 2021 have (no SIMD: WebKitGTK 2.50 was seen to decrypt wrongly with it); and what makes the module small once it is compressed: like functions stand together, zeros
 *  compress better than the headers of many data segments. */
const FEATURES = [
  "bulk-memory",
  "sign-ext",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "multivalue",
];
const SKIPPED = ["memory-packing", "reorder-functions"];
/** In instructions: LLVM has inlined already, and what is small is small in both ways. */
const INLINED = [
  "--always-inline-max-function-size=2",
  "--flexible-inline-max-function-size=2",
  "--one-caller-inline-max-function-size=60",
];
const ENABLED = FEATURES.map((feature) => `--enable-${feature}`);
const OPTIMISE = [
  "-Oz",
  ...INLINED,
  ...SKIPPED.map((pass) => `--skip-pass=${pass}`),
  "--reorder-functions-by-name",
  "--strip-dwarf",
  "--strip-producers",
];

/** Each WebAssembly module of the package: its crate, the name of what is made of it, and what it is cut into. Two crates are never built in one go: they would share their features. */
export const MODULES = [
  { crate: "wardkey", name: "wardkey_core", parts: ["base", "client", "entities"] },
  { crate: "wardkey-testing", name: "wardkey_testing" },
  { crate: "wardkey-fhir", name: "wardkey_fhir" },
  { crate: "wardkey-legacy", name: "wardkey_legacy" },
];

/** The JavaScript and the types around a module that cargo built. */
export function bind({ crate, name }, profile, out) {
  run("wasm-bindgen", [
    at("target/wasm32-unknown-unknown", profile, `${crate.replaceAll("-", "_")}.wasm`),
    "--target",
    "web",
    "--omit-default-module-path",
    "--out-dir",
    out,
    "--out-name",
    name,
  ]);
}

/** A module, compiled and bound. The bytes depend on the sources and the pinned tools alone. */
function compile(module) {
  const commit = /^commit-hash: (\w+)/m.exec(ask("rustc", ["-vV"]) ?? "")?.[1];
  const flags = [
    `--remap-path-prefix=${root}=/wardkey`,
    `--remap-path-prefix=${process.env.CARGO_HOME ?? `${process.env.HOME}/.cargo`}=/cargo`,
    // Where the standard library's sources are installed, rustc would name them there, and not by this.
    `--remap-path-prefix=${ask("rustc", ["--print", "sysroot"])}/lib/rustlib/src/rust=/rustc/${commit}`,
  ];
  const target = ["--target", "wasm32-unknown-unknown"];
  run("cargo", ["build", "--release", "--locked", "--lib", "-p", module.crate, ...target], {
    env: { CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"), CARGO_TARGET_DIR: at("target") },
  });
  bind(module, "release", core);
}

const binaryen = (tool, ...args) => runBeside("node", [at("node_modules/binaryen/bin", tool), ...ENABLED, ...args]);

/** Makes a module small, and cuts it while its functions still have their names. */
async function optimise({ name, parts }) {
  const wasm = join(core, `${name}_bg.wasm`);
  writeFileSync(wasm, withoutPanicMessages(readFileSync(wasm)));
  await binaryen("wasm-opt", wasm, ...OPTIMISE, "-g", "-o", wasm);
  if (parts) await cut(wasm, parts);
  await binaryen("wasm-opt", wasm, "--strip-debug", "-o", wasm);
}

async function cut(wasm, parts) {
  const text = wasm.replace(/wasm$/, "wat");
  await binaryen("wasm-dis", wasm, "-o", text);
  const found = split(readFileSync(text, "utf8"));
  for (const part of parts) {
    writeFileSync(text, found[part]);
    await binaryen("wasm-as", text, "-o", wasm.replace(/\.wasm$/, `_${part}.wasm`));
  }
  rmSync(text);
}

function types() {
  run("npx", ["tsc", "-p", at("npm/tsconfig.json")]);
}

/** Writes a module of JavaScript that holds this WebAssembly: its `packed` is what npm/unpack.ts unpacks. */
export async function inline(wasm, file) {
  const { compress, decompress } = await import("lzma1");
  // A window of 2 MiB; a longer one would only take memory.
  const lzma = compress(wasm, 5);
  if (!wasm.equals(decompress(lzma))) throw new Failure(`${file}: LZMA doesn't give the module back`);
  // gzip ends with the CRC-32 and the length.
  const checksum = gzipSync(lzma, { level: 0 }).subarray(-8, -4).swap32();
  const packed = Buffer.concat([checksum, lzma]).toString("base64");
  writeFileSync(join(pkg, file), `export const packed = "${packed}";\n`);
}

/** What undoes it: a part of lzma1, with its licence. */
async function unpacker() {
  const { build: bundle } = await import("esbuild");
  const from = (...path) => at("node_modules/lzma1", ...path);
  const contents = `export { Decoder } from "./decoder.js"; export { InputBuffer, OutputBuffer } from "./streams.js";`;
  const licence = readFileSync(from("LICENSE"), "utf8").trim();
  await bundle({
    stdin: { contents, resolveDir: from("lib") },
    absWorkingDir: root,
    // The paths that it notes are the same wherever node_modules comes from.
    preserveSymlinks: true,
    bundle: true,
    format: "esm",
    target: "es2022",
    banner: {
      js: `/*\nThe decoder of https://github.com/xseman/lzma1, a fork of LZMA-JS, © Nathan Rugg\n\n${licence}\n*/`,
    },
    outfile: join(pkg, "lzma.js"),
    logLevel: "error",
  });
}

/** The glue as a worker needs it: the module gives it no objects, so none of the glue's classes is needed. */
const withoutObjects = {
  name: "without-objects",
  setup({ onLoad }) {
    onLoad({ filter: /wardkey_core\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll(/Core\w+\.__wrap\(arg0\)/g, "undefined"),
    }));
  },
};

/** The worker once more, whole and small, for where its file isn't found. Explicit disposal would hold on to every class of the glue. */
async function inlineWorker() {
  const { build: bundle } = await import("esbuild");
  const { outputFiles } = await bundle({
    entryPoints: [join(pkg, "worker.js")],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    define: { "Symbol.dispose": "undefined" },
    plugins: [withoutObjects],
    write: false,
    logLevel: "error",
  });
  writeFileSync(
    join(pkg, "inlined-worker.js"),
    `export const script = ${JSON.stringify(outputFiles[0].text.trim())};\n`,
  );
}

/** The package around the module. */
export async function assemble() {
  rmSync(pkg, { recursive: true, force: true });
  mkdirSync(join(pkg, "core"), { recursive: true });
  types();
  const wasm = (name, part = "") => readFileSync(join(core, `${name}_bg${part}.wasm`));
  writeFileSync(join(pkg, "wardkey.wasm"), wasm("wardkey_core"));
  await inline(wasm("wardkey_core", "_base"), "inlined-data.js");
  for (const part of ["client", "entities"]) await inline(wasm("wardkey_core", `_${part}`), `inlined-${part}.js`);
  for (const entry of ["testing", "fhir", "legacy"]) await inline(wasm(`wardkey_${entry}`), `${entry}-data.js`);
  await unpacker();
  for (const { name } of MODULES) {
    for (const file of [`${name}.js`, `${name}.d.ts`]) cpSync(join(core, file), join(pkg, "core", file));
  }
  await inlineWorker();
  cpSync(at("pkg.json"), join(pkg, "package.json"));
  writeFileSync(join(pkg, "sbom.cdx.json"), await sbom(MODULES));
  cpSync(at("npm/README.md"), join(pkg, "README.md"));
  for (const file of ["CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]) cpSync(at(file), join(pkg, file));
}

export async function build() {
  tools.rust();
  tools.nodeModules();
  tools.wasmBindgen();
  rmSync(core, { recursive: true, force: true });
  for (const module of MODULES) await step(`compile ${module.crate}`, () => compile(module));
  await step("optimise them", () => Promise.all(MODULES.map(optimise)));
  await step("assemble pkg/", assemble);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main("build", build);
