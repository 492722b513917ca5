// P2: the same sources give the same bytes. The package is built again, from nothing, in another folder, and compared with pkg/; and what is in pkg/ is what docs/package.sha256 says, which
// `npm run hashes` writes.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ask, Failure, main, root, runBeside } from "./run.mjs";

const pkg = join(root, "pkg");
const RECORD = join(root, "docs/package.sha256");
/** What changes with every sentence, and runs nowhere. */
const isText = (path) => /\.md$|^LICENSE/.test(path);

/** The hash of each file, by its path. */
function hashes(dir) {
  const paths = readdirSync(dir, { recursive: true }).filter((path) => statSync(join(dir, path)).isFile());
  const hash = (path) =>
    createHash("sha256")
      .update(readFileSync(join(dir, path)))
      .digest("hex");
  return new Map(paths.map((path) => [path, hash(path)]));
}

/** As `sha256sum --check` reads it. */
function record() {
  const lines = [...hashes(pkg)].filter(([path]) => !isText(path)).map(([path, hash]) => `${hash}  ${path}\n`);
  return lines.toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join("");
}

/** Fails, naming the files, if the package isn't the one that is recorded. */
export function recorded() {
  const lines = (text) => text.split("\n").filter((line) => line !== "");
  const before = lines(existsSync(RECORD) ? readFileSync(RECORD, "utf8") : "");
  const now = lines(record());
  const different = [...before.filter((line) => !now.includes(line)), ...now.filter((line) => !before.includes(line))];
  if (different.length > 0) {
    const paths = new Set(different.map((line) => line.slice(66)));
    throw new Failure(
      `the package isn't the one of docs/package.sha256: ${[...paths].join(", ")}. If its sources changed: npm run hashes`,
    );
  }
  console.log(`${now.length} files as recorded; ${now.find((line) => line.endsWith("  wardkey.wasm"))}`);
}

/** Fails, naming the files, if the second build differs from pkg/. */
export async function builtTwice() {
  const dir = mkdtempSync(join(tmpdir(), "wardkey-again-"));
  try {
    const sources = ask("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    if (sources === undefined) throw new Failure("this is no git clone: what the sources are isn't known");
    for (const path of sources.split("\0").filter((path) => path !== "" && !path.startsWith("fuzz/"))) {
      const present = statSync(join(root, path), { throwIfNoEntry: false });
      if (present) cpSync(join(root, path), join(dir, path), { recursive: true, preserveTimestamps: true });
    }
    symlinkSync(join(root, "node_modules"), join(dir, "node_modules"), "dir");
    const env = { CARGO_TARGET_DIR: join(dir, "target") };
    await runBeside("node", [join(dir, "scripts/build.mjs")], { cwd: dir, env, held: true });
    const [first, second] = [hashes(pkg), hashes(join(dir, "pkg"))];
    const paths = new Set([...first.keys(), ...second.keys()]);
    const different = [...paths].filter((path) => first.get(path) !== second.get(path));
    if (different.length > 0) throw new Failure(`two builds differ in ${different.join(", ")}`);
    console.log(`${paths.size} files, the same bytes twice; wardkey.wasm: ${first.get("wardkey.wasm")}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main("hashes", () => {
    if (!existsSync(join(pkg, "wardkey.wasm"))) throw new Failure("the built package is missing (npm run build)");
    writeFileSync(RECORD, record());
    recorded();
  });
}
