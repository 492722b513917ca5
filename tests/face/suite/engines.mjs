// Either engine does what the other does: RSA and PBKDF2 by WebCrypto, or by the module.
import { allFail, equal, FAST, fails, ok, outcome, PASSWORD, pattern, soonest, USER, unhex } from "./tools.mjs";

const PBKDF2 = { name: "pbkdf2-sha256" };
/** On a page of plain http there is no WebCrypto. */
const engines = () => (crypto.subtle ? ["webcrypto", "wasm", "auto"] : ["wasm", "auto"]);

/** Runs with an engine, and leaves the default behind. */
async function under(pkg, engine, work) {
  pkg.setEngine(engine);
  try {
    return await work();
  } finally {
    pkg.setEngine("auto");
  }
}

/** Every ordered pair of two engines, the same one included. */
const pairs = () => engines().flatMap((first) => engines().map((second) => [first, second]));

const rsa = async (pkg, tools, bits) => pkg.KeyPair.importRsa(await tools.text(`testdata/rsa/${bits}.pem`));

/** Code and sentence of what a call throws. */
async function failure(run) {
  try {
    await run();
  } catch ({ code, message, cause }) {
    return `${code}: ${message}${cause === undefined ? "" : " (with a cause)"}`;
  }
  return "ok";
}

