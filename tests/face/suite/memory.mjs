// C5: what was freed, and what failed, leaves nothing of a key in the module's memory.
import { base64url, equal, FAST, fails, jwkOf, mapStore, ok, PASSWORD, pattern, USER, unhex, utf8 } from "./tools.mjs";

export async function memoryOf(tools) {
  const { initSync } = await tools.glue();
  return initSync({}).memory;
}

/** Which of these byte strings, all of 16 bytes, stand in the memory: one pass, by their first two bytes. */
function present(memory, needles) {
  const bytes = new Uint8Array(memory.buffer);
  const starts = new Map();
  const wanted = new Uint8Array(65_536);
  for (const needle of needles) {
    const start = needle[0] | (needle[1] << 8);
    wanted[start] = 1;
    starts.set(start, [...(starts.get(start) ?? []), needle]);
  }
  const seen = new Set();
  for (let at = 0; at < bytes.length - 15; at += 1) {
    const start = bytes[at] | (bytes[at + 1] << 8);
    if (wanted[start] === 0) continue;
    for (const needle of starts.get(start)) {
      let length = 2;
      while (length < 16 && bytes[at + length] === needle[length]) length += 1;
      if (length === 16) seen.add(needle);
    }
  }
  return seen;
}

/** Which parts of 16 bytes of the secret stand in the memory, in its order or reversed (as numbers are stored). */
export function found(memory, secret) {
  const parts = [];
  for (let at = 0; at + 16 <= secret.length; at += 16) {
    const part = secret.slice(at, at + 16);
    if (new Set(part).size >= 6) parts.push([at, [part, part.slice().reverse()]]);
  }
  ok(parts.length > 0, "there is something to look for");
  const seen = present(
    memory,
    parts.flatMap(([, both]) => both),
  );
  return parts.filter(([, both]) => both.some((part) => seen.has(part))).map(([at]) => at);
}

export function gone(memory, secret, message) {
  equal(found(memory, secret), [], message);
}

