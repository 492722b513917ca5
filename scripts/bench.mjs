// npm run bench: what the package takes, beside what it is compared with, in Chromium. A table on stdout; `-- --json` prints JSON instead,
// `-- --save` also writes docs/bench/, `-- --no-build` takes pkg/ as it is. Figures are never asserted.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "./build.mjs";
import { CHROMIUM_ARGS } from "./chromium.mjs";
import { ask, Failure, main, root, run, step } from "./run.mjs";
import { serve } from "./serve.mjs";
import * as tools from "./tools.mjs";

const at = (...path) => join(root, ...path);
const bare = at("bench/aes-gcm");
const target = at("target/bench");
const page = join(target, "page");
const KB = 1000;
/** From this share of the processors' time on that others take, the machine counts as busy. */
const BUSY = 0.1;

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

function compileBare() {
  sameVersions();
  run(
    "cargo",
    [
      "build",
      "--release",
      "--locked",
      "--target",
      "wasm32-unknown-unknown",
      "--manifest-path",
      join(bare, "Cargo.toml"),
    ],
    {
      env: { CARGO_TARGET_DIR: target },
    },
  );
}

async function makePage() {
  const { build: bundle } = await import("esbuild");
  rmSync(page, { recursive: true, force: true });
  mkdirSync(page, { recursive: true });
  cpSync(join(target, "wasm32-unknown-unknown/release/wardkey_bench_bare.wasm"), join(page, "bare.wasm"));
  writeFileSync(
    join(page, "index.html"),
    '<!doctype html><meta charset="utf-8"><title>bench</title><script type="module" src="main.js"></script>\n',
  );
  await bundle({
    entryPoints: [at("bench/page/main.js")],
    outfile: join(page, "main.js"),
    bundle: true,
    format: "esm",
    target: "es2023",
    logLevel: "error",
  });
}

