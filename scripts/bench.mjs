// npm run bench: what the package takes, beside what it is compared with, in Chromium. A table on stdout; `-- --json` prints JSON instead,
// `-- --save` also writes docs/bench/, `-- --no-build` takes pkg/ as it is, `-- --only loop --only stream` runs the cases that begin so, `-- --quick` shows
// in a minute that everything runs. Figures are never asserted.
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { inChromium } from "./bench-browser.mjs";
import { compileBare, makePage, peerVersions, sizes } from "./bench-page.mjs";
import { markdown, plots, rows, terminal } from "./bench-report.mjs";
import { build } from "./build.mjs";
import { ask, Failure, main, root, step } from "./run.mjs";
import * as tools from "./tools.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean" },
    save: { type: "boolean" },
    "no-build": { type: "boolean" },
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
  },
});
// Standard output is for the JSON alone.
if (options.json) console.log = console.error;

function save(report, json) {
  const docs = join(root, "docs/bench");
  mkdirSync(docs, { recursive: true });
  writeFileSync(join(docs, "measurements.json"), json);
  writeFileSync(join(docs, "measurements.md"), markdown(report));
  for (const [file, svg] of Object.entries(plots(report.results))) writeFileSync(join(docs, file), svg);
}

await main("bench", async () => {
  if (options.save && (options.quick || options.only.length > 0)) {
    throw new Failure("--save is for a whole run: without --quick and --only");
  }
  tools.rust();
  tools.nodeModules();
  if (!options["no-build"]) await build();
  await step("compile the bare primitives", compileBare);
  await step("install the peers", () => tools.peers("bench"));
  await step("bundle the page", makePage);
  const bundles = await step("measure sizes", sizes);
  const { results, browser, others } = await step("measure in Chromium", () => inChromium(options));
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
    peers: peerVersions(),
    rows: rows(results, bundles),
    results,
    sizes: bundles,
  };
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (options.save) save(report, json);
  if (options.json) process.stdout.write(json);
  else console.log(`\n${terminal(report)}`);
});
