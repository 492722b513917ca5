// R1: no randomness, or a constant one, is `rng`: nothing is made of it.
import { equal, FAST, ok, outcome, PASSWORD, pattern, text, USER } from "./tools.mjs";

/** Runs `work` while the generator is another; counts its calls. */
async function withGenerator(generate, work) {
  const own = Object.getOwnPropertyDescriptor(globalThis.crypto, "getRandomValues");
  let calls = 0;
  const getRandomValues = (view) => {
    calls += 1;
    return generate(view);
  };
  Object.defineProperty(globalThis.crypto, "getRandomValues", {
    value: getRandomValues,
    configurable: true,
    writable: true,
  });
  try {
    await work();
  } finally {
    if (own) Object.defineProperty(globalThis.crypto, "getRandomValues", own);
    else delete globalThis.crypto.getRandomValues;
  }
  ok(calls > 0, "the generator was asked");
}

async function everyCall(pkg) {
  const key = await pkg.DataKey.importRaw(pattern(32));
  const pair = await pkg.KeyPair.generate();
  const { publicKey } = pair;
  return [
    ["DataKey.generate", () => pkg.DataKey.generate()],
    ["KeyPair.generate", () => pkg.KeyPair.generate()],
    ["KeyPair.generate, RSA", () => pkg.KeyPair.generate({ suite: "rsa-3072" })],
    ["encrypt", () => key.encrypt("x")],
    ["encryptSync", () => key.encryptSync("x")],
    ["encrypt, long", () => key.encrypt(new Uint8Array(600_000))],
    ["encryptMany", () => key.encryptMany([{ data: "x" }, { data: "y" }])],
    ["wrapKey", () => pkg.wrapKey(key, [publicKey])],
    ["sealBackup", () => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST })],
  ];
}

async function worksAgain(pkg) {
  const key = await pkg.DataKey.generate();
  equal(text(await key.decrypt(await key.encrypt("x"))), "x", "it works again");
  ok((await pkg.KeyPair.generate()).suite === "hybrid", "it works again");
}

function same(generate) {
  return async (pkg) => {
    const calls = await everyCall(pkg);
    const unlike = [];
    await withGenerator(generate, async () => {
      for (const [name, run] of calls) {
        const found = await outcome(pkg, run);
        if (found !== "rng") unlike.push(`${name}: ${found}`);
      }
    });
    equal(unlike, [], "all are rng");
    await worksAgain(pkg);
  };
}

export default {
  "it throws": same(() => {
    throw new Error("no randomness");
  }),

  "it throws what is no Error": same(() => {
    throw undefined;
  }),

  zeros: same((view) => view.fill(0)),

  "it does nothing": same((view) => view),

  "it repeats": async (pkg) => {
    const calls = (await everyCall(pkg)).filter(([name]) => !name.endsWith("RSA"));
    const unlike = [];
    await withGenerator(
      (view) => view.fill(7),
      async () => {
        // The first draw can't be told from a good one.
        await outcome(pkg, () => pkg.DataKey.generate());
        for (const [name, run] of calls) {
          const found = await outcome(pkg, run);
          if (found !== "rng") unlike.push(`${name}: ${found}`);
        }
      },
    );
    equal(unlike, [], "all are rng");
    await worksAgain(pkg);
  },

  "it repeats from a call to the next": async (pkg) => {
    const key = await pkg.DataKey.importRaw(pattern(32));
    const block = pattern(65_536, 5);
    await withGenerator(
      (view) => {
        view.set(block.subarray(0, view.length));
        return view;
      },
      async () => {
        equal(await outcome(pkg, () => key.encrypt("x")), "ok", "the first");
        equal(await outcome(pkg, () => key.encrypt("x")), "rng", "the same salt again");
        equal(await outcome(pkg, () => pkg.DataKey.generate()), "rng", "a key that begins like the salt");
      },
    );
    await worksAgain(pkg);
  },

  "what needs no randomness goes on without": async (pkg) => {
    const key = await pkg.DataKey.importRaw(pattern(32));
    const pair = await pkg.KeyPair.generate();
    const sealed = key.encryptSync("x");
    const wrapped = await pkg.wrapKey(key, [pair.publicKey]);
    const seen = [];
    const own = globalThis.crypto.getRandomValues;
    globalThis.crypto.getRandomValues = () => {
      throw new Error("no randomness");
    };
    try {
      seen.push(text(await key.decrypt(sealed)));
      seen.push((await pkg.unwrapKey(wrapped, pair)).id === key.id);
    } finally {
      delete globalThis.crypto.getRandomValues;
    }
    equal(globalThis.crypto.getRandomValues, own, "restored");
    equal(seen, ["x", true], "decrypt, unwrapKey");
  },
};