/** Bytes after gzip -9 of an entry, bundled and minified. */
async function size(entry) {
  const { build: bundle } = await import("esbuild");
  const contents = `export * from ${JSON.stringify(at("pkg", entry))};`;
  const { outputFiles } = await bundle({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

async function sizes() {
  return {
    default: await size("index.js"),
    slim: await size("slim.js"),
    wasm: gzipSync(readFileSync(at("pkg/wardkey.wasm")), { level: 9 }).length,
  };
}

/** The share of all processors' time that is used while this command and its browser wait: by others, then. */
async function usedByOthers() {
  const sum = (select) => cpus().reduce((total, { times }) => total + select(times), 0);
  const idle = () => sum((times) => times.idle);
  const all = () => sum((times) => Object.values(times).reduce((a, b) => a + b));
  const before = { idle: idle(), all: all() };
  await wait(1000);
  return 1 - (idle() - before.idle) / (all() - before.all);
}

async function inPage(names) {
  const { chromium: playwright } = await import("playwright-core");
  const site = await serve(page);
  try {
    const browser = await playwright.launch({ executablePath: tools.chromium().chromium, args: CHROMIUM_ARGS });
    try {
      const results = {};
      const others = [];
      for (const name of names) {
        // Until the browser has started, or done with the last page.
        await wait(1000);
        others.push(await usedByOthers());
        // A page each: nothing that one leaves in memory is in the next one's way.
        const tab = await browser.newPage();
        tab.setDefaultTimeout(120_000);
        await tab.goto(site.url);
        await tab.waitForFunction(() => typeof globalThis.measure === "function");
        results[name] = await tab.evaluate((name) => globalThis.measure(name), name);
        await tab.close();
        console.log(`   ${name}`);
      }
      return {
        results,
        browser: `Chromium ${browser.version()}`,
        others: others.reduce((sum, share) => sum + share) / others.length,
      };
    } finally {
      await browser.close();
    }
  } finally {
    await site.close();
  }
}

const fixed = (value, digits) => value.toFixed(digits);
const ms = (value) => `${fixed(value, value < 10 ? 2 : 0)} ms`;
const kb = (bytes) => `${fixed(bytes / KB, 1)} KB`;

function rows(results, sizes) {
  const { encryptLong, decryptLong, unwrap, wrap, argon2id, pbkdf2 } = results;
  const speed = (result, value) => `${fixed(result.bytes / 1e3 / value, 0)} MB/s`;
  const long = (what, result) => ({
    what: `${what} 16 MiB`,
    figure: speed(result, result.ours),
    beside: `bare aes-gcm in wasm: ${speed(result, result.beside)}`,
    ratio: 1 / result.ratio,
    target: "speed ≥ 0.9",
    met: 1 / result.ratio >= 0.9,
  });
  const each = (result, value) => `${fixed((1000 * value) / result.records, 1)} µs each`;
  const many = (what, form, result) => ({
    what: `${what}, 2,000 records of 256 bytes`,
    figure: each(result, result.ours),
    beside: `WebCrypto, importKey and a call each, ${form}: ${each(result, result.beside)}`,
    ratio: result.ratio,
    target: "time < 1",
    met: result.ratio < 1,
  });
  const backup = (what, result, bareName) => ({
    what: `openBackup, ${what}`,
    figure: ms(result.ours),
    beside: `bare ${bareName} in wasm: ${ms(result.beside)}`,
    ratio: result.ratio,
    target: "time ≤ 1.15",
    met: result.ratio <= 1.15,
  });
  const per = (size) => `${fixed(wrap.perRecipient[size], 0)} µs each`;
  return [
    long("encrypt", encryptLong),
    long("decrypt", decryptLong),
    many("encryptMany", "one after another", results.encryptManyOneByOne),
    many("encryptMany", "all at once, Promise.all", results.encryptManyAtOnce),
    many("decryptMany", "one after another", results.decryptManyOneByOne),
    many("decryptMany", "all at once, Promise.all", results.decryptManyAtOnce),
    {
      what: "unwrapKey, hybrid",
      figure: ms(unwrap.ours),
      beside: `WebCrypto, RSA-OAEP 4096: ${ms(unwrap.beside)}`,
      ratio: unwrap.ratio,
      target: "< 1 ms",
      met: unwrap.ours < 1,
    },
    { what: "wrapKey for 10, hybrid", figure: per(10), beside: "", ratio: null, target: "", met: null },
    {
      what: "wrapKey for 100",
      figure: per(100),
      beside: "for 10",
      ratio: wrap.ratios["100/10"],
      target: "",
      met: null,
    },
    {
      what: "wrapKey for 1,000",
      figure: per(1000),
      beside: "for 100",
      ratio: wrap.ratios["1000/100"],
      target: "linear: 0.9 to 1.1",
      met: Math.abs(wrap.ratios["1000/100"] - 1) <= 0.1,
    },
    backup("Argon2id 64 MiB × 3", argon2id, "argon2"),
    backup("PBKDF2 600,000", pbkdf2, "pbkdf2"),
    {
      what: "wardkey, bundled, gzip",
      figure: kb(sizes.default),
      beside: "",
      ratio: null,
      target: "≤ 200 KB",
      met: sizes.default <= 200 * KB,
    },
    { what: "wardkey/slim, bundled, gzip", figure: kb(sizes.slim), beside: "", ratio: null, target: "", met: null },
    { what: "wardkey.wasm, gzip", figure: kb(sizes.wasm), beside: "", ratio: null, target: "", met: null },
  ];
}

const HEAD = ["what", "figure", "beside it", "ratio", "target", "met"];
const cells = ({ what, figure, beside, ratio, target, met }) => [
  what,
  figure,
  beside,
  ratio === null ? "" : fixed(ratio, 2),
  target,
  met === null ? "" : met ? "yes" : "no",
];

function table(rows) {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** What to think of the figures. */
function verdict({ others }) {
  const share = `Between the measurements other programs took ${fixed(100 * others, 0)} % of the processors' time`;
  return others < BUSY
    ? `${share}.`
    : `${share}: the figures and, less so, the ratios are worse than on an idle machine.`;
}

function markdown({ rows, machine, browser, node, date }) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return `# Measurements

Written by \`npm run bench -- --save\`. Each figure is a median of 11 or more rounds, the ratio the median of the rounds' ratios; both sides of a ratio ran in the same page,
turn by turn. Figures move with the machine and what else it does; ratios hold better.

${machine.cpu}, ${machine.cores} cores, ${machine.system}; ${browser}, headless; Node ${node}; ${date}. 1 MB is 1,000,000 bytes, 1 KB 1,000.
${verdict(machine)}

${line(HEAD)}
${line(HEAD.map(() => "---"))}
${rows.map((row) => line(cells(row))).join("\n")}
`;
}

const { values: options } = parseArgs({
  options: { json: { type: "boolean" }, save: { type: "boolean" }, "no-build": { type: "boolean" } },
});
// Standard output is for the JSON alone.
if (options.json) console.log = console.error;

await main("bench", async () => {
  tools.rust();
  tools.nodeModules();
  if (!options["no-build"]) await build();
  await step("compile the bare primitives", compileBare);
  await step("bundle the page", makePage);
  const bundles = await step("measure sizes", sizes);
  const names = [
    "encryptLong",
    "decryptLong",
    "encryptManyOneByOne",
    "encryptManyAtOnce",
    "decryptManyOneByOne",
    "decryptManyAtOnce",
    "unwrap",
    "wrap",
    "argon2id",
    "pbkdf2",
  ];
  const { results, browser, others } = await step("measure in Chromium", () => inPage(names));
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: cpus().length,
      system: `${platform()} ${release()} ${arch()}`,
      others,
    },
    browser,
    node: process.versions.node,
    rust: ask("rustc", ["--version"]) ?? "unknown",
    rows: rows(results, bundles),
    results,
    sizes: bundles,
  };
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (options.save) {
    mkdirSync(at("docs/bench"), { recursive: true });
    writeFileSync(at("docs/bench/measurements.json"), json);
    writeFileSync(at("docs/bench/measurements.md"), markdown(report));
  }
  if (options.json) process.stdout.write(json);
  else console.log(`\n${table(report.rows)}\n\n${verdict(report.machine)}`);
});
