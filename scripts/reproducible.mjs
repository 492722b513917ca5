// P2: the same sources give the same bytes. The package is built again, from nothing, in another folder, and compared with pkg/.
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, Failure, root, runBeside } from "./run.mjs";

/** The hash of each file, by its path. */
function hashes(dir) {
  const paths = readdirSync(dir, { recursive: true }).filter((path) => statSync(join(dir, path)).isFile());
  const hash = (path) =>
    createHash("sha256")
      .update(readFileSync(join(dir, path)))
      .digest("hex");
  return new Map(paths.map((path) => [path, hash(path)]));
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
    const [first, second] = [hashes(join(root, "pkg")), hashes(join(dir, "pkg"))];
    const paths = new Set([...first.keys(), ...second.keys()]);
    const different = [...paths].filter((path) => first.get(path) !== second.get(path));
    if (different.length > 0) throw new Failure(`two builds differ in ${different.join(", ")}`);
    console.log(`${paths.size} files, the same bytes twice; wardkey.wasm: ${first.get("wardkey.wasm")}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
