import { equal, fails, ok, pattern } from "./tools.mjs";

/** The words of the union in a TypeScript source, in its order. */
function union(source) {
  const found = /type KnownErrorCode\s*=([^;]*);/.exec(source);
  ok(found, "the source has a KnownErrorCode");
  return [...found[1].matchAll(/"([^"]+)"/g)].map(([, code]) => code);
}

export default {
  "the core's codes, the contract's and the package's are the same": async (pkg, tools) => {
    await pkg.init();
    const { errorCodes } = await tools.glue();
    const contract = union(await tools.text("npm/contract.d.ts"));
    ok(contract.length > 30, "the contract has many");
    equal(new Set(contract).size, contract.length, "none twice");
    equal(errorCodes(), contract, "core");
    equal(union(await tools.text("npm/errors.ts")), contract, "npm/errors.ts");
    equal(union(await tools.text("pkg/errors.d.ts")), contract, "pkg/errors.d.ts");
  },

  "what a WardkeyError holds": async (pkg) => {
    const plain = new pkg.WardkeyError("network");
    ok(plain instanceof Error && plain instanceof pkg.WardkeyError, "instanceof");
    equal(plain.name, "WardkeyError", "name");
    equal(plain.code, "network", "code");
    equal(plain.message, "network", "message");
    ok(plain.stack.includes("WardkeyError"), "the stack names the class");
    equal("cause" in plain, false, "no cause");
    equal(plain.retryAfterMs, undefined, "retryAfterMs");
    const cause = new Error("below");
    const full = new pkg.WardkeyError("throttled", "later", { cause, retryAfterMs: 0, attemptsLeft: 3 });
    equal(full.message, "later", "message");
    equal(full.cause, cause, "cause");
    equal(full.retryAfterMs, 0, "retryAfterMs");
    equal(full.attemptsLeft, 3, "attemptsLeft");
  },

  "isWardkeyError() across two copies": async (pkg, tools) => {
    const other = await tools.fresh().index();
    ok(other.WardkeyError !== pkg.WardkeyError, "two classes");
    const own = new pkg.WardkeyError("aborted");
    const foreign = new other.WardkeyError("aborted");
    ok(!(foreign instanceof pkg.WardkeyError), "instanceof doesn't see it");
    for (const copy of [pkg, other])
      for (const error of [own, foreign]) ok(copy.isWardkeyError(error), "isWardkeyError");
    const thrown = await other.DataKey.importRaw(pattern(31)).catch((error) => error);
    ok(pkg.isWardkeyError(thrown), "one that a call threw");
  },

  "what isn't a WardkeyError": (pkg) => {
    const alike = Object.assign(new Error("x"), { name: "WardkeyError", code: "network" });
    for (const value of [
      null,
      undefined,
      0,
      "network",
      {},
      [],
      alike,
      new TypeError("x"),
      { code: "network" },
      Symbol("x"),
    ]) {
      equal(pkg.isWardkeyError(value), false, String(value));
    }
    const { proxy: revoked, revoke } = Proxy.revocable(new Error(), {});
    revoke();
    const mute = new Proxy(new Error(), {
      get() {
        throw new Error("mine");
      },
    });
    for (const value of [Object.create(null), () => {}, Object.create(pkg.WardkeyError.prototype), revoked, mute]) {
      equal(pkg.isWardkeyError(value), false, typeof value);
    }
  },

  "messages name no secret and no plaintext": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const canary = "canary-7391";
    const errors = [];
    const note = (run) =>
      Promise.resolve()
        .then(run)
        .catch((error) => errors.push(error));
    const sealed = key.encryptSync(canary);
    sealed[sealed.length - 1] ^= 1;
    await note(() => key.decrypt(sealed));
    await note(() => key.encrypt({ canary }));
    await note(() => key.encrypt(canary, { context: { [canary]: 1 } }));
    await note(() => key.encrypt(`${canary}\ud800`));
    await note(() => key.encrypt(canary, { padding: canary }));
    await note(() => pkg.PublicKey.parse(canary));
    await note(() => pkg.KeyPair.importRsa(canary));
    await note(() => pkg.openBackup(pattern(50), canary, { userId: canary }));
    await note(() => pkg.sealBackup({}, canary, { userId: "x" }));
    equal(errors.length, 9, "all of them failed");
    for (const error of errors) {
      const seen = [error.message, JSON.stringify(error), String(error.cause), error.stack.split("\n")[0]].join();
      ok(!seen.includes(canary), seen);
    }
  },

  "decryption failures look the same": async (pkg) => {
    const [key, other] = [await pkg.DataKey.generate(), await pkg.DataKey.generate()];
    const context = { record: "1" };
    const sealed = key.encryptSync(pattern(40_000), { context });
    const messages = new Set();
    const note = async (run) => {
      const error = await Promise.resolve()
        .then(run)
        .catch((error) => error);
      equal(error.code, "decryption-failed", String(error));
      messages.add(error.message);
    };
    const flip = (at) => sealed.map((byte, index) => (index === at ? byte ^ 1 : byte));
    await note(() => other.decrypt(sealed, { context }));
    await note(() => key.decrypt(sealed));
    for (const at of [6, 25, 50, 100, 20_000, sealed.length - 1]) await note(() => key.decrypt(flip(at), { context }));
    equal(messages.size, 1, [...messages].join(" / "));
  },

  "constructors are not for applications": async (pkg) => {
    for (const name of ["DataKey", "KeyCache", "KeyPair", "PublicKey"]) {
      await fails(pkg, "invalid-argument", () => new pkg[name](), name);
      await fails(pkg, "invalid-argument", () => new pkg[name](Symbol("construct"), {}), name);
      await fails(pkg, "invalid-argument", () => new (class extends pkg[name] {})(), `a subclass of ${name}`);
    }
  },
};
