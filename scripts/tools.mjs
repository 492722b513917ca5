// What the commands need: each tool is looked for, installed where that is possible, and named in one line where it isn't.
// A fresh clone has no node_modules: the scripts import packages where they use them, after nodeModules().
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ENGINES, missing, present } from "./browsers.mjs";
import { ask, cache, Failure, root, run } from "./run.mjs";

const bin = join(cache, "tools", "bin");
process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;

export function rust() {
  if (!which("rustup")) throw new Failure("rustup is missing: https://rustup.rs");
  if (!which("cargo")) throw new Failure("cargo is missing: install Rust with rustup, https://rustup.rs");
  // Cargo fetches the toolchain of rust-toolchain.toml by itself, unless RUSTUP_AUTO_INSTALL=0. rustup itself stays as it is.
  if (!ask("cargo", ["--version"])) run("rustup", ["toolchain", "install", "--no-self-update"]);
  const targets = ask("rustup", ["target", "list", "--installed"]) ?? "";
  if (!targets.includes("wasm32-unknown-unknown")) run("rustup", ["target", "add", "wasm32-unknown-unknown"]);
  const components = ask("rustup", ["component", "list", "--installed"]) ?? "";
  for (const component of ["clippy", "rustfmt"]) {
    if (!components.includes(component)) run("rustup", ["component", "add", component]);
  }
}

/** The development dependencies of package.json. Not by `npm ci`: it refuses a lock file without biome's packages for other systems. */
export function nodeModules() {
  const marker = join(root, "node_modules", ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund"]);
}

/** What is compared or tried with, into this folder alone: the workspace knows nothing of it. None of it needs to run a script. */
export function peers(folder) {
  const at = (name) => join(root, folder, name);
  const marker = at("node_modules/.package-lock.json");
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(at("package-lock.json")).mtimeMs) return;
  const options = ["--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  run("npm", ["ci", ...options], { cwd: join(root, folder), quiet: true });
}

function cargoTool(name, crate, version) {
  if (ask(name, ["--version"])?.includes(version)) return;
  console.log(`compiling ${crate} ${version}: some minutes, once`);
  const install = (...more) =>
    run("cargo", ["install", crate, "--version", version, "--root", join(cache, "tools"), "--force", ...more], {
      env: { CARGO_TARGET_DIR: join(cache, "target") },
    });
  try {
    install("--locked");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // A mirror of crates.io may be some days behind what the tool's lock file names.
    console.log(`${crate} ${version} again, with the newest dependencies that this registry has`);
    install();
  }
}

/** Command line and library must have one version: Cargo.lock says which. */
export function wasmBindgen() {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)?.[1];
  if (!version) throw new Failure("Cargo.lock names no wasm-bindgen");
  cargoTool("wasm-bindgen", "wasm-bindgen-cli", version);
}

export function wasmPack() {
  cargoTool("wasm-pack", "wasm-pack", "0.15.1");
}

/** For libFuzzer, which the fuzz targets are compiled with. */
export function cxx() {
  found(() => which(process.env.CXX ?? "c++"), ["g++"], "A C++ compiler is missing");
}

/** PostgreSQL, which the key server's tests start for themselves. */
export function postgres() {
  const debian = "/usr/lib/postgresql";
  const there = () => which("initdb") ?? (existsSync(debian) && readdirSync(debian).length > 0);
  found(there, ["postgresql"], "PostgreSQL is missing: its initdb and postgres");
}

/** Chromium and its driver, as `{ chromium, driver }`. */
export function chromium() {
  const find = () => {
    const chromium = process.env.CHROMIUM ?? which("chromium") ?? which("google-chrome");
    const driver = process.env.CHROMEDRIVER ?? which("chromedriver");
    return chromium && driver && { chromium, driver };
  };
  const missing = "Chromium and its driver are missing: install them, or set CHROMIUM and CHROMEDRIVER";
  return found(find, ["chromium", "chromium-driver"], missing);
}

/** The engines to test in, after installing what is missing and can be installed. What is still missing then, present() says. */
export function browsers() {
  for (const [engine, { find, packages }] of Object.entries(ENGINES)) {
    // Debian has no geckodriver of its own.
    const there = () => find().binary && (find().driver || engine === "firefox");
    try {
      found(there, packages, missing(engine));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  const { binary, driver } = ENGINES.firefox.find();
  if (binary && !driver) cargoTool("geckodriver", "geckodriver", "0.37.1");
  return present();
}

function which(name) {
  return ask("which", [name]) || undefined;
}

/** What `find` finds, if need be after installing these packages of Debian's. */
function found(find, packages, missing) {
  const there = find();
  if (there) return there;
  if (process.getuid?.() !== 0 || !which("apt-get")) {
    throw new Failure(`${missing} (Debian: apt-get install ${packages.join(" ")})`);
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-qq"], { quiet: true });
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { quiet: true, env });
  const installed = find();
  if (!installed) throw new Failure(missing);
  return installed;
}

/** A Python of its own, with what the tests of this folder need; gives its path. */
export function python(folder = "tests/interop") {
  const list = join(root, folder, "requirements.txt");
  const requirements = readFileSync(list, "utf8");
  const venv = join(cache, folder === "tests/interop" ? "venv" : `venv-${folder.replaceAll("/", "-")}`);
  const interpreter = join(venv, "bin", "python");
  const marker = join(venv, "requirements.txt");
  const current = existsSync(marker) && existsSync(interpreter) && readFileSync(marker, "utf8") === requirements;
  if (current && isRecent(interpreter)) return interpreter;
  const packages = ["python3", "python3-venv"];
  found(() => isRecent("python3"), packages, "Python 3.11 or later is missing, by the name of python3");
  // Debian has venv without what it needs, ensurepip, in a package of its own.
  const canMake = () => ask("python3", ["-c", "import venv, ensurepip"]) !== undefined;
  found(canMake, packages, "Python's venv module is missing");
  run("python3", ["-m", "venv", "--clear", venv], { quiet: true });
  run(interpreter, ["-m", "pip", "install", "--quiet", "-r", list]);
  writeFileSync(marker, requirements);
  return interpreter;
}

function isRecent(python) {
  return ask(python, ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]) !== undefined;
}
