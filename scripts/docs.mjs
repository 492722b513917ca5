// npm run docs: the reference of the package (TypeDoc, from its declarations) and of the crates (rustdoc), into target/.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { main, root, run, step } from "./run.mjs";
import * as tools from "./tools.mjs";

const FOLDER = "scripts/typedoc";

/** TypeDoc over pkg/: a warning, of a type that isn't exported or a link that leads nowhere, is an error. It has a TypeScript of its own, for it can't use ours yet. */
export function typedoc(...more) {
  tools.peers(FOLDER);
  const program = join(root, FOLDER, "node_modules/typedoc/bin/typedoc");
  run("node", [program, "--options", join(root, FOLDER, "typedoc.json"), "--logLevel", "Warn", ...more]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main("docs", async () => {
    tools.rust();
    await step("target/typedoc", () => typedoc());
    await step("target/doc", () => run("cargo", ["doc", "--locked", "--workspace", "--no-deps"]));
  });
}
