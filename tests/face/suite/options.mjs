// Options and items have no members but those that are known: a misspelt one would lose a context or a padding.
import { given } from "./arguments.mjs";
import { allFail, equal, FAST, outcome, PASSWORD, pattern, text, USER } from "./tools.mjs";

const DATA = pattern(64, 3);

export default {
  "options that are none": async (pkg) => {
    const { key, pair, publicKey, sealed, wrapped } = await given(pkg);
    const calls = {
      encrypt: (options) => key.encrypt("x", options),
      encryptSync: (options) => key.encryptSync("x", options),
      decrypt: (options) => key.decrypt(sealed, options),
      decryptSync: (options) => key.decryptSync(sealed, options),
      encryptMany: (options) => key.encryptMany([{ data: "x" }], options),
      decryptMany: (options) => key.decryptMany([{ sealed }], options),
      wrapKey: (options) => pkg.wrapKey(key, [publicKey], options),
      unwrapKey: (options) => pkg.unwrapKey(wrapped, pair, options),
      generate: (options) => pkg.KeyPair.generate(options),
    };
    const cases = [];
    for (const [name, call] of Object.entries(calls)) {
      for (const value of [null, 0, 1, true, "", "x", 1n, Symbol("x"), () => {}, class {}])
        cases.push([`${name} ${String(value)}`, () => call(value)]);
    }
    await allFail(pkg, cases);
    for (const call of Object.values(calls))
      for (const value of [undefined, {}, Object.create(null)])
        equal(await outcome(pkg, () => call(value)), "ok", "options");
  },

  "signal, onProgress, padding": async (pkg) => {
    const { key, sealed } = await given(pkg);
    const calls = {
      encrypt: (options) => key.encrypt("x", options),
      encryptSync: (options) => key.encryptSync("x", options),
      decrypt: (options) => key.decrypt(sealed, options),
      decryptSync: (options) => key.decryptSync(sealed, options),
      encryptMany: (options) => key.encryptMany([{ data: "x" }], options),
      decryptMany: (options) => key.decryptMany([{ sealed }], options),
    };
    const cases = [];
    for (const [name, call] of Object.entries(calls)) {
      for (const signal of [null, 0, true, "x", {}, [], () => {}, new AbortController(), { aborted: false }])
        cases.push([`${name}, signal ${String(signal)}`, () => call({ signal })]);
      for (const onProgress of [null, 0, true, "x", {}, []])
        cases.push([`${name}, onProgress ${String(onProgress)}`, () => call({ onProgress })]);
      if (name.startsWith("decrypt")) continue;
      for (const padding of [null, 0, true, false, "", "Padme", "PADME", "none ", {}, ["padme"], new String("padme")])
        cases.push([`${name}, padding ${String(padding)}`, () => call({ padding })]);
    }
    await allFail(pkg, cases);
  },

  "names that no option has, so that none is lost": async (pkg) => {
    const { key, pair, publicKey, sealed, wrapped, backup } = await given(pkg);
    const seal = { userId: USER, kdf: FAST };
    const calls = {
      encrypt: (more) => key.encrypt("x", more),
      encryptSync: (more) => key.encryptSync("x", more),
      decrypt: (more) => key.decrypt(sealed, more),
      decryptSync: (more) => key.decryptSync(sealed, more),
      encryptMany: (more) => key.encryptMany([{ data: "x" }], more),
      decryptMany: (more) => key.decryptMany([{ sealed }], more),
      "encryptMany, an item": (more) => key.encryptMany([{ data: "x", ...more }]),
      generate: (more) => pkg.KeyPair.generate(more),
      wrapKey: (more) => pkg.wrapKey(key, [publicKey], more),
      unwrapKey: (more) => pkg.unwrapKey(wrapped, pair, more),
      sealBackup: (more) => pkg.sealBackup(pair, PASSWORD, { ...seal, ...more }),
      openBackup: (more) => pkg.openBackup(backup, PASSWORD, { userId: USER, ...more }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const item = name.endsWith("item");
      for (const member of ["contxt", "Context", "pading", "siute", "record", "", "0", "allowlegacy"]) {
        for (const value of ["canary-7391", undefined]) {
          const error = await Promise.resolve()
            .then(() => call({ [member]: value }))
            .catch((error) => error);
          const expected = `unknown ${item ? "item member" : "option"} '${member}'`;
          equal([error.code, error.message], ["invalid-argument", expected], name);
        }
      }
    }
    const misplaced = [
      ["encrypt, as its context", () => key.encrypt("x", { record: "4567" })],
      ["encryptMany, a context for all", () => key.encryptMany([{ data: "x" }], { context: { record: "1" } })],
      ["decryptMany, a context for all", () => key.decryptMany([{ sealed }], { context: { record: "1" } })],
      ["encryptMany, contexts", () => key.encryptMany([{ data: "x", contexts: { record: "1" } }])],
      ["encryptMany, padding of an item", () => key.encryptMany([{ data: "x", padding: "padme" }])],
      ["wrapKey, as its context", () => pkg.wrapKey(key, [publicKey], { record: "1" })],
      ["wrapKey, a signal", () => pkg.wrapKey(key, [publicKey], { signal: AbortSignal.abort() })],
      ["bytes as options", () => key.encrypt("x", new Uint8Array(10))],
      ["bytes as an item", () => key.encryptMany([new Uint8Array(10)])],
    ];
    await allFail(pkg, misplaced);
    const { message } = await key.encrypt("x", { ["n".repeat(1000)]: 1 }).catch((error) => error);
    equal(message, `unknown option '${"n".repeat(40)}'`, "a long name is cut");
    const results = await key.decryptMany([{ sealed }, { sealed, contexts: { record: "1" } }, { sealed }]);
    equal(
      results.map(({ ok }) => ok),
      [true, false, true],
      "decryptMany",
    );
    equal(
      [results[1].error.code, results[1].error.message],
      ["invalid-argument", "unknown item member 'contexts'"],
      "its place",
    );
  },

  "one options object serves a call and its inverse": async (pkg) => {
    const { key, pair, publicKey } = await given(pkg);
    const { signal } = new AbortController();
    const onProgress = () => {};
    const options = { context: { record: "4567" }, padding: "padme", signal, onProgress };
    equal(await key.decrypt(await key.encrypt(DATA, options), options), DATA, "encrypt");
    equal(key.decryptSync(key.encryptSync(DATA, options), options), DATA, "encryptSync");
    const many = { padding: "padme", signal, onProgress };
    const [sealed] = await key.encryptMany([{ data: DATA }], many);
    const [result] = await key.decryptMany([{ sealed, context: undefined }], many);
    equal(result.value, DATA, "encryptMany");
    const wrapping = { context: { record: "4567" }, allowLegacy: false };
    equal((await pkg.unwrapKey(await pkg.wrapKey(key, [publicKey], wrapping), pair, wrapping)).id, key.id, "wrapKey");
    const sealing = { userId: USER, kdf: FAST };
    const restored = await pkg.openBackup(await pkg.sealBackup(pair, PASSWORD, sealing), PASSWORD, sealing);
    equal(restored.publicKey.fingerprint, publicKey.fingerprint, "sealBackup");
  },

  "what onProgress throws comes through as it is": async (pkg) => {
    const { key, sealed } = await given(pkg);
    const mine = new Error("mine");
    const onProgress = () => {
      throw mine;
    };
    const calls = [
      () => key.encrypt("x", { onProgress }),
      () => key.encrypt(new Uint8Array(1_000_000), { onProgress }),
      () => key.decrypt(sealed, { onProgress }),
      () => key.encryptSync("x", { onProgress }),
      () => key.decryptSync(sealed, { onProgress }),
      () => key.encryptMany([{ data: "x" }], { onProgress }),
      () => key.decryptMany([{ sealed }], { onProgress }),
    ];
    for (const call of calls) {
      const thrown = await Promise.resolve()
        .then(call)
        .catch((error) => error);
      equal(thrown === mine, true, String(call));
    }
  },

  "members that JSON doesn't show are no options": async (pkg) => {
    const { key } = await given(pkg);
    const inherited = Object.create({ contxt: "x" });
    const hidden = Object.defineProperty({ [Symbol("contxt")]: 1 }, "contxt", { value: 1, enumerable: false });
    for (const options of [inherited, hidden]) equal(text(key.decryptSync(key.encryptSync("x", options))), "x", "ok");
  },
};
