// Long data by either engine: each opens what the other made.
import { equal, fails, ok, pattern, soon } from "./tools.mjs";

const MIB = 1 << 20;
const LENGTHS = [0, 1, 16_383, 16_384, 16_385, MIB - 1, MIB, MIB + 1];
/** On a page of plain http there is no WebCrypto. */
const ENGINES = crypto.subtle ? ["wasm", "webcrypto"] : ["wasm"];
const context = { record: "4567" };

/** Runs with each engine, and goes back to "auto". */
export async function each(pkg, run) {
  try {
    for (const engine of ENGINES) {
      pkg.setEngine(engine);
      await run(engine);
    }
  } finally {
    pkg.setEngine("auto");
  }
}

/** What comes of the calls of AES-GCM that WebCrypto gets while something runs. */
async function watchingCalls(run) {
  const calls = [];
  if (!crypto.subtle) {
    await run();
    return calls;
  }
  const native = { encrypt: SubtleCrypto.prototype.encrypt, decrypt: SubtleCrypto.prototype.decrypt };
  for (const [name, call] of Object.entries(native)) {
    SubtleCrypto.prototype[name] = function (algorithm, ...rest) {
      const result = call.call(this, algorithm, ...rest);
      if (algorithm?.name === "AES-GCM") calls.push(result);
      return result;
    };
  }
  try {
    await run();
  } finally {
    Object.assign(SubtleCrypto.prototype, native);
  }
  return calls;
}

const countingCalls = async (run) => (await watchingCalls(run)).length;

