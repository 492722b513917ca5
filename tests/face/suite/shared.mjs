// Many records, of which a worker finishes some: the same as without it, whatever becomes of the worker.
import { equal, fails, hex, ok, PASSWORD, pattern, soonest, USER, until } from "./tools.mjs";

export const own = (tools, name) => () =>
  new Worker(`${tools.url}${name === "worker" ? "pkg/worker.js" : `face/workers/${name}.js`}`, { type: "module" });
export const task = () => new Promise((resolve) => setTimeout(resolve));

/** With a worker of this script that has nothing to do; gives it, and what bytes it is sent for records and pieces of data. */
export async function withWorker(pkg, tools, work, name = "worker") {
  if (tools.environment === "node") return work({ sent: [] });
  const { idleWorker, prepareWorker } = await tools.internal("workers");
  const { postMessage } = MessagePort.prototype;
  const sent = [];
  let worker;
  pkg.setWorker(() => {
    worker = own(tools, name)();
    return worker;
  });
  MessagePort.prototype.postMessage = function (message, ...more) {
    if (message?.job === "finishMany" || message?.job === "chunks") {
      for (const bytes of message.given) if (bytes instanceof Uint8Array) sent.push({ bytes, copy: bytes.slice() });
    }
    return postMessage.call(this, message, ...more);
  };
  try {
    await pkg.init();
    prepareWorker();
    while (!idleWorker()) await task();
    await work({ sent, worker });
  } finally {
    MessagePort.prototype.postMessage = postMessage;
    pkg.setWorker("none");
    pkg.setWorker(own(tools, "worker"));
  }
}

export async function withoutWorker(pkg, tools, work) {
  pkg.setWorker("none");
  try {
    return await work();
  } finally {
    if (tools.environment !== "node") pkg.setWorker(own(tools, "worker"));
  }
}

export const tookPart = (tools, sent, message) =>
  ok(tools.environment === "node" || sent.length > 0, `a worker: ${message}`);

/** Short ones, empty ones, long ones, by turns. */
function plainItems(count) {
  const lengths = [256, 0, 31, 1, 3000, 256, 17_000, 255];
  return Array.from({ length: count }, (_, at) => {
    const length = at === 700 ? 300_000 : at === 701 ? 262_144 : lengths[at % lengths.length];
    const item = { data: at % 5 === 0 ? "é".repeat(length % 300) : pattern(length, at + 1) };
    if (at % 3 > 0) item.context = { record: String(at), at: "ä€" };
    return item;
  });
}

/** What was made of them, and among it all that can be wrong with one. */
function sealedItems(plain, messages, padded) {
  const items = messages.map((sealed, at) => ({ sealed, context: plain[at].context }));
  const change = (at, place) => {
    items[at] = { ...items[at], sealed: items[at].sealed.slice() };
    items[at].sealed[place < 0 ? items[at].sealed.length + place : place] ^= 1;
  };
  for (let at = 0; at < items.length; at += 37) {
    const { sealed } = items[at];
    const ways = [
      () => change(at, -1),
      () => change(at, 90),
      () => change(at, 4),
      () => change(at, 30),
      () => change(at, Math.min(100, sealed.length - 1)),
      () => Object.assign(items[at], { context: { another: "record" } }),
      () => Object.assign(items[at], { sealed: sealed.subarray(0, (at * 7) % sealed.length) }),
      () => Object.assign(items[at], { sealed: sealed.subarray(0, -1) }),
      () => Object.assign(items[at], { sealed: "text" }),
      () => Object.assign(items[at], { context: { a: 1 } }),
      () => Object.assign(items[at], { context: { a: "x".repeat(70_000) } }),
      () => Object.assign(items[at], { sealed: new Uint8Array() }),
      () => Object.assign(items[at], { unknown: true }),
      () => items.splice(at, 1, padded ? null : 7),
    ];
    ways[(at / 37) % ways.length]();
  }
  return items;
}

const told = (results) =>
  results.map((result) => {
    const { ok, value, error } = result;
    return [
      Object.keys(result).join(),
      ok,
      value && hex(value),
      error?.name,
      error?.code,
      error?.message,
      error?.cause,
    ];
  });

