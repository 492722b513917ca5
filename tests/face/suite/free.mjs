import { allFail, equal, FAST, fails, ok, outcome, PASSWORD, pattern, text, USER } from "./tools.mjs";

/** It settles, with a result or invalid-argument. */
async function settles(pkg, running, message) {
  const found = await outcome(pkg, () => running);
  ok(found === "ok" || found === "invalid-argument", `${message}: ${found}`);
}

/** A call that runs while its object is freed: at once, in the next microtasks, in the next tasks. */
async function freedWhile(pkg, make, run, message) {
  const waits = [
    () => undefined,
    () => Promise.resolve(),
    async () => {
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    },
    () => new Promise((resolve) => setTimeout(resolve)),
    () => new Promise((resolve) => setTimeout(resolve, 10)),
  ];
  for (const [at, wait] of waits.entries()) {
    const object = await make();
    const running = run(object);
    running.catch(() => {});
    await wait();
    object.free();
    await settles(pkg, running, `${message}, ${at}`);
    object.free();
  }
  const key = await pkg.DataKey.generate();
  equal(text(key.decryptSync(key.encryptSync("still here"))), "still here", `after ${message}`);
}

export default {
  "free() twice, and dispose": async (pkg) => {
    for (const object of [await pkg.DataKey.generate(), await pkg.KeyPair.generate()]) {
      equal(object.free(), undefined, "free()");
      equal(object.free(), undefined, "again");
      if (Symbol.dispose) equal(object[Symbol.dispose](), undefined, "dispose");
    }
    ok(Symbol.dispose === undefined || typeof pkg.DataKey.prototype[Symbol.dispose] === "function", "disposable");
  },

  "use after free() is invalid-argument": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const pair = await pkg.KeyPair.generate();
    const { publicKey, suite } = pair;
    const { id } = key;
    const sealed = key.encryptSync("x");
    const wrapped = await pkg.wrapKey(key, [publicKey]);
    key.free();
    pair.free();
    equal(key.id, id, "the id stays");
    equal([pair.suite, pair.publicKey === publicKey], [suite, true], "so does the public half");
    await allFail(pkg, [
      ["encrypt", () => key.encrypt("x")],
      ["encrypt, long", () => key.encrypt(new Uint8Array(600_000))],
      ["decrypt", () => key.decrypt(sealed)],
      ["decrypt, long", () => key.decrypt(new Uint8Array(600_000))],
      ["encryptSync", () => key.encryptSync("x")],
      ["decryptSync", () => key.decryptSync(sealed)],
      ["encryptMany", () => key.encryptMany([{ data: "x" }])],
      ["encryptMany of nothing", () => key.encryptMany([])],
      ["decryptMany", () => key.decryptMany([{ sealed }])],
      ["dangerouslyExportRaw", () => key.dangerouslyExportRaw()],
      ["wrapKey", () => pkg.wrapKey(key, [publicKey])],
      ["unwrapKey", () => pkg.unwrapKey(wrapped, pair)],
      ["sealBackup", () => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST })],
    ]);
    const other = await pkg.DataKey.generate();
    ok((await pkg.wrapKey(other, [publicKey])).length > 0, "the public half still serves");
    equal(pkg.PublicKey.parse(String(publicKey)).fingerprint, publicKey.fingerprint, "and has its text");
  },

  "free() while encrypt() runs": async (pkg) => {
    const make = () => pkg.DataKey.generate();
    const data = pattern(4_000_000);
    await freedWhile(pkg, make, (key) => key.encrypt(data), "encrypt");
    await freedWhile(pkg, make, (key) => key.encrypt(new Blob([data])), "encrypt a Blob");
    await freedWhile(pkg, make, (key) => key.encrypt("short"), "encrypt, short");
    await freedWhile(pkg, make, (key) => key.encrypt(new Blob(["short"])), "encrypt a short Blob");
    await freedWhile(pkg, make, (key) => key.encrypt(data, { onProgress: () => key.free() }), "encrypt, in onProgress");
  },

  "free() while decrypt() runs": async (pkg) => {
    const make = () => pkg.DataKey.importRaw(pattern(32));
    const data = pattern(4_000_000);
    const first = await make();
    const [sealed, short] = [await first.encrypt(data), first.encryptSync("short")];
    await freedWhile(pkg, make, (key) => key.decrypt(sealed), "decrypt");
    await freedWhile(pkg, make, (key) => key.decrypt(new Blob([sealed])), "decrypt a Blob");
    await freedWhile(pkg, make, (key) => key.decrypt(short), "decrypt, short");
    await freedWhile(pkg, make, (key) => key.decrypt(new Blob([short])), "decrypt a short Blob");
    await freedWhile(
      pkg,
      make,
      (key) => key.decrypt(sealed, { onProgress: () => key.free() }),
      "decrypt, in onProgress",
    );
    equal(await first.decrypt(sealed), data, "another object of the same key still opens it");
  },

  "free() while many are encrypted and decrypted": async (pkg) => {
    const make = () => pkg.DataKey.importRaw(pattern(32));
    const items = Array(12_000).fill({ data: "x" });
    const messages = (await (await make()).encryptMany(items)).map((sealed) => ({ sealed }));
    await freedWhile(pkg, make, (key) => key.encryptMany(items), "encryptMany");
    await freedWhile(pkg, make, (key) => key.decryptMany(messages), "decryptMany");
    await freedWhile(pkg, make, (key) => key.encryptMany(items, { onProgress: () => key.free() }), "in onProgress");
  },

  "free() while keys are wrapped, unwrapped and backed up": async (pkg) => {
    const pairs = await Promise.all(Array.from({ length: 100 }, () => pkg.KeyPair.generate()));
    const publicKeys = pairs.map((pair) => pair.publicKey);
    await freedWhile(
      pkg,
      () => pkg.DataKey.generate(),
      (key) => pkg.wrapKey(key, publicKeys),
      "wrapKey",
    );
    const wrapped = await pkg.wrapKey(await pkg.DataKey.generate(), publicKeys);
    await freedWhile(
      pkg,
      async () => pairs.pop(),
      (pair) => pkg.unwrapKey(wrapped, pair),
      "unwrapKey",
    );
    const seal = (pair) => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST });
    await freedWhile(pkg, async () => pairs.pop(), seal, "sealBackup");
  },

  "an argument that frees what it is used with": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const kdf = {
      get name() {
        pair.free();
        return FAST.name;
      },
      memoryKiB: FAST.memoryKiB,
      passes: FAST.passes,
    };
    await settles(pkg, pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf }), "sealBackup");
    pair.free();
    await fails(pkg, "invalid-argument", () => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST }), "after it");
    const key = await pkg.DataKey.generate();
    const context = {
      get record() {
        key.free();
        return "1";
      },
    };
    await settles(pkg, key.encrypt("x", { context }), "encrypt");
    await fails(pkg, "invalid-argument", () => key.encrypt("x"), "after it");
  },

  "an argument that throws while it is read leaves the key pair usable": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const thrower = () => {
      throw new Error("mine");
    };
    const kdfs = [
      new Proxy({}, { ownKeys: thrower }),
      new Proxy({}, { get: thrower }),
      {
        get name() {
          return thrower();
        },
      },
    ];
    for (const kdf of kdfs) {
      const failed = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf }).then(
        () => "ok",
        () => "failed",
      );
      equal(failed, "failed", "it is refused");
    }
    ok((await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST })).length > 0, "sealBackup still works");
    pair.free();
  },

  "an onProgress that throws ends its call, no other": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const onProgress = () => {
      throw new Error("mine");
    };
    for (const length of [10, 2_000_000]) {
      const sealed = await key.encrypt(pattern(length));
      const first = await key.encrypt(pattern(length), { onProgress }).catch((error) => error.message);
      const second = await key.decrypt(sealed, { onProgress }).catch((error) => error.message);
      equal([first, second], ["mine", "mine"], "the application's own error");
      equal(await key.decrypt(sealed), pattern(length), "afterwards");
    }
    const many = await key.encryptMany([{ data: "x" }], { onProgress }).catch((error) => error.message);
    equal(many, "mine", "encryptMany");
  },
};
