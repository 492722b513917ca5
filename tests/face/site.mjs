// What both runs work on: a snapshot of the built package, in many copies, since each copy is a module instance of its own.
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { serve } from "../../scripts/serve.mjs";
import { keyServers } from "./key-server.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COPIES = 64;
/** A message that is on the server, for who reads ranges of it: its key and its data are of these bytes. */
const [KEY_BYTE, DATA_BYTE, DATA_LENGTH] = [7, 9, 1_000_000];
/** Where one character of the inlined module is changed, as a fraction of its length. */
const DAMAGE = [0.0005, 0.3, 0.7, 0.9999];

/** @param {{ policy?: string, watch?: (request: object) => void, answer?: (request: object, response: object) => boolean }} [options] the Content-Security-Policy, where it
 *         isn't the usual one; who is told of requests; who may answer them first
 *  @returns {Promise<{ dir: string, url: string, close: () => Promise<void> }>} */
export async function openSite({ policy, watch, answer = () => false } = {}) {
  const pkg = join(ROOT, "pkg");
  if (!existsSync(join(pkg, "index.js"))) throw new Error("the built package is missing: node scripts/build.mjs");
  const dir = mkdtempSync(join(tmpdir(), "wardkey-face-"));
  cpSync(pkg, join(dir, "pkg"), { recursive: true });
  for (let index = 0; index < COPIES; index += 1) link(join(dir, "pkg"), join(dir, `copy-${index}`));
  for (const [index, at] of DAMAGE.entries()) damage(join(dir, "pkg"), join(dir, `damaged-${index}`), at);
  cpSync(join(ROOT, "tests/face"), join(dir, "face"), { recursive: true });
  cpSync(join(ROOT, "testdata"), join(dir, "testdata"), { recursive: true });
  mkdirSync(join(dir, "npm"));
  for (const file of ["npm/contract.d.ts", "npm/errors.ts", "pkg.json"]) cpSync(join(ROOT, file), join(dir, file));
  writeFileSync(join(dir, "package.json"), '{"type":"module"}\n');
  const { DataKey } = await import(pathToFileURL(join(dir, "pkg/index.js")));
  const key = await DataKey.importRaw(new Uint8Array(32).fill(KEY_BYTE));
  writeFileSync(join(dir, "face/message.bin"), await key.encrypt(new Uint8Array(DATA_LENGTH).fill(DATA_BYTE)));
  key.free();
  const { memoryBackend } = await import(pathToFileURL(join(dir, "pkg/testing.js")));
  const keys = keyServers(memoryBackend);
  const site = await serve(dir, { port: 0, policy, watch, answer: (...given) => answer(...given) || keys(...given) });
  const close = async () => {
    await site.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { dir, url: site.url, close };
}

/** Hard links: other paths are other modules, and no byte is copied. */
function link(from, to) {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    if (statSync(source).isDirectory()) link(source, join(to, name));
    else linkSync(source, join(to, name));
  }
}

function damage(from, to, fraction) {
  cpSync(from, to, { recursive: true });
  const file = join(to, "inlined-data.js");
  const text = readFileSync(file, "utf8");
  const [start, end] = [text.indexOf('"') + 1, text.lastIndexOf('"')];
  const at = start + Math.floor((end - start) * fraction);
  writeFileSync(file, `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`);
}
