// Records testdata/binary.json, the vectors of docs/SPEC.md, section 19: `npm run build`, then  node tests/entries/record-binary.mjs
// A file that exists is never written again. `cargo run --example make_vectors` then adds its sum.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toBinary, toPem } from "../../pkg/fhir.js";
import { KeyPair } from "../../pkg/index.js";
import { root } from "../../scripts/run.mjs";
import { peers, python } from "../../scripts/tools.mjs";

peers("tests/entries");
const { CompactEncrypt, FlattenedEncrypt, importSPKI } = await import("jose");
const file = join(root, "testdata/binary.json");
const ALG = "RSA-OAEP-256";
const DATA = new TextEncoder().encode("fracture of the left wrist");
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const pem = (key) => readFileSync(join(root, `testdata/rsa/${key}.pem`), "utf8");
const keys = Object.fromEntries(
  await Promise.all(["2048", "3072", "4096"].map(async (key) => [key, await KeyPair.importRsa(pem(key))])),
);
const spki = (key) => importSPKI(toPem(keys[key].publicKey), ALG);
const binary = (jwe) => ({ resourceType: "Binary", contentType: "application/jose", data: btoa(jwe) });

async function byJose(key, data, header) {
  return new CompactEncrypt(data).setProtectedHeader({ alg: ALG, enc: "A256GCM", ...header }).encrypt(await spki(key));
}

function byPython(key, data, type) {
  const script = `
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from wardkey_format.binary import Document, make
pem, data, content_type = json.load(sys.stdin)
print(json.dumps(make(Document(bytes.fromhex(data), content_type), load_pem_public_key(pem.encode()))))`;
  const input = JSON.stringify([toPem(keys[key].publicKey), hex(data), type]);
  return JSON.parse(
    execFileSync(python(), ["-c", script], { input, cwd: join(root, "tests/interop"), encoding: "utf8" }),
  );
}

async function vectors() {
  const rows = [];
  for (const key of Object.keys(keys)) {
    for (const [name, data, type] of [
      ["text", DATA, "text/plain;charset=utf-8"],
      ["empty", new Uint8Array(0), null],
      ["pdf", Uint8Array.from({ length: 1000 }, (_, at) => at * 31), "application/pdf"],
    ]) {
      const options = { allowLegacy: true, ...(type !== null && { contentType: type, keyId: "north" }) };
      const made = {
        wardkey: await toBinary(data, keys[key].publicKey, options),
        jose: binary(await byJose(key, data, type === null ? { typ: "JOSE", x: [1] } : { cty: type })),
        python: byPython(key, data, type),
      };
      for (const [maker, one] of Object.entries(made)) {
        rows.push({ name: `${name}, ${key}, ${maker}`, maker, key, binary: one, data: hex(data), content_type: type });
      }
    }
  }
  return rows;
}

async function invalid() {
  const jwe = await byJose("3072", DATA, {});
  const parts = jwe.split(".");
  const flipped = (part) => {
    const bytes = Buffer.from(parts[part], "base64url");
    bytes[bytes.length - 1] ^= 1;
    return parts.with(part, bytes.toString("base64url")).join(".");
  };
  const header = (text) => parts.with(0, Buffer.from(text).toString("base64url")).join(".");
  const known = { alg: ALG, enc: "A256GCM" };
  const { encrypted_key } = await new FlattenedEncrypt(DATA)
    .setProtectedHeader({ alg: ALG, enc: "A128GCM" })
    .encrypt(await spki("3072"));
  const rows = [
    ["another key", "decryption-failed", jwe, "4096"],
    [
      "another key of this size is wrapped",
      "decryption-failed",
      (await byJose("3072", DATA, {})).split(".").with(3, parts[3]).join("."),
    ],
    ["a key of 16 bytes is wrapped", "decryption-failed", parts.with(1, encrypted_key).join(".")],
    ["no wrapped key", "decryption-failed", parts.with(1, "").join(".")],
    ["changed key", "decryption-failed", flipped(1)],
    ["changed iv", "decryption-failed", flipped(2)],
    ["changed ciphertext", "decryption-failed", flipped(3)],
    ["changed tag", "decryption-failed", flipped(4)],
    ["changed header", "decryption-failed", header(JSON.stringify({ ...known, cty: "pdf" }))],
    ["four parts", "invalid-format", parts.slice(0, 4).join(".")],
    ["six parts", "invalid-format", `${jwe}.`],
    ["padding", "invalid-format", parts.with(2, `${parts[2]}==`).join(".")],
    ["short iv", "invalid-format", parts.with(2, "AAAA").join(".")],
    ["short tag", "invalid-format", parts.with(4, parts[4].slice(4)).join(".")],
    ["header that isn't JSON", "invalid-format", header("{")],
    ["header that is no object", "invalid-format", header("[]")],
    ["no enc", "invalid-format", header(JSON.stringify({ alg: ALG }))],
    ["cty that is no text", "invalid-format", header(JSON.stringify({ ...known, cty: 1 }))],
    ["SHA-1", "unsupported-version", header(JSON.stringify({ ...known, alg: "RSA-OAEP" }))],
    ["PKCS #1 v1.5", "unsupported-version", header(JSON.stringify({ ...known, alg: "RSA1_5" }))],
    ["CBC", "unsupported-version", header(JSON.stringify({ ...known, enc: "A256CBC-HS512" }))],
    ["compressed", "unsupported-version", header(JSON.stringify({ ...known, zip: "DEF" }))],
    ["critical extension", "unsupported-version", header(JSON.stringify({ ...known, crit: ["x"], x: 1 }))],
  ].map(([name, error, text, key = "3072"]) => ({ name, key, binary: binary(text), error }));
  const good = binary(jwe);
  return [
    ...rows,
    {
      name: "another resource",
      key: "3072",
      binary: { ...good, resourceType: "DocumentReference" },
      error: "invalid-argument",
    },
    {
      name: "another media type",
      key: "3072",
      binary: { ...good, contentType: "application/pdf" },
      error: "invalid-format",
    },
    { name: "no base64", key: "3072", binary: { ...good, data: `${good.data}!` }, error: "invalid-format" },
    {
      name: "no data",
      key: "3072",
      binary: { resourceType: "Binary", contentType: good.contentType },
      error: "invalid-format",
    },
  ];
}

if (existsSync(file)) throw new Error("testdata/binary.json is there, and doesn't change");
const recorded = { vectors: await vectors(), invalid: await invalid() };
writeFileSync(file, `${JSON.stringify(recorded, null, 1)}\n`);
