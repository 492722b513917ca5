// `toBinary` and `fromBinary` of wardkey/fhir beside another JOSE library:  node --test tests/entries/binary.test.mjs
import assert from "node:assert/strict";
import { Blob } from "node:buffer";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromBinary, toBinary, toPem } from "../../pkg/fhir.js";
import { KeyPair, PublicKey, setEngine } from "../../pkg/index.js";
import { root } from "../../scripts/run.mjs";
import { peers } from "../../scripts/tools.mjs";

peers("tests/entries");
const { CompactEncrypt, FlattenedEncrypt, compactDecrypt, importPKCS8, importSPKI } = await import("jose");

const ALG = "RSA-OAEP-256";
const SIZES = [2048, 3072, 4096];
const pems = SIZES.map((size) => readFileSync(join(root, `testdata/rsa/${size}.pem`), "utf8"));
const pairs = await Promise.all(pems.map((pem) => KeyPair.importRsa(pem)));
const [, pair] = pairs;
const text = (bytes) => new TextDecoder().decode(bytes);
const compact = (binary) => Buffer.from(binary.data, "base64").toString("latin1");
const binary = (jwe) => ({ resourceType: "Binary", contentType: "application/jose", data: btoa(jwe) });
const fails = (code, call) => assert.rejects(call, { name: "WardkeyError", code });

/** By jose, for this pair. */
async function made(data, header = {}, key = pair) {
  const recipient = await importSPKI(toPem(key.publicKey), ALG);
  return new CompactEncrypt(data).setProtectedHeader({ alg: ALG, enc: "A256GCM", ...header }).encrypt(recipient);
}

const DOCUMENTS = [new Uint8Array(0), new Uint8Array([0, 255, 1]), new Uint8Array(1_000_003).map((_, at) => at * 7)];

for (const engine of ["webcrypto", "wasm"]) {
  test(`jose opens what Wardkey makes, and Wardkey what jose makes: ${engine}`, async () => {
    setEngine(engine);
    for (const [at, size] of SIZES.entries()) {
      for (const data of DOCUMENTS) {
        const sealed = await toBinary(data, pairs[at].publicKey, {
          allowLegacy: true,
          contentType: "application/pdf",
          keyId: "north",
        });
        assert.deepEqual(Object.keys(sealed), ["resourceType", "contentType", "data"]);
        const opened = await compactDecrypt(compact(sealed), await importPKCS8(pems[at], ALG));
        assert.deepEqual(new Uint8Array(opened.plaintext), data, `${size} ${data.length}`);
        assert.deepEqual(opened.protectedHeader, { alg: ALG, enc: "A256GCM", cty: "pdf", kid: "north" });
        assert.deepEqual(await fromBinary(sealed, pairs[at]), { data, contentType: "application/pdf" });
        const theirs = binary(await made(data, { cty: "text/plain" }, pairs[at]));
        assert.deepEqual(await fromBinary({ ...theirs, id: "7", meta: {} }, pairs[at]), {
          data,
          contentType: "text/plain",
        });
      }
    }
    setEngine("auto");
  });

  test(`whatever doesn't open is the same error: ${engine}`, async () => {
    setEngine(engine);
    const jwe = await made(new TextEncoder().encode("fracture of the left wrist"));
    const parts = jwe.split(".");
    const messages = new Set();
    const closed = (changed, key = pair) =>
      assert.rejects(fromBinary(binary(changed.join(".")), key), (error) => {
        messages.add(error.message);
        assert.equal(error.code, "decryption-failed");
        assert.equal(error.cause, undefined);
        return true;
      });
    for (const part of [1, 2, 3, 4]) {
      const bytes = Buffer.from(parts[part], "base64url");
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const changed = Buffer.from(bytes);
        changed[at] ^= 1;
        await closed(parts.with(part, changed.toString("base64url")));
      }
    }
    await closed(parts, pairs[2]);
    await closed(parts.with(1, ""));
    await closed(parts.with(1, parts[1].slice(0, -4)));
    await closed(parts.with(3, ""));
    const other = Buffer.from(JSON.stringify({ enc: "A256GCM", alg: ALG })).toString("base64url");
    await closed(parts.with(0, other));
    // A key that unwraps, and isn't one of 32 bytes: nobody's content opens by it.
    const { encrypted_key } = await new FlattenedEncrypt(new Uint8Array(1))
      .setProtectedHeader({ alg: ALG, enc: "A128GCM" })
      .encrypt(await importSPKI(toPem(pair.publicKey), ALG));
    await closed(parts.with(1, encrypted_key));
    assert.equal(messages.size, 1, [...messages].join());
    setEngine("auto");
  });
}

test("long documents are encoded in short tasks", async () => {
  const data = new Uint8Array(16 << 20).map((_, at) => at * 7);
  const turns = async (run) => {
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
    }, 1);
    try {
      return [await run(), count];
    } finally {
      clearInterval(timer);
    }
  };
  const [sealed, making] = await turns(() => toBinary(data, pair.publicKey));
  const [opened, opening] = await turns(() => fromBinary(sealed, pair));
  assert(Buffer.from(opened.data).equals(data));
  assert(making >= 8 && opening >= 8, `${making} and ${opening} turns of the event loop`);
  // Padding in the midst, at the end of a piece that is decoded by itself.
  const text = sealed.data;
  await fails("invalid-format", () =>
    fromBinary({ ...sealed, data: `${text.slice(0, (4 << 13) - 1)}=${text.slice(4 << 13)}` }, pair),
  );
});

