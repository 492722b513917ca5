import { allFail, base64url, equal, fails, ok, owns, pattern, text, utf8 } from "./tools.mjs";

const LENGTHS = [0, 1, 16, 255, 256, 16_383, 16_384, 16_385, 32_768, 100_001];
const HEADER = 22;

/** SPEC, section 4.2. */
function padded(length) {
  const x = length + 8;
  const e = Math.floor(Math.log2(x));
  const s = Math.floor(Math.log2(e)) + 1;
  const m = 2 ** (e - s) - 1;
  return Math.max(256, Math.ceil(x / (m + 1)) * (m + 1));
}

const sealedLength = (length) => HEADER + 56 + length + 16 * (Math.floor(length / 16_384) + 1);

export default {
  "what is encrypted is decrypted, whichever call did either": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const length of LENGTHS) {
      const data = pattern(length);
      for (const padding of [undefined, "none", "padme"]) {
        const options = { padding, context: { record: "4567" } };
        const messages = [await key.encrypt(data, options), key.encryptSync(data, options)];
        for (const sealed of messages) {
          owns(sealed, "sealed");
          equal(sealed.length, sealedLength(padding === "padme" ? padded(length) : length), `${padding} ${length}`);
          for (const opened of [await key.decrypt(sealed, options), key.decryptSync(sealed, options)]) {
            owns(opened, "opened");
            equal(opened, data, `${padding} ${length}`);
          }
        }
      }
    }
  },

  "F8: the padded length depends on the bucket only": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const length = async (size) => (await key.encrypt(pattern(size), { padding: "padme" })).length;
    equal(await length(0), await length(248), "the least");
    equal(await length(9000), await length(9008), "a bucket");
    ok((await length(9000)) < (await length(12_000)), "another bucket");
  },

  "text is UTF-8, as it is": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const string of ["", "é", "e\u0301", "\ufeffBOM", "\u0000", "👩‍⚕️ 漢字", "x".repeat(20_000)]) {
      equal(await key.decrypt(await key.encrypt(string)), utf8(string), string.slice(0, 20));
      equal(text(key.decryptSync(key.encryptSync(string))), string, string.slice(0, 20));
    }
  },

  "lone surrogates are invalid-argument, in data and contexts": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = key.encryptSync("x");
    const cases = ["\ud800", "a\udfff", "\ude00\ud83d", `${"x".repeat(600_000)}\ud83d`].flatMap((lone) => [
      ["encrypt", () => key.encrypt(lone)],
      ["encryptSync", () => key.encryptSync(lone)],
      ["encryptMany", () => key.encryptMany([{ data: "x" }, { data: lone }])],
      ["a context key", () => key.encrypt("x", { context: { [lone]: "x" } })],
      ["a context value", () => key.encryptSync("x", { context: { x: lone } })],
      ["a context to decrypt with", () => key.decrypt(sealed, { context: { x: lone } })],
      ["a context of an item", () => key.encryptMany([{ data: "x", context: { x: lone } }])],
      ["PublicKey.parse", () => pkg.PublicKey.parse(lone)],
      ["importRsa", () => pkg.KeyPair.importRsa(lone)],
    ]);
    await allFail(pkg, cases);
    const [result] = await key.decryptMany([{ sealed, context: { x: "\ud800" } }]);
    equal(result.error.code, "invalid-argument", "decryptMany");
  },

  "a Blob": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const length of [0, 5, 100_000]) {
      const data = pattern(length);
      const sealed = await key.encrypt(new Blob([data.subarray(0, 3), data.subarray(3)]));
      owns(sealed, "sealed");
      equal(await key.decrypt(new Blob([sealed])), data, `${length}`);
      const file = new File([sealed], "x").slice(0, sealed.length);
      equal(await key.decrypt(file), data, "a slice of a File");
    }
    await fails(pkg, "invalid-argument", () => key.encryptSync(new Blob(["x"])), "encryptSync");
    await fails(pkg, "invalid-argument", () => key.decryptSync(new Blob(["x"])), "decryptSync");
  },

  "contexts: order doesn't matter, entries do": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = await key.encrypt("x", { context: { a: "1", b: "2", "": "3" } });
    equal(text(await key.decrypt(sealed, { context: { "": "3", b: "2", a: "1" } })), "x", "another order");
    const bare = Object.assign(Object.create(null), { a: "1", b: "2", "": "3" });
    equal(text(await key.decrypt(sealed, { context: bare })), "x", "without a prototype");
    const others = [
      undefined,
      {},
      { a: "1", b: "2" },
      { a: "1", b: "2", "": "3", c: "" },
      { a: "2", b: "1", "": "3" },
      { a: "1", B: "2", "": "3" },
    ];
    for (const context of others) await fails(pkg, "decryption-failed", () => key.decrypt(sealed, { context }));
    const none = await key.encrypt("x");
    for (const context of [undefined, {}]) equal(text(await key.decrypt(none, { context })), "x", "none");
    const proto = await key.encrypt("x", { context: JSON.parse('{"__proto__":"1","constructor":"2"}') });
    await fails(pkg, "decryption-failed", () => key.decrypt(proto), "names of Object.prototype");
    const decomposed = await key.encrypt("x", { context: { name: "e\u0301" } });
    await fails(
      pkg,
      "decryption-failed",
      () => key.decrypt(decomposed, { context: { name: "\u00e9" } }),
      "nothing is normalised",
    );
  },

  "a context over 64 KiB is limit": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const context = { x: "y".repeat(65_536) };
    const pair = await pkg.KeyPair.generate();
    const wrapped = await pkg.wrapKey(key, [pair.publicKey]);
    await allFail(pkg, [
      ["encrypt", () => key.encrypt("x", { context }), "limit"],
      ["encryptSync", () => key.encryptSync("x", { context }), "limit"],
      ["encrypt, long", () => key.encrypt(new Uint8Array(600_000), { context }), "limit"],
      ["encryptMany", () => key.encryptMany([{ data: "x", context }]), "limit"],
      ["decrypt", () => key.decrypt(key.encryptSync("x"), { context }), "limit"],
      ["wrapKey", () => pkg.wrapKey(key, [pair.publicKey], { context }), "limit"],
      ["unwrapKey", () => pkg.unwrapKey(wrapped, pair, { context }), "limit"],
    ]);
    const [result] = await key.decryptMany([{ sealed: key.encryptSync("x"), context }]);
    equal(result.error.code, "limit", "decryptMany");
    const most = { x: "y".repeat(65_530) };
    equal(text(await key.decrypt(await key.encrypt("x", { context: most }), { context: most })), "x", "65,536 bytes");
  },

  "raw keys": async (pkg) => {
    const raw = pattern(32);
    const key = await pkg.DataKey.importRaw(raw);
    raw.fill(0);
    owns(key.dangerouslyExportRaw(), "raw");
    equal(key.dangerouslyExportRaw(), pattern(32), "raw");
    key.dangerouslyExportRaw().fill(0);
    equal(key.dangerouslyExportRaw(), pattern(32), "what comes out is a copy");
    equal(key.id, (await pkg.DataKey.importRaw(pattern(32))).id, "one id");
    ok(/^[\w-]{22}$/.test(key.id), key.id);
    const lengths = [0, 1, 16, 31, 33, 64].map((length) => [
      `${length} bytes`,
      () => pkg.DataKey.importRaw(pattern(length)),
    ]);
    await allFail(pkg, lengths);
    const ids = new Set();
    for (let count = 0; count < 50; count += 1) ids.add((await pkg.DataKey.generate()).id);
    equal(ids.size, 50, "generated keys differ");
  },

  "members can't be replaced by accident, and JSON shows no key": async (pkg) => {
    const key = await pkg.DataKey.importRaw(pattern(32));
    equal(JSON.stringify(key), JSON.stringify({ id: key.id }), "JSON");
    equal(Object.keys(key), ["id"], "keys");
  },

  "keyIdOf()": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const length of [0, 20_000, 600_000]) {
      const sealed = await key.encrypt(new Uint8Array(length));
      equal(pkg.keyIdOf(sealed), key.id, `${length}`);
      equal(pkg.keyIdOf(sealed.subarray(0, 100)), key.id, "the beginning is enough");
      equal(base64url(sealed.subarray(6, HEADER)), key.id, "as SPEC says");
    }
    const sealed = key.encryptSync("x");
    const changed = (at, value) => sealed.map((byte, index) => (index === at ? value : byte));
    await allFail(pkg, [
      ["nothing", () => pkg.keyIdOf(new Uint8Array()), "invalid-format"],
      ["three bytes", () => pkg.keyIdOf(sealed.subarray(0, 3)), "invalid-format"],
      ["magic", () => pkg.keyIdOf(changed(2, 0)), "invalid-format"],
      ["magic alone", () => pkg.keyIdOf(sealed.subarray(0, 4)), "truncated"],
      ["version", () => pkg.keyIdOf(changed(4, 2)), "unsupported-version"],
      ["flag", () => pkg.keyIdOf(changed(5, 8)), "unsupported-version"],
      ["signed without a session", () => pkg.keyIdOf(changed(5, 2)), "invalid-format"],
      ["cut", () => pkg.keyIdOf(sealed.subarray(0, 21)), "truncated"],
    ]);
  },

  "F1: what is changed doesn't open": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = key.encryptSync(pattern(50));
    const expected = (at, bit) => {
      if (at < 4) return ["invalid-format"];
      if (at === 4) return ["unsupported-version"];
      if (at === 5)
        return (
          [["decryption-failed"], ["invalid-format"], ["truncated", "decryption-failed"]][bit] ?? [
            "unsupported-version",
          ]
        );
      return ["decryption-failed"];
    };
    for (let at = 0; at < sealed.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = sealed.slice();
        changed[at] ^= 1 << bit;
        const found = await key.decrypt(changed).then(
          () => "ok",
          (error) => error.code,
        );
        ok(expected(at, bit).includes(found), `bit ${bit} of byte ${at}: ${found}`);
      }
    }
    for (let length = 0; length < sealed.length; length += 1) {
      const codes = length < 4 ? ["invalid-format"] : ["truncated", "decryption-failed"];
      const found = await key.decrypt(sealed.subarray(0, length)).catch((error) => error.code);
      ok(codes.includes(found), `cut to ${length}: ${found}`);
    }
    await fails(pkg, "decryption-failed", () => key.decrypt(Uint8Array.of(...sealed, 0)), "a byte more");
  },

  "F2, F3: another key; chunks cut, swapped, doubled, of another message": async (pkg) => {
    const [key, other] = [await pkg.DataKey.generate(), await pkg.DataKey.generate()];
    const sealed = await key.encrypt(pattern(40_000));
    const foreign = await key.encrypt(pattern(40_000));
    const [chunk, start] = [16_400, HEADER + 56];
    const part = (bytes, from, to) => Array.from(bytes.subarray(from, to));
    const join = (...parts) => Uint8Array.from(parts.flat());
    const head = part(sealed, 0, start);
    const chunks = [0, 1, 2].map((index) => part(sealed, start + index * chunk, start + (index + 1) * chunk));
    await allFail(pkg, [
      ["another key", () => other.decrypt(sealed), "decryption-failed"],
      ["swapped", () => key.decrypt(join(head, chunks[1], chunks[0], chunks[2])), "decryption-failed"],
      ["doubled", () => key.decrypt(join(head, chunks[0], chunks[0], chunks[1], chunks[2])), "decryption-failed"],
      ["the last one missing", () => key.decrypt(join(head, chunks[0], chunks[1])), "truncated"],
      ["one missing", () => key.decrypt(join(head, chunks[0], chunks[2])), "decryption-failed"],
      [
        "of another message",
        () => key.decrypt(join(head, chunks[0], part(foreign, start + chunk, start + 2 * chunk), chunks[2])),
        "decryption-failed",
      ],
      [
        "the key id of another",
        () => key.decrypt(join(part(sealed, 0, 6), part(other.encryptSync("x"), 6, HEADER), part(sealed, HEADER))),
        "decryption-failed",
      ],
    ]);
  },

  "F7: no two messages are alike": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const seen = new Set();
    for (let count = 0; count < 100; count += 1) seen.add(base64url(key.encryptSync("x").subarray(HEADER)));
    for (const sealed of await key.encryptMany(Array(100).fill({ data: "x" })))
      seen.add(base64url(sealed.subarray(HEADER)));
    equal(seen.size, 200, "messages");
  },

  "progress and abort of short data": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const seen = [];
    const onProgress = (progress) => seen.push(progress);
    const sealed = await key.encrypt(pattern(100), { onProgress });
    key.encryptSync(pattern(100), { onProgress });
    equal(seen, Array(2).fill({ bytesProcessed: 100, totalBytes: 100 }), "encrypt");
    seen.length = 0;
    await key.decrypt(sealed, { onProgress });
    key.decryptSync(sealed, { onProgress });
    equal(seen, Array(2).fill({ bytesProcessed: sealed.length, totalBytes: sealed.length }), "decrypt");
    const signal = AbortSignal.abort(new Error("because"));
    await allFail(pkg, [
      ["encrypt", () => key.encrypt("x", { signal }), "aborted"],
      ["decrypt", () => key.decrypt(sealed, { signal }), "aborted"],
      ["encryptSync", () => key.encryptSync("x", { signal }), "aborted"],
      ["decryptSync", () => key.decryptSync(sealed, { signal }), "aborted"],
      ["encryptMany", () => key.encryptMany([{ data: "x" }], { signal }), "aborted"],
      ["decryptMany", () => key.decryptMany([{ sealed }], { signal }), "aborted"],
      ["encryptMany of nothing", () => key.encryptMany([], { signal }), "aborted"],
    ]);
    const error = await key.encrypt("x", { signal }).catch((error) => error);
    equal(error.cause.message, "because", "the reason is the cause");
    const controller = new AbortController();
    const running = key.encrypt(new Blob([pattern(1000)]), { signal: controller.signal });
    controller.abort();
    await fails(pkg, "aborted", () => running, "while it runs");
  },
};