export default {
  "a key that begins with zeros": async (pkg, tools) => {
    const pair = await rsa(pkg, tools, "3072");
    for (const zeros of [1, 5, 31]) {
      const raw = new Uint8Array(32).fill(7, zeros);
      const wrapped = await pkg.wrapKey(await pkg.DataKey.importRaw(raw), [pair.publicKey]);
      for (const engine of engines()) {
        const opened = await under(pkg, engine, () => pkg.unwrapKey(wrapped, pair));
        equal(opened.dangerouslyExportRaw(), raw, `${zeros} zeros, ${engine}`);
      }
    }
  },

  "setEngine() takes an engine that is there": async (pkg) => {
    const nonsense = [
      undefined,
      null,
      "",
      "WASM",
      "native",
      0,
      1,
      true,
      {},
      [],
      ["wasm"],
      new String("wasm"),
      Symbol("x"),
    ];
    await allFail(
      pkg,
      nonsense.map((engine, at) => [`engine ${at}`, () => pkg.setEngine(engine)]),
    );
    const found = await outcome(pkg, () => pkg.setEngine("webcrypto"));
    equal(found, crypto.subtle ? "ok" : "unsupported-environment", "webcrypto");
    for (const engine of ["wasm", "auto"]) equal(pkg.setEngine(engine), undefined, engine);
  },

  "each unwraps what was wrapped under the other": async (pkg, tools) => {
    const context = { record: "4567" };
    const suites = [await pkg.KeyPair.generate()];
    for (const bits of ["2048", "3072", "4096"]) suites.push(await rsa(pkg, tools, bits));
    for (const pair of suites) {
      for (const [first, second] of pairs()) {
        const key = await pkg.DataKey.generate();
        const wrap = () => pkg.wrapKey(key, [pair.publicKey], { context, allowLegacy: true });
        const wrapped = await under(pkg, first, wrap);
        const opened = await under(pkg, second, () => pkg.unwrapKey(wrapped, pair, { context }));
        equal(opened.dangerouslyExportRaw(), key.dangerouslyExportRaw(), `${pair.suite}, ${first}, ${second}`);
      }
    }
  },

  "each opens the backup that was sealed under the other": async (pkg, tools) => {
    const suites = [
      [await pkg.KeyPair.generate(), [FAST, PBKDF2]],
      [await rsa(pkg, tools, "3072"), [FAST]],
    ];
    for (const [pair, kdfs] of suites) {
      for (const kdf of kdfs) {
        for (const [first, second] of pairs().filter(([first, second]) => first !== second && second !== "auto")) {
          const backup = await under(pkg, first, () => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf }));
          const opened = await under(pkg, second, () => pkg.openBackup(backup, PASSWORD, { userId: USER }));
          equal(opened.publicKey.fingerprint, pair.publicKey.fingerprint, `${kdf.name}, ${first}, ${second}`);
          const wrong = await under(pkg, second, () =>
            outcome(pkg, () => pkg.openBackup(backup, `${PASSWORD}.`, { userId: USER })),
          );
          equal(wrong, "wrong-password", `${kdf.name}, ${first}, ${second}`);
        }
      }
    }
  },

  "RSA that one generated is the other's to use": async (pkg) => {
    for (const [first, second] of pairs().filter(([first, second]) => first !== second && second !== "auto")) {
      const pair = await under(pkg, first, () => pkg.KeyPair.generate({ suite: "rsa-3072" }));
      const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST });
      const key = await pkg.DataKey.generate();
      const wrapped = await pkg.wrapKey(key, [pair.publicKey]);
      const restored = await pkg.openBackup(backup, PASSWORD, { userId: USER });
      equal(restored.suite, "rsa-3072", "suite");
      for (const holder of [pair, restored]) {
        const opened = await under(pkg, second, () => pkg.unwrapKey(wrapped, holder));
        equal(opened.id, key.id, `${first}, ${second}`);
      }
    }
  },

  "W1: Wycheproof's rows of RSA-OAEP": async (pkg, tools) => {
    const { groups } = await tools.json("testdata/oaep.json");
    const { unwrapRsa } = await tools.internal("rsa");
    equal(
      groups.map(({ bits }) => bits),
      [2048, 3072, 4096],
      "sizes",
    );
    // "auto" is one of these two.
    for (const engine of engines().filter((engine) => engine !== "auto")) {
      const unlike = [];
      let [valid, invalid] = [0, 0];
      for (const { bits, pkcs8, rows } of groups) {
        const holder = pkg.KeyPair.holder(await pkg.KeyPair.importRsa(unhex(pkcs8)));
        for (const { name, label, ciphertext, plaintext } of rows) {
          const open = () => unwrapRsa(holder, unhex(label), unhex(ciphertext));
          if (plaintext === null) {
            const found = await under(pkg, engine, () => failure(open));
            if (found !== "unwrap-failed: the wrapped key does not open") unlike.push(`${bits} ${name}: ${found}`);
            invalid += 1;
          } else {
            equal(await under(pkg, engine, open), unhex(plaintext), `${engine}, ${bits} ${name}`);
            valid += 1;
          }
        }
      }
      equal(unlike, [], `${engine}, of ${invalid}`);
      ok(valid > 40 && invalid > 40, `${valid} valid, ${invalid} invalid rows`);
    }
  },

  "W1: whatever is wrong with a stanza looks alike under each": async (pkg, tools) => {
    for (const bits of ["3072", "4096"]) {
      const pair = await rsa(pkg, tools, bits);
      const wrapped = await pkg.wrapKey(await pkg.DataKey.generate(), [pair.publicKey]);
      const changed = (at, value) => {
        const bytes = wrapped.slice();
        bytes[bytes.length - at] ^= value;
        return bytes;
      };
      const cases = [
        [wrapped, { a: "1" }],
        [changed(1, 1), {}],
        [changed(200, 0x80), {}],
        // Above the modulus.
        [wrapped.map((byte, at) => (at >= wrapped.length - bits / 8 ? 0xff : byte)), {}],
        [wrapped.map((byte, at) => (at >= wrapped.length - bits / 8 ? 0 : byte)), {}],
      ];
      const found = new Set();
      for (const engine of engines()) {
        for (const [bytes, context] of cases) {
          found.add(await under(pkg, engine, () => failure(() => pkg.unwrapKey(bytes, pair, { context }))));
        }
      }
      equal([...found], ["unwrap-failed: the wrapped key does not open"], bits);
    }
  },

  "what is malformed is seen before any engine": async (pkg, tools) => {
    const pair = await rsa(pkg, tools, "3072");
    const other = await rsa(pkg, tools, "4096");
    const wrapped = await pkg.wrapKey(await pkg.DataKey.generate(), [pair.publicKey]);
    for (const engine of engines()) {
      await under(pkg, engine, async () => {
        await fails(pkg, "invalid-format", () => pkg.unwrapKey(pattern(100), pair), engine);
        await fails(pkg, "not-a-recipient", () => pkg.unwrapKey(wrapped, other), engine);
      });
    }
  },

  "WebCrypto's key is not extractable, and lives until free()": async (pkg, tools) => {
    const pair = await rsa(pkg, tools, "3072");
    const holder = pkg.KeyPair.holder(pair);
    const { isStrict } = await tools.internal("oaep-check");
    if (crypto.subtle && !(await isStrict(crypto.subtle))) {
      equal(await holder.native(crypto.subtle), undefined, "a WebCrypto that takes any padding is not used");
      ok(/AppleWebKit/.test(navigator.userAgent) && !/Chrom/.test(navigator.userAgent), "only WebKitGTK's is known to");
    } else if (crypto.subtle) {
      const key = await holder.native(crypto.subtle);
      equal([key.extractable, key.type, key.usages], [false, "private", ["decrypt"]], "the key");
      ok(key === (await holder.native(crypto.subtle)), "imported once");
    }
    await fails(pkg, "invalid-argument", () => pkg.KeyPair.holder(pair.publicKey), "not a KeyPair");
    pair.free();
    await fails(pkg, "invalid-argument", async () => holder.native(crypto.subtle), "after free()");
    await fails(pkg, "invalid-argument", () => holder.core(), "after free()");
  },

  "nothing is derived that would be refused": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: PBKDF2 });
    const costly = { name: "pbkdf2-sha256", iterations: 5_000_000 };
    for (const engine of engines()) {
      await under(pkg, engine, async () => {
        const refused = () =>
          allFail(pkg, [
            ["another user", () => pkg.openBackup(backup, PASSWORD, { userId: "eve" }), "key-mismatch"],
            ["no password", () => pkg.openBackup(backup, "", { userId: USER }), "password-format"],
            ["cut", () => pkg.openBackup(backup.subarray(0, 90), PASSWORD, { userId: USER }), "invalid-format"],
            ["seal: no user", () => pkg.sealBackup(pair, PASSWORD, { userId: "", kdf: costly })],
            ["seal: no password", () => pkg.sealBackup(pair, "", { userId: USER, kdf: costly }), "password-format"],
          ]);
        ok((await soonest(refused)) < 1000, engine);
      });
    }
  },
};