test("text, views and Blobs; the media type and the key's name are the sender's to give", async () => {
  const { publicKey } = pair;
  for (const data of ["é", new Blob(["é"]), new DataView(new TextEncoder().encode("xéx").buffer, 1, 2)]) {
    const opened = await fromBinary(await toBinary(data, publicKey), pair);
    assert.deepEqual([text(opened.data), Object.keys(opened)], ["é", ["data"]]);
  }
  for (const contentType of [
    "application/pdf",
    "text/plain; charset=utf-8",
    "application/fhir+json",
    "APPLICATION/PDF",
    "image/svg+xml",
  ]) {
    const opened = await fromBinary(await toBinary("x", publicKey, { contentType }), pair);
    assert.equal(opened.contentType.toLowerCase(), contentType.toLowerCase());
  }
  const [first, second] = [await toBinary("x", publicKey), await toBinary("x", publicKey)].map(compact);
  for (const part of [1, 2, 3, 4]) assert.notEqual(first.split(".")[part], second.split(".")[part], "drawn anew");
});

test("a partner reads the public key, and Wardkey the partner's", async () => {
  for (const { publicKey } of pairs) {
    const pem = toPem(publicKey);
    assert.equal(PublicKey.parse(pem).fingerprint, publicKey.fingerprint);
    assert.match(pem, /^-----BEGIN PUBLIC KEY-----\n([\w+/=]{1,64}\n)+-----END PUBLIC KEY-----\n$/);
    await importSPKI(pem, ALG);
  }
  const hybrid = await KeyPair.generate();
  assert.throws(() => toPem(hybrid.publicKey), { code: "key-policy" });
  assert.throws(() => toPem("a key"), { code: "invalid-argument" });
});

test("bad arguments of toBinary", async () => {
  const { publicKey } = pair;
  const hybrid = await KeyPair.generate();
  await fails("key-policy", () => toBinary("x", hybrid.publicKey));
  await fails("key-policy", () => toBinary("x", pairs[0].publicKey));
  await fails("invalid-argument", () => toBinary("x", toPem(publicKey)));
  await fails("invalid-argument", () => toBinary(7, publicKey));
  await fails("invalid-argument", () => toBinary("\ud800", publicKey));
  await fails("limit", () => toBinary(new Uint8Array((64 << 20) + 1), publicKey));
  for (const contentType of [7, "", "pdf", "a/b/c", "a b/c", `a/${"b".repeat(256)}`, "a/é", "a/b\n"]) {
    await fails("invalid-argument", () => toBinary("x", publicKey, { contentType }));
  }
  for (const keyId of [7, "", "\ud800", "k".repeat(257)])
    await fails("invalid-argument", () => toBinary("x", publicKey, { keyId }));
  await fails("invalid-argument", () => toBinary("x", publicKey, { allowLegacy: 1 }));
  await fails("invalid-argument", () => toBinary("x", publicKey, { kid: "x" }));
});

test("what holds no JWE, or another kind of it", async () => {
  const jwe = await made(new Uint8Array(3));
  const parts = jwe.split(".");
  const good = binary(jwe);
  const header = (given) =>
    parts
      .with(0, Buffer.from(typeof given === "string" ? given : JSON.stringify(given)).toString("base64url"))
      .join(".");
  for (const given of [
    undefined,
    null,
    jwe,
    [],
    { ...good, resourceType: "Patient" },
    { contentType: good.contentType, data: good.data },
  ]) {
    await fails("invalid-argument", () => fromBinary(given, pair));
  }
  const none = [
    { ...good, contentType: "application/pdf" },
    { ...good, contentType: undefined },
    { ...good, data: undefined },
    { ...good, data: 7 },
    { ...good, data: "é" },
    { ...good, data: `${good.data}=` },
    ...[
      "",
      "....",
      parts.slice(1).join("."),
      `${jwe}.`,
      parts.with(1, `${parts[1]}=`).join("."),
      parts.with(2, "AAAA").join("."),
      parts.with(4, "AAAA").join("."),
      parts.with(3, "A").join("."),
      header(""),
      header("{"),
      header("[]"),
      header("null"),
      header("\ufeff{}"),
      header({}),
      header({ alg: ALG }),
      header({ alg: ALG, enc: 7 }),
      header({ alg: ALG, enc: "A256GCM", cty: 7 }),
      ...["", "a b", "text/html\r\nSet-Cookie: a=b", "text/html\n", "a/b/c", "text/é", "/", "text/"].map((cty) =>
        header({ alg: ALG, enc: "A256GCM", cty }),
      ),
      header({ alg: ALG, enc: "A256GCM", kid: "k".repeat(8192) }),
    ].map(binary),
  ];
  for (const given of none) await fails("invalid-format", () => fromBinary(given, pair));
  for (const other of [
    { alg: "RSA-OAEP" },
    { alg: "RSA1_5" },
    { alg: "dir" },
    { enc: "A128GCM" },
    { enc: "A256CBC-HS512" },
    { zip: "DEF" },
    { crit: ["exp"] },
  ]) {
    await fails("unsupported-version", () => fromBinary(binary(header({ alg: ALG, enc: "A256GCM", ...other })), pair));
  }
  await fails("limit", () => fromBinary({ ...good, data: "A".repeat((128 << 20) + 4) }, pair));
  await fails("key-policy", async () => fromBinary(good, await KeyPair.generate()));
  await fails("invalid-argument", () => fromBinary(good, pems[1]));
  const freed = await KeyPair.importRsa(pems[1]);
  freed.free();
  await fails("invalid-argument", () => fromBinary(good, freed));
});
