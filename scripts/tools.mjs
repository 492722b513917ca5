// What the commands need: each tool is looked for, installed where that is possible, and named in one line where it isn't.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ENGINES, missing, present } from "./browsers.mjs";
import { ask, cache, Failure, root, run } from "./run.mjs";

const bin = join(cache, "tools", "bin");
process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;

export function rust() {
  if (!ask("cargo", ["--version"])) {
    throw new Failure(
      "cargo is missing: install Rust with rustup, https://rustup.rs, or fix the toolchain that rust-toolchain.toml names",
    );
  }
  const installed = ask("rustup", ["target", "list", "--installed"]);
  if (installed === undefined) throw new Failure("rustup is missing: https://rustup.rs");
  if (!installed.includes("wasm32-unknown-unknown")) run("rustup", ["target", "add", "wasm32-unknown-unknown"]);
  const components = ask("rustup", ["component", "list", "--installed"]) ?? "";
  for (const component of ["clippy", "rustfmt"]) {
    if (!components.includes(component)) run("rustup", ["component", "add", component]);
  }
}

/** The development dependencies of package.json. */
export function nodeModules() {
  const marker = join(root, "node_modules", ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund"]);
}

function cargoTool(name, crate, version, extra = []) {
  if (ask(name, ["--version"])?.includes(version)) return;
  console.log(`compiling ${crate} ${version}: some minutes, once`);
  run("cargo", ["install", crate, "--version", version, "--root", join(cache, "tools"), "--force", ...extra], {
    env: { CARGO_TARGET_DIR: join(cache, "target") },
  });
}

/** Command line and library must have one version: Cargo.lock says which. */
export function wasmBindgen() {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)?.[1];
  if (!version) throw new Failure("Cargo.lock names no wasm-bindgen");
  cargoTool("wasm-bindgen", "wasm-bindgen-cli", version);
}

export function wasmPack() {
  cargoTool("wasm-pack", "wasm-pack", "0.15.1", ["--locked"]);
}

/** Chromium and its driver, as `{ chromium, driver }`. */
export function chromium() {
  const find = () => ({
    chromium: process.env.CHROMIUM ?? which("chromium") ?? which("google-chrome"),
    driver: process.env.CHROMEDRIVER ?? which("chromedriver"),
  });
  let found = find();
  if (!(found.chromium && found.driver)) {
    debian(
      ["chromium", "chromium-driver"],
      "Chromium and its driver are missing: install them, or set CHROMIUM and CHROMEDRIVER",
    );
    found = find();
  }
  return found;
}

/** The engines to test in, after installing what is missing and can be installed. What is still missing then, present() says. */
export function browsers() {
  for (const [engine, { find, packages }] of Object.entries(ENGINES)) {
    const { binary, driver } = find();
    // Debian has no geckodriver of its own.
    if (binary && (driver || engine === "firefox")) continue;
    try {
      debian(packages, missing(engine));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  const { binary, driver } = ENGINES.firefox.find();
  if (binary && !driver) cargoTool("geckodriver", "geckodriver", "0.37.1", ["--locked"]);
  return present();
}

function which(name) {
  return ask("which", [name]) || undefined;
}

function debian(packages, missing) {
  if (process.getuid?.() !== 0 || !which("apt-get")) {
    throw new Failure(`${missing} (Debian: apt-get install ${packages.join(" ")})`);
  }
  run("apt-get", ["update", "-qq"], { quiet: true });
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
    quiet: true,
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
}

/** A Python of its own, with what tests/interop needs; gives its path. */
export function python() {
  const requirements = readFileSync(join(root, "tests/interop/requirements.txt"), "utf8");
  const venv = join(cache, "venv");
  const interpreter = join(venv, "bin", "python");
  const marker = join(venv, "requirements.txt");
  const current = existsSync(marker) && existsSync(interpreter) && readFileSync(marker, "utf8") === requirements;
  if (current) return interpreter;
  if (!ask("python3", ["--version"])) debian(["python3", "python3-venv"], "Python 3.11 or later is missing");
  try {
    run("python3", ["-m", "venv", "--clear", venv], { quiet: true });
  } catch {
    debian(["python3-venv"], "Python's venv module is missing");
    run("python3", ["-m", "venv", "--clear", venv]);
  }
  run(interpreter, ["-m", "pip", "install", "--quiet", "-r", join(root, "tests/interop/requirements.txt")]);
  mkdirSync(venv, { recursive: true });
  writeFileSync(marker, requirements);
  return interpreter;
}
