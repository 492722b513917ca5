// Importing runs nothing: no global is made, nothing is compiled or asked for.
import { readFile } from "node:fs/promises";
import { scenario } from "./scenario.mjs";

const ran = [];
const watched = [
  [globalThis, "fetch"],
  [WebAssembly, "compile"],
  [WebAssembly, "instantiate"],
  [WebAssembly, "Module"],
];
const originals = watched.map(([object, name]) => object[name]);
for (const [object, name] of watched) {
  object[name] = () => {
    ran.push(name);
    throw new Error(`${name} at import`);
  };
}
const names = () => Object.getOwnPropertyNames(globalThis).join();
const before = names();
const wardkey = await import("wardkey");
const slim = await import("wardkey/slim");
const testing = await import("wardkey/testing");
if (ran.length > 0 || names() !== before) throw new Error(`importing ran something: ${ran}`);
for (const [at, [object, name]] of watched.entries()) object[name] = originals[at];

const wasm = await readFile(new URL(import.meta.resolve("wardkey/wardkey.wasm")));
await slim.init(wasm);
const done = [await scenario(slim, testing), await scenario(wardkey, testing)];
// Both entries share one instance: where its slow work was done.
const { workerKind } = await import(new URL("workers.js", import.meta.resolve("wardkey")).href);
console.log(JSON.stringify({ versions: done.map(({ version }) => version), worker: workerKind() }));