async function sameRecords(pkg, tools, padding) {
  const key = await pkg.DataKey.generate();
  const plain = plainItems(1500);
  const make = () => key.encryptMany(plain, { padding });
  const alone = await withoutWorker(pkg, tools, make);
  let items;
  let shared;
  await withWorker(pkg, tools, async ({ sent }) => {
    const messages = await make();
    tookPart(tools, sent, "encryptMany()");
    equal(
      messages.map(({ length }) => length),
      alone.map(({ length }) => length),
      "lengths",
    );
    items = sealedItems(plain, messages, padding === "padme");
    sent.length = 0;
    shared = await key.decryptMany(items);
    tookPart(tools, sent, "decryptMany()");
  });
  const here = await withoutWorker(pkg, tools, () => key.decryptMany(items));
  equal(told(shared), told(here), "results");
  const codes = new Set(shared.map(({ error }) => error?.code ?? "ok"));
  equal(codes.size >= 6, true, `of many kinds: ${[...codes].join()}`);
  const text = new TextEncoder();
  for (const [at, { ok, value }] of shared.entries()) {
    const { data } = plain[at];
    if (ok) equal(value, typeof data === "string" ? text.encode(data) : data, `item ${at}`);
  }
  // By itself, each is what it was among the others.
  for (const at of [1, 2, 700, 701, 1499]) {
    equal(await key.decrypt(items[at].sealed, { context: items[at].context }), shared[at].value, `${at}, by itself`);
  }
  key.free();
}

/** Records, and a key that opens them. */
async function records(pkg, count) {
  const key = await pkg.DataKey.generate();
  const plain = Array.from({ length: count }, (_, at) => ({ data: `record ${at}`, context: { id: String(at) } }));
  const encrypt = async (options) => {
    const messages = await key.encryptMany(plain, options);
    return messages.map((sealed, at) => ({ sealed, context: plain[at].context }));
  };
  const decoder = new TextDecoder();
  const check = async (items, options) => {
    const opened = await key.decryptMany(items, options);
    equal(opened.length, count, "as many");
    for (const [at, { value }] of opened.entries()) {
      if (decoder.decode(value) !== `record ${at}`) throw new Error(`record ${at} is another`);
    }
  };
  return { key, encrypt, check };
}

export const inBrowsers = (work) => (pkg, tools) => (tools.environment === "node" ? undefined : work(pkg, tools));

