// Data of some MiB without WebCrypto, of which a worker does a part: the same as without it, whatever becomes of the worker.
import { inBrowsers, own, tookPart, withoutWorker, withWorker } from "./shared.mjs";
import { equal, fails, hex, ok, outcome, pattern, until } from "./tools.mjs";

const MIB = 1 << 20;
const CHUNK = 16_384;
/** From here on a worker takes part. */
const HELPED = 4 * MIB;
const context = { record: "4567" };

const wasm = (work) => async (pkg, tools) => {
  pkg.setEngine("wasm");
  try {
    await work(pkg, tools);
  } finally {
    pkg.setEngine("auto");
  }
};

export default {
  "the same, to the byte": wasm(async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    await withWorker(pkg, tools, async ({ sent }) => {
      for (const length of [HELPED + 1, 5 * MIB]) {
        const data = pattern(length);
        for (const padding of ["none", "padme"]) {
          const name = `${padding} ${length}`;
          sent.length = 0;
          const sealed = await key.encrypt(data, { context, padding });
          tookPart(tools, sent, `encrypt, ${name}`);
          equal(key.decryptSync(sealed, { context }), data, `opened at once: ${name}`);
          for (const message of [sealed, key.encryptSync(data, { context, padding }), new Blob([sealed])]) {
            sent.length = 0;
            equal(await key.decrypt(message, { context }), data, name);
            tookPart(tools, sent, `decrypt, ${name}`);
          }
          const range = await key.decryptRange(new Blob([sealed]), 1000, length - 1000, { context });
          equal(range, data.subarray(1000, length - 1000), `decryptRange, ${name}`);
        }
      }
    });
  }),

  "several at once": wasm(async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    const all = [1, 2, 3].map((seed) => pattern(5 * MIB, seed));
    await withWorker(pkg, tools, async ({ sent }) => {
      const sealed = await Promise.all(all.map((data) => key.encrypt(data)));
      tookPart(tools, sent, "all at once");
      const opened = await Promise.all(sealed.map((message) => key.decrypt(message)));
      for (const [at, data] of all.entries()) equal(opened[at], data, `the data ${at}`);
    });
  }),

  "what is changed doesn't open, wherever": wasm(async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    const sealed = await key.encrypt(pattern(5 * MIB), { context });
    const work = async () => {
      for (const at of [100, 70_000, MIB, 2 * MIB + 5, 3 * MIB, 5 * MIB - 20, sealed.length - 1]) {
        sealed[at] ^= 1;
        await fails(pkg, "decryption-failed", () => key.decrypt(sealed, { context }), `changed at ${at}`);
        sealed[at] ^= 1;
      }
      const cut = sealed.subarray(0, 78 + 300 * (CHUNK + 16));
      await fails(pkg, "truncated", () => key.decrypt(cut, { context }), "cut");
      const swapped = sealed.slice();
      swapped.copyWithin(78, 78 + CHUNK + 16, 78 + 2 * (CHUNK + 16));
      await fails(pkg, "decryption-failed", () => key.decrypt(swapped, { context }), "a chunk twice");
    };
    await withWorker(pkg, tools, work);
    await withoutWorker(pkg, tools, work);
  }),

  "progress, abort, free() and a throwing onProgress, while the worker is at it": wasm(async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(6 * MIB);
    const sealed = await key.encrypt(data);
    await withWorker(pkg, tools, async ({ sent }) => {
      for (const [name, run] of Object.entries({
        encrypt: (options) => key.encrypt(data, options),
        decrypt: (options) => key.decrypt(sealed, options),
      })) {
        const seen = [];
        await run({ onProgress: ({ bytesProcessed }) => seen.push(bytesProcessed) });
        const grows = seen.every((bytes, at) => bytes > (seen[at - 1] ?? 0));
        ok(grows && seen.length > 10 && seen.at(-1) >= data.length, `${name}: ${seen}`);
        const controller = new AbortController();
        sent.length = 0;
        const stop = { signal: controller.signal, onProgress: () => controller.abort() };
        await fails(pkg, "aborted", () => run(stop), `${name}, aborted`);
        tookPart(tools, sent, name);
        const onProgress = () => {
          throw new Error("mine");
        };
        equal(await run({ onProgress }).catch(({ message }) => message), "mine", `${name}, onProgress`);
      }
      // What was under way comes back to nobody.
      await new Promise((resolve) => setTimeout(resolve, 50));
      equal(await key.decrypt(sealed), data, "afterwards");
    });
  }),

  "data that is taken away meanwhile is refused, or whole": wasm(async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(5 * MIB + 77);
    const work = async () => {
      for (const after of [1, 3, 10]) {
        const copy = data.slice();
        let calls = 0;
        const onProgress = () => {
          calls += 1;
          if (calls === after) structuredClone(copy, { transfer: [copy.buffer] });
        };
        let sealed;
        const found = await outcome(pkg, async () => {
          sealed = await key.encrypt(copy, { onProgress });
        });
        ok(calls >= after, `it was taken away, ${after}`);
        ok(found === "invalid-argument" || found === "ok", `${after}: ${found}`);
        if (found === "ok") equal(key.decryptSync(sealed), data, `whole, ${after}`);
      }
    };
    await withWorker(pkg, tools, work);
    await withoutWorker(pkg, tools, work);
  }),

  "nothing crosses but the key of the single message, and it leaves no copy": wasm(
    inBrowsers(async (pkg, tools) => {
      const raw = pattern(32, 77);
      const key = await pkg.DataKey.importRaw(raw);
      await withWorker(pkg, tools, async ({ sent }) => {
        await key.decrypt(await key.encrypt(pattern(5 * MIB)));
        ok(sent.length > 4, "there is something to look at");
        const part = hex(raw.subarray(0, 16));
        const keys = sent.filter(({ copy }) => copy.length === 44);
        equal(keys.length, sent.length / 2, "a key with each piece");
        equal(new Set(keys.map(({ copy }) => hex(copy))).size, 1, "the message's, for both ways");
        for (const { bytes, copy } of sent) {
          equal(bytes.length, 0, "it moved");
          ok(!hex(copy.subarray(0, 64)).includes(part), "no data key");
        }
      });
    }),
  ),

  "workers that fall, answer wrongly or never, or are terminated": wasm(
    inBrowsers(async (pkg, tools) => {
      const key = await pkg.DataKey.generate();
      const data = pattern(5 * MIB);
      for (const name of ["falls", "lies", "mute"]) {
        const start = performance.now();
        await withWorker(
          pkg,
          tools,
          async ({ sent }) => {
            const sealed = await key.encrypt(data);
            tookPart(tools, sent, name);
            equal(key.decryptSync(sealed), data, name);
            equal(await key.decrypt(sealed), data, `${name}, back`);
          },
          name,
        );
        // A job that isn't done takes a minute.
        ok(performance.now() - start < 50_000, `${name}: nobody waits`);
      }
      await withWorker(pkg, tools, async ({ worker, sent }) => {
        const sealed = await key.encrypt(data, { onProgress: () => worker.terminate() });
        tookPart(tools, sent, "terminated");
        equal(await key.decrypt(sealed, { onProgress: () => pkg.setWorker("none") }), data, "terminated");
      });
    }),
  ),

  "a worker is started for long data only, waited for by nobody, and nothing is said": wasm(
    inBrowsers(async (pkg, tools) => {
      const { idleWorker } = await tools.internal("workers");
      const key = await pkg.DataKey.generate();
      const { warn } = console;
      const warned = [];
      console.warn = (...message) => warned.push(message);
      try {
        pkg.setWorker(own(tools, "worker"));
        await key.encrypt(pattern(HELPED));
        await new Promise((resolve) => setTimeout(resolve, 300));
        equal(idleWorker(), undefined, "4 MiB");
        await key.encrypt(pattern(HELPED + 1));
        await until("more", idleWorker);
        pkg.setWorker(own(tools, "silent"));
        const start = performance.now();
        await key.encrypt(pattern(HELPED + 1));
        ok(performance.now() - start < 9_000, "a worker that never starts: it would be ten seconds");
        pkg.setWorker("none");
        const data = pattern(HELPED + 1);
        equal(await key.decrypt(await key.encrypt(data)), data, "none");
        equal(idleWorker(), undefined, "none");
        equal(warned, [], "warnings");
      } finally {
        console.warn = warn;
        pkg.setWorker(own(tools, "worker"));
      }
    }),
  ),
};
