// The package as npm would publish it.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** `{ dir, tarball, files }`: a temporary folder with the tarball of pkg/ in it, and the paths inside. */
export function pack() {
  const dir = mkdtempSync(join(tmpdir(), "wardkey-package-"));
  const args = ["pack", join(ROOT, "pkg"), "--pack-destination", dir, "--json"];
  const printed = JSON.parse(execFileSync("npm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  // An array, or by the package's name: npm changed it.
  const [{ filename, files }] = Object.values(printed);
  const close = () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  return { dir, tarball: join(dir, filename), files: files.map(({ path }) => path), close };
}

/** Runs a command; what it printed, or an error that shows it. */
export function command(cwd, name, args, env = {}) {
  return new Promise((resolve, reject) => {
    execFile(
      name,
      args,
      { cwd, env: { ...process.env, ...env }, encoding: "utf8", maxBuffer: 1 << 26 },
      (error, out, err) => (error ? reject(new Error(`${name} ${args.join(" ")}\n${out}\n${err}`)) : resolve(out)),
    );
  });
}