export default {
  "the same results": (pkg, tools) => sameRecords(pkg, tools, "none"),
  "the same results, padded": (pkg, tools) => sameRecords(pkg, tools, "padme"),

  "one bad item among those to encrypt": async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    const items = Array.from({ length: 1500 }, () => ({ data: "x" }));
    const bad = [
      [{ data: 1 }, "invalid-argument"],
      [{ data: "x", context: { a: "x".repeat(70_000) } }, "limit"],
    ];
    for (const [item, code] of bad) {
      for (const at of [0, 700, 1499]) {
        const all = items.with?.(at, item) ?? items.map((good, place) => (place === at ? item : good));
        await withWorker(pkg, tools, () => fails(pkg, code, () => key.encryptMany(all), `at ${at}`));
        await withoutWorker(pkg, tools, () => fails(pkg, code, () => key.encryptMany(all), `at ${at}, without`));
      }
    }
  },

  "several calls at once": async (pkg, tools) => {
    const { encrypt, check } = await records(pkg, 2000);
    await withWorker(pkg, tools, async ({ sent }) => {
      const all = await Promise.all([encrypt(), encrypt({ padding: "padme" }), encrypt()]);
      await Promise.all(all.map((items) => check(items)));
      tookPart(tools, sent, "all at once");
    });
  },

  progress: async (pkg, tools) => {
    const { encrypt, check } = await records(pkg, 3000);
    await withWorker(pkg, tools, async () => {
      for (const run of [encrypt, async (options) => check(await encrypt(), options)]) {
        const calls = [];
        await run({ onProgress: (done, total) => calls.push([done, total]) });
        ok(calls.length > 1 && calls.at(-1)[0] === 3000, JSON.stringify(calls));
        ok(
          calls.every(([done, total], at) => total === 3000 && done > (calls[at - 1]?.[0] ?? 0)),
          JSON.stringify(calls),
        );
      }
    });
  },

  "abort, free() and a throwing onProgress, while the worker is at it": async (pkg, tools) => {
    const { key, encrypt, check } = await records(pkg, 3000);
    const items = await encrypt();
    await withWorker(pkg, tools, async ({ sent }) => {
      const calls = { encrypt: (options) => encrypt(options), decrypt: (options) => check(items, options) };
      for (const [name, run] of Object.entries(calls)) {
        const controller = new AbortController();
        const stop = { signal: controller.signal, onProgress: () => controller.abort() };
        sent.length = 0;
        await fails(pkg, "aborted", () => run(stop), `${name}, aborted`);
        tookPart(tools, sent, name);
        const onProgress = () => {
          throw new Error("mine");
        };
        equal(await run({ onProgress }).catch(({ message }) => message), "mine", `${name}, onProgress`);
      }
      // What was under way comes back to nobody.
      await new Promise((resolve) => setTimeout(resolve, 50));
      await check(items);
      await fails(pkg, "invalid-argument", () => encrypt({ onProgress: () => key.free() }), "freed");
    });
  },

  "nothing crosses but keys of single messages, and it leaves no copy": inBrowsers(async (pkg, tools) => {
    const raw = pattern(32, 77);
    const key = await pkg.DataKey.importRaw(raw);
    const items = Array.from({ length: 2000 }, (_, at) => ({ data: `record ${at}` }));
    await withWorker(pkg, tools, async ({ sent }) => {
      const sealed = await key.encryptMany(items);
      await key.decryptMany(sealed.map((sealed) => ({ sealed })));
      ok(sent.length > 1, "there is something to look at");
      const part = hex(raw.subarray(0, 16));
      for (const { bytes, copy } of sent) {
        equal(bytes.length, 0, "it moved");
        ok(copy.length > 1000 && !hex(copy).includes(part), "no data key");
      }
    });
  }),

  "workers that fall, answer wrongly or never, or are terminated": inBrowsers(async (pkg, tools) => {
    const { encrypt, check } = await records(pkg, 3000);
    for (const name of ["falls", "lies", "mute"]) {
      const start = performance.now();
      let items;
      const one = async ({ sent }) => {
        items = await encrypt();
        tookPart(tools, sent, name);
      };
      await withWorker(pkg, tools, one, name);
      await withWorker(pkg, tools, () => check(items), name);
      // A job that isn't done takes a minute.
      ok(performance.now() - start < 50_000, `${name}: nobody waits`);
    }
    await withWorker(pkg, tools, async ({ worker, sent }) => {
      const items = await encrypt({ onProgress: () => worker.terminate() });
      tookPart(tools, sent, "terminated");
      await check(items);
    });
    await withWorker(pkg, tools, async ({ worker }) => {
      const items = await encrypt();
      await check(items, { onProgress: () => worker.terminate() });
      await check(items);
    });
    await withWorker(pkg, tools, async () => {
      const items = await encrypt({ onProgress: () => pkg.setWorker("none") });
      await check(items);
    });
  }),

  "a slow job and many records don't wait for each other": inBrowsers(async (pkg, tools) => {
    const { encrypt, check } = await records(pkg, 20_000);
    const backup = await pkg.sealBackup(await pkg.KeyPair.generate(), PASSWORD, { userId: USER });
    const timed = async (run) => {
      const start = performance.now();
      await run();
      return performance.now() - start;
    };
    await withWorker(pkg, tools, async () => {
      const order = [];
      const slow = pkg.openBackup(backup, PASSWORD, { userId: USER }).then(() => order.push("slow"));
      await task();
      const time = await timed(async () => {
        for (let batches = 0; batches < 2; batches += 1) await encrypt({ onProgress: () => {} });
        order.push("records");
      });
      await slow;
      const alone = await soonest(() => pkg.openBackup(backup, PASSWORD, { userId: USER }));
      ok(order[0] === "records" || time > alone / 2, `records waited: ${time} ms, ${order}`);
    });
    await withWorker(pkg, tools, async () => {
      let running = true;
      const keep = async () => {
        while (running) await check(await encrypt());
      };
      const records = keep();
      await pkg.openBackup(backup, PASSWORD, { userId: USER });
      running = false;
      await records;
    });
  }),

  "a worker is started for the next time, of many only, and nothing is said": inBrowsers(async (pkg, tools) => {
    const { idleWorker } = await tools.internal("workers");
    const key = await pkg.DataKey.generate();
    const { warn } = console;
    const warned = [];
    console.warn = (...message) => warned.push(message);
    try {
      pkg.setWorker(own(tools, "worker"));
      await key.encryptMany(Array(700).fill({ data: "x" }));
      await new Promise((resolve) => setTimeout(resolve, 300));
      equal(idleWorker(), undefined, "700");
      await key.encryptMany(Array(1500).fill({ data: "x" }));
      await until("1500", idleWorker);
      pkg.setWorker("none");
      equal((await key.encryptMany(Array(1500).fill({ data: "x" }))).length, 1500, "none");
      equal(idleWorker(), undefined, "none");
      equal(warned, [], "warnings");
    } finally {
      console.warn = warn;
      pkg.setWorker(own(tools, "worker"));
    }
  }),
};