export default {
  "each opens what the other made": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const padding of ["none", "padme"]) {
      for (const length of LENGTHS) {
        const data = pattern(length);
        // Zeros at the end are what padding looks like.
        data.fill(0, Math.max(0, length - 20), length);
        const made = [];
        await each(pkg, async () => made.push(await key.encrypt(data, { context, padding })));
        equal(made[0].length, made.at(-1).length, `${padding} ${length}: length`);
        await each(pkg, async (engine) => {
          for (const [at, sealed] of made.entries()) {
            equal(
              await key.decrypt(sealed, { context }),
              data,
              `${padding} ${length}: ${engine} opens ${ENGINES[at]}'s`,
            );
          }
        });
      }
    }
  },

  "the engine that was chosen does the work": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const length of [1, MIB]) {
      const data = pattern(length);
      const chunks = Math.floor(length / 16_384) + 1;
      const expected = { wasm: 0, webcrypto: 2 * chunks };
      await each(pkg, async (engine) => {
        const calls = await countingCalls(async () => key.decrypt(await key.encrypt(data)));
        equal(calls, expected[engine], `${engine}, ${length} bytes`);
      });
    }
    equal(await countingCalls(() => key.encrypt(pattern(1))), 0, "auto, a small record");
    equal(await countingCalls(() => key.encrypt(pattern(MIB))), crypto.subtle ? 65 : 0, "auto, a large one");
  },

  "memory that WebCrypto made is given back at once": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(MIB);
    let sealed;
    for (const [what, run] of [
      ["encrypt", async () => (sealed = await key.encrypt(data))],
      ["decrypt", async () => equal(await key.decrypt(sealed), data, "the same")],
      [
        "decryptRange",
        async () => equal(await key.decryptRange(new Blob([sealed]), 5, MIB - 5), data.slice(5, -5), ""),
      ],
    ]) {
      const made = await Promise.all(await watchingCalls(run));
      if (crypto.subtle) ok(made.length >= 64, `${what}: ${made.length} buffers were seen`);
      // The last chunk is worked on alone.
      ok(made.filter(({ byteLength }) => byteLength > 0).length <= 1, `${what}: none of them is kept`);
    }
  },

  "what is changed doesn't open, whichever engine": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = await key.encrypt(pattern(MIB), { context });
    await each(pkg, async (engine) => {
      for (const at of [40, 60, 78, 16_477, 16_478, 500_000, sealed.length - 1]) {
        const changed = sealed.slice();
        changed[at] ^= 1;
        await fails(pkg, "decryption-failed", () => key.decrypt(changed, { context }), `${engine}: byte ${at}`);
      }
      await fails(
        pkg,
        "truncated",
        () => key.decrypt(sealed.subarray(0, 78 + 40 * 16_400), { context }),
        `${engine}: cut`,
      );
      const swapped = sealed.slice();
      swapped.copyWithin(78, 78 + 16_400, 78 + 2 * 16_400);
      await fails(pkg, "decryption-failed", () => key.decrypt(swapped, { context }), `${engine}: a chunk twice`);
    });
  },

  "a message that doesn't open has ended when that is told: nothing is written afterwards": async (pkg) => {
    // The engine wasm does a message of this length in one call.
    if (!crypto.subtle) return;
    const key = await pkg.DataKey.generate();
    const changed = await key.encrypt(pattern(MIB));
    changed[78] ^= 1;
    const { decrypt } = SubtleCrypto.prototype;
    let [running, calls] = [0, 0];
    SubtleCrypto.prototype.decrypt = async function (...args) {
      running += 1;
      calls += 1;
      // Those beside it take the longest.
      const ms = calls < 10 ? 500 : 0;
      try {
        const done = await decrypt.apply(this, args);
        await soon(ms);
        return done;
      } finally {
        running -= 1;
      }
    };
    try {
      pkg.setEngine("webcrypto");
      await fails(pkg, "decryption-failed", () => key.decrypt(changed), "its first chunk");
      equal(running, 0, "chunks under way");
    } finally {
      SubtleCrypto.prototype.decrypt = decrypt;
      pkg.setEngine("auto");
    }
  },

  "what is longer than 64 MiB is shared out, and is the same": async (pkg, tools) => {
    const { memoryNow } = await tools.internal("core");
    await pkg.init();
    // Where derivations ran on this thread before, theirs is still there.
    const most = Math.max(16 * MIB, memoryNow().length);
    const key = await pkg.DataKey.generate();
    const data = new Uint8Array(66 * MIB + 5).fill(7);
    data.set(pattern(100_000), 30 * MIB);
    pkg.setEngine("wasm");
    try {
      const seen = [];
      const sealed = await key.encrypt(data, {
        context,
        onProgress: ({ bytesProcessed }) => seen.push(bytesProcessed),
      });
      equal([seen.length > 10, seen.at(-1)], [true, data.length], "progress");
      pkg.setEngine("auto");
      const opened = await key.decrypt(sealed, { context });
      equal(opened.length, data.length, "length");
      equal(opened.subarray(30 * MIB, 31 * MIB), data.subarray(30 * MIB, 31 * MIB), "the data");
      pkg.setEngine("wasm");
      equal(
        (await key.decrypt(sealed, { context })).subarray(30 * MIB, 31 * MIB),
        data.subarray(30 * MIB, 31 * MIB),
        "back",
      );
      sealed[40 * MIB] ^= 1;
      await fails(pkg, "decryption-failed", () => key.decrypt(sealed, { context }), "changed");
      const controller = new AbortController();
      const stop = { signal: controller.signal, onProgress: () => controller.abort() };
      await fails(pkg, "aborted", () => key.encrypt(data, stop), "abort");
      ok(memoryNow().length <= most, `the module's memory: ${memoryNow().length} bytes`);
    } finally {
      pkg.setEngine("auto");
    }
  },

  "the message's key goes over as one that can't be exported": async (pkg) => {
    if (!crypto.subtle) {
      await fails(pkg, "unsupported-environment", () => pkg.setEngine("webcrypto"), "there is none to go to");
      return;
    }
    const key = await pkg.DataKey.generate();
    const native = SubtleCrypto.prototype.importKey;
    const seen = [];
    SubtleCrypto.prototype.importKey = async function (format, raw, algorithm, extractable, usages) {
      const imported = await native.call(this, format, raw, algorithm, extractable, usages);
      seen.push({ raw, extractable, usages });
      return imported;
    };
    try {
      pkg.setEngine("webcrypto");
      await key.decrypt(await key.encrypt(pattern(100_000)));
    } finally {
      SubtleCrypto.prototype.importKey = native;
      pkg.setEngine("auto");
    }
    equal(
      seen.map(({ extractable, usages }) => [extractable, ...usages]),
      [
        [false, "encrypt"],
        [false, "decrypt"],
      ],
      "keys",
    );
    for (const { raw } of seen) equal(raw.slice(), new Uint8Array(32), "the copy outside is wiped");
  },
};
