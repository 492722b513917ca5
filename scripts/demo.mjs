// npm run demo: builds the package and the page, and serves the page.
import { join } from "node:path";
import { build } from "./build.mjs";
import { main, root, run, step } from "./run.mjs";
import { serve } from "./serve.mjs";

await main("demo", async () => {
  await build();
  await step("build the page", () => run("npx", ["webpack", "--mode", "production"]));
});

if (process.exitCode === undefined) {
  const { url } = await serve(join(root, "www", "dist"), { port: 8080 });
  console.log(`\nThe demo is at ${url.replace("127.0.0.1", "localhost")}  (Ctrl-C stops it)`);
}
