import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serve } from "../../scripts/serve.mjs";

let folder;
let site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wardkey-serve-"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>x</title>");
  await writeFile(join(folder, "a.wasm"), "");
  site = await serve(folder, { port: 0 });
});

after(async () => {
  await site?.close();
  await rm(folder, { recursive: true });
});

test("every answer carries the policy, and nothing is cached", async () => {
  for (const [path, status] of [
    ["", 200],
    ["a.wasm", 200],
    ["missing", 404],
  ]) {
    const response = await fetch(site.url + path);
    assert.equal(response.status, status);
    const headers = response.headers;
    assert.equal(headers.get("content-security-policy"), "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("cache-control"), "no-store");
  }
  assert.equal((await fetch(`${site.url}a.wasm`)).headers.get("content-type"), "application/wasm");
});

test("only this machine, only reading, only this folder", async () => {
  assert.match(site.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal((await fetch(site.url, { method: "POST", body: "x" })).status, 405);
  const { port } = new URL(site.url);
  for (const path of ["/../package.json", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/%00"]) {
    const status = await new Promise((resolve, reject) =>
      request({ host: "127.0.0.1", port, path }, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end(),
    );
    assert.equal(status, 404, path);
  }
  const others = Object.values(networkInterfaces())
    .flat()
    .filter(({ internal, family }) => !internal && family === "IPv4");
  for (const { address } of others) await assert.rejects(fetch(`http://${address}:${port}/`), address);
});

test("an absurd range fails alone", async () => {
  await fetch(site.url, { headers: { Range: "bytes=20-10" } }).catch(() => {});
  assert.equal((await fetch(site.url)).status, 200);
});

test("a taken port gives way to the next", async () => {
  const squatter = createServer();
  const taken = await new Promise((resolve) => {
    squatter.listen(0, "127.0.0.1", () => resolve(squatter.address().port));
  });
  const second = await serve(folder, { port: taken });
  assert.notEqual(new URL(second.url).port, String(taken));
  assert.equal((await fetch(second.url)).status, 200);
  await second.close();
  squatter.close();
});