const bytesOf = (jwkNumber) => {
  const binary = atob(jwkNumber.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
};

function rsaSecrets(pem) {
  const der = Uint8Array.from(atob(pem.replaceAll(/-----[^-]+-----|\s/g, "")), (char) => char.charCodeAt(0));
  const jwk = jwkOf(der);
  return { der, jwk, secrets: ["p", "q", "d", "dp", "dq", "qi"].map((name) => bytesOf(jwk[name])) };
}

export default {
  "after a trap nothing is left, calls fail with a code, and free() is quiet": async (_pkg, tools) => {
    const copy = tools.fresh();
    const fresh = await copy.index();
    const raw = pattern(32, 1234);
    const key = await fresh.DataKey.importRaw(raw);
    const { call, core } = await copy.core();
    const { initSync, keyIdOf } = await copy.glue();
    const { memory } = initSync({});
    equal(found(memory, raw).length > 0, true, "the key stands in the memory before");
    const sealed = key.encryptSync("record");
    // More than the memory can ever hold.
    await fails(fresh, "unsupported-environment", () => call(() => keyIdOf({ length: 2 ** 32 - 1 })), "the trap");
    gone(memory, raw, "the key");
    await fails(fresh, "unsupported-environment", () => key.decrypt(sealed), "a call after it");
    await fails(fresh, "unsupported-environment", () => fresh.DataKey.generate(), "another");
    key.free();
    key.free();
    await core();
  },

  "a data key": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const raw = crypto.getRandomValues(new Uint8Array(32));
    gone(memory, raw, "before");
    const key = await pkg.DataKey.importRaw(raw);
    ok(found(memory, raw).length === 2, "the search finds it while it is in use");
    const pair = await pkg.KeyPair.generate();
    const sealed = await key.encrypt(pattern(3_000_000), { context: { a: "1" } });
    const short = key.encryptSync("x");
    await key.decrypt(sealed, { context: { a: "1" } });
    await fails(pkg, "decryption-failed", () => key.decrypt(sealed), "the long path");
    await fails(pkg, "decryption-failed", () => key.decrypt(short, { context: { a: "1" } }), "the short one");
    await fails(pkg, "truncated", () => key.decrypt(short.subarray(0, 60)), "cut");
    await fails(pkg, "aborted", () => key.encrypt("x", { signal: AbortSignal.abort() }), "aborted");
    await key.decryptMany(
      await key.encryptMany(Array(100).fill({ data: "x" })).then((all) => all.map((sealed) => ({ sealed }))),
    );
    const wrapped = await pkg.wrapKey(key, [pair.publicKey]);
    const again = await pkg.unwrapKey(wrapped, pair);
    key.dangerouslyExportRaw();
    key.free();
    ok(found(memory, raw).length === 2, "the one that was unwrapped has the same bytes");
    again.free();
    gone(memory, raw, "after free()");
    await fails(pkg, "unwrap-failed", () => pkg.unwrapKey(wrapped, pair, { context: { a: "1" } }), "unwrapKey");
    gone(memory, raw, "after an unwrapKey() that failed");
  },

  "a data key that was refused, or freed while it was used": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const raw = crypto.getRandomValues(new Uint8Array(48));
    await fails(pkg, "invalid-argument", () => pkg.DataKey.importRaw(raw), "48 bytes");
    gone(memory, raw, "refused");
    const key = await pkg.DataKey.importRaw(raw.subarray(0, 32));
    const running = key.encrypt(pattern(5_000_000)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
    key.free();
    await running;
    gone(memory, raw, "freed while it was used");
  },

  "a data key that a stream opens with: once the beginning has come, or the stream has failed": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const key = await pkg.DataKey.importRaw(raw);
    const sealed = await key.encrypt(pattern(100_000));
    const [running, failing] = [key.decryptStream(), key.decryptStream()];
    key.free();
    ok(found(memory, raw).length === 2, "neither has begun");
    await failing.writable.abort();
    const [writer, reader] = [running.writable.getWriter(), running.readable.getReader()];
    writer.write(sealed.subarray(0, 60_000)).catch(() => {});
    ok((await reader.read()).value.length > 0, "it has begun");
    gone(memory, raw, "before it ends");
    await reader.cancel();
  },

  plaintext: async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const canary = crypto.getRandomValues(new Uint8Array(32));
    const key = await pkg.DataKey.generate();
    for (const length of [100, 20_000, 1_000_000]) {
      const data = new Uint8Array(length);
      data.set(canary, length - 40);
      const sealed = await key.encrypt(data);
      equal((await key.decrypt(sealed)).length, length, "decrypt");
      await key.decryptMany([{ sealed }, { sealed: sealed.subarray(1) }]);
      await key.encryptMany([{ data }]);
      sealed[sealed.length - 1] ^= 1;
      await fails(pkg, "decryption-failed", () => key.decrypt(sealed), "changed");
    }
    key.free();
    gone(memory, canary, "after free()");
  },

  "a hybrid key pair and the password of its backup": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const { vectors } = await tools.json("testdata/backup.json");
    const row = vectors.find(({ name }) => name === "argon2id");
    const seed = unhex(row.keys[0].private);
    const pair = await pkg.openBackup(unhex(row.backup), row.password, { userId: row.user_id });
    const inUse = found(memory, seed);
    ok(inUse.length === 2, `the search finds the seed while it is in use: ${inUse}`);
    const wrapped = await pkg.wrapKey(await pkg.DataKey.generate(), [pair.publicKey]);
    (await pkg.unwrapKey(wrapped, pair)).free();
    const password = `correct horse ${base64url(crypto.getRandomValues(new Uint8Array(24)))} ä`;
    const backup = await pkg.sealBackup(pair, password, { userId: USER, kdf: FAST });
    pair.free();
    gone(memory, seed, "the seed after free()");
    gone(memory, utf8(password), "the password after sealBackup()");
    const again = await pkg.openBackup(backup, password, { userId: USER });
    gone(memory, utf8(password), "the password after openBackup()");
    again.free();
    gone(memory, seed, "the seed after free() again");
    await fails(
      pkg,
      "wrong-password",
      () => pkg.openBackup(backup, `${password}!`, { userId: USER }),
      "another password",
    );
    gone(memory, utf8(password), "the password after a failure");
    const changed = backup.slice();
    changed[changed.length - 1] ^= 1;
    await fails(pkg, "decryption-failed", () => pkg.openBackup(changed, password, { userId: USER }), "changed");
    gone(memory, seed, "the seed after a failure");
  },

  "an RSA key pair": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const pem = await tools.text("testdata/rsa/3072.pem");
    const { der, jwk, secrets } = rsaSecrets(pem);
    const [p, q] = secrets;
    const inUse = await pkg.KeyPair.importRsa(pem);
    ok(found(memory, p).length > 0 && found(memory, q).length > 0, "the search finds the primes while they are in use");
    inUse.free();
    for (const source of [pem, der, jwk]) {
      const pair = await pkg.KeyPair.importRsa(source);
      const key = await pkg.DataKey.generate();
      const wrapped = await pkg.wrapKey(key, [pair.publicKey]);
      (await pkg.unwrapKey(wrapped, pair)).free();
      await fails(pkg, "unwrap-failed", () => pkg.unwrapKey(wrapped, pair, { context: { a: "1" } }), "unwrapKey");
      const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST });
      (await pkg.openBackup(backup, PASSWORD, { userId: USER })).free();
      pair.free();
    }
    for (const [at, secret] of secrets.entries()) gone(memory, secret, `number ${at}`);
    gone(memory, der.subarray(448), "the DER");
    const encoded = utf8(pem.replaceAll(/-----[^-]+-----|\s/g, ""));
    gone(memory, encoded.subarray(700), "the PEM");
  },

  "an RSA key that was refused": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const { der, jwk, secrets } = rsaSecrets(await tools.text("testdata/rsa/3072.pem"));
    const other = rsaSecrets(await tools.text("testdata/rsa/4096.pem"));
    await fails(pkg, "key-mismatch", () => pkg.KeyPair.importRsa({ ...jwk, d: other.jwk.dp }), "another d");
    const cut = await pkg.KeyPair.importRsa(der.subarray(0, der.length - 3)).catch((error) => error.code);
    ok(cut === "invalid-format" || cut === "key-policy", `cut: ${cut}`);
    for (const [at, secret] of secrets.entries()) gone(memory, secret, `number ${at}`);
    gone(memory, der.subarray(448), "the DER");
  },

  "the keys of a cache, and the key that seals it": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const [raw, sealing] = [crypto.getRandomValues(new Uint8Array(32)), crypto.getRandomValues(new Uint8Array(32))];
    const store = mapStore();
    for (const options of [{}, { store }]) {
      const sealedBy = await pkg.DataKey.importRaw(sealing);
      const open = () => pkg.KeyCache.open({ name: "keys", userId: "alice", sealedBy, ...options });
      let cache = await open();
      const key = await pkg.DataKey.importRaw(raw);
      await cache.set([key]);
      key.free();
      ok(found(memory, raw).length === 2, "the search finds it in the cache");
      await cache.delete([key.id]);
      gone(memory, raw, "deleted");
      const again = await pkg.DataKey.importRaw(raw);
      await cache.set([again]);
      again.free();
      cache.close();
      gone(memory, raw, "closed");
      cache = await open();
      gone(memory, raw, "sealed, and nobody asked");
      (await cache.get(key.id))?.free();
      cache.close();
      gone(memory, raw, "given out, freed, closed");
      sealedBy.free();
      gone(memory, sealing, "the key that seals");
    }
  },

  "the memory doesn't grow with use": async (pkg, tools) => {
    await pkg.init();
    const memory = await memoryOf(tools);
    const data = pattern(3_000_000);
    const round = async () => {
      const key = await pkg.DataKey.generate();
      await key.decrypt(await key.encrypt(data));
      await key.decrypt(new Uint8Array(600_000)).catch(() => {});
      key.encryptSync("x", { context: { a: "1" } });
      const pair = await pkg.KeyPair.generate();
      (await pkg.unwrapKey(await pkg.wrapKey(key, [pair.publicKey]), pair)).free();
      pair.free();
      key.free();
    };
    for (let count = 0; count < 3; count += 1) await round();
    const before = memory.buffer.byteLength;
    for (let count = 0; count < 20; count += 1) await round();
    equal(memory.buffer.byteLength, before, "bytes");
  },
  "what is longer than any is refused before it is copied": async (pkg, tools) => {
    const memory = await memoryOf(tools);
    const key = await pkg.DataKey.generate();
    const pair = await pkg.KeyPair.generate();
    const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST });
    const before = memory.buffer.byteLength;
    const [long, bytes] = ["\u4e2d".repeat(32 << 20), new Uint8Array(64 << 20)];
    for (const [code, run] of [
      ["limit", () => pkg.PublicKey.parse(long)],
      ["limit", () => key.encrypt("x", { context: { long } })],
      ["limit", () => key.encryptMany([{ data: "x", context: { long } }])],
      ["invalid-format", () => pkg.KeyPair.importRsa(`-----BEGIN PRIVATE KEY-----${long}`)],
      ["invalid-format", () => pkg.KeyPair.importRsa(bytes)],
      ["password-format", () => pkg.sealBackup(pair, long, { userId: USER, kdf: FAST })],
      ["invalid-argument", () => pkg.openBackup(backup, PASSWORD, { userId: long })],
      ["invalid-argument", () => pkg.KeyCache.open({ name: long, userId: USER })],
    ])
      await fails(pkg, code, run);
    const [{ error }] = await key.decryptMany([{ sealed: key.encryptSync("x"), context: { long } }]);
    equal(error.code, "limit", "an item's context");
    equal(memory.buffer.byteLength, before, "bytes of the module's memory");
  },
};
