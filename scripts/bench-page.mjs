// What npm run bench measures with: the page, the bare primitives, the peers, and the sizes of the package.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Failure, root, run } from "./run.mjs";

const at = (...path) => join(root, ...path);
const bare = at("bench/aes-gcm");
const target = at("target/bench");
export const page = join(target, "page");

/** A comparison says something only between equal versions. */
function sameVersions() {
  const packages = (lock) =>
    new Map(
      [...readFileSync(lock, "utf8").matchAll(/name = "([^"]+)"\nversion = "([^"]+)"/g)].map(([, name, version]) => [
        name,
        version,
      ]),
    );
  const ours = packages(at("Cargo.lock"));
  const theirs = packages(join(bare, "Cargo.lock"));
  for (const name of ["aes", "aes-gcm", "ghash", "polyval", "argon2", "blake2", "pbkdf2", "sha2", "hmac"]) {
    if (ours.get(name) !== theirs.get(name)) {
      throw new Failure(
        `bench/aes-gcm/Cargo.lock has ${name} ${theirs.get(name)}, the root's ${ours.get(name)}: bring them together with cargo update`,
      );
    }
  }
}

export function compileBare() {
  sameVersions();
  const manifest = join(bare, "Cargo.toml");
  const args = ["build", "--release", "--locked", "--target", "wasm32-unknown-unknown", "--manifest-path", manifest];
  run("cargo", args, { env: { CARGO_TARGET_DIR: target } });
}

/** The versions of bench/package.json, which are exact. */
export function peerVersions() {
  return JSON.parse(readFileSync(at("bench/package.json"), "utf8")).devDependencies;
}

/** sscrypto and @tanker/crypto ask for Node's modules: streams are polyfilled, as buffers and events are by packages of those names; the other two are never
 *  used where there is WebCrypto. */
const withoutNode = {
  name: "without-node",
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^stream$/ }, ({ kind }) => resolve("stream-browserify", { kind, resolveDir: at("bench") }));
    onResolve({ filter: /^(crypto|util)$/ }, ({ path }) => ({ path, namespace: "empty" }));
    onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "module.exports = {};" }));
  },
};

export async function makePage() {
  const { build } = await import("esbuild");
  rmSync(page, { recursive: true, force: true });
  mkdirSync(page, { recursive: true });
  cpSync(join(target, "wasm32-unknown-unknown/release/wardkey_bench_bare.wasm"), join(page, "bare.wasm"));
  writeFileSync(
    join(page, "index.html"),
    '<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="main.js"></script>\n',
  );
  await build({
    // The worker, too: the package looks for it beside its own code.
    entryPoints: { main: at("bench/page/main.js"), server: at("bench/page/server.js"), worker: at("pkg/worker.js") },
    outdir: page,
    bundle: true,
    // The peers are a file of their own, which only their cases load.
    splitting: true,
    format: "esm",
    target: "es2023",
    define: { global: "globalThis" },
    inject: [at("bench/peers/shims.js")],
    plugins: [withoutNode],
    logLevel: "error",
  });
}

/** Bytes after gzip -9 of an entry, bundled and minified: what a page loads at its start, and what it loads when it is asked for. */
async function size(entry) {
  const { build } = await import("esbuild");
  const contents = `export * from ${JSON.stringify(at("pkg", entry))};`;
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root, sourcefile: "entry.js" },
    absWorkingDir: root,
    outdir: "out",
    bundle: true,
    splitting: true,
    metafile: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  const bytes = new Map(outputFiles.map(({ path, contents }) => [path, gzipSync(contents, { level: 9 }).length]));
  const start = new Set();
  const load = (path) => {
    if (start.has(path)) return;
    start.add(path);
    for (const { path: next, kind } of metafile.outputs[path].imports) if (kind === "import-statement") load(next);
  };
  load(Object.keys(metafile.outputs).find((path) => metafile.outputs[path].entryPoint === "entry.js"));
  const sum = (isOne) =>
    Object.keys(metafile.outputs)
      .filter(isOne)
      .reduce((total, path) => total + bytes.get(at(path)), 0);
  const part = (name) => sum((path) => !start.has(path) && path.includes(`inlined-${name}`));
  return { start: sum((path) => start.has(path)), client: part("client"), entities: part("entities") };
}

export async function sizes() {
  const entry = await size("index.js");
  return {
    default: entry.start,
    client: entry.client,
    entities: entry.entities,
    slim: (await size("slim.js")).start,
    wasm: gzipSync(readFileSync(at("pkg/wardkey.wasm")), { level: 9 }).length,
  };
}
