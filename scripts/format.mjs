// npm run format: as `npm run check` wants it.
import { main, run } from "./run.mjs";
import * as tools from "./tools.mjs";

await main("format", () => {
  tools.rust();
  tools.nodeModules();
  run("cargo", ["fmt", "--all"]);
  run("npx", ["biome", "check", "--write", "."]);
});
