// KeyCache in memory and over an application's store. IndexedDB, and all that can befall it: tests/face/cache.browser.test.mjs.
import { allFail, equal, fails, hex, mapStore, ok, outcome, owns, pattern } from "./tools.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NAMED = { name: "keys", userId: "alice" };

const makeKeys = (pkg, count) => Promise.all(Array.from({ length: count }, () => pkg.DataKey.generate()));

/** Which of these keys are there, each the right one. */
async function there(cache, keys) {
  const found = await cache.getMany(keys.map(({ id }) => id));
  return found.map((key, at) => key !== undefined && key.decryptSync(keys[at].encryptSync("x")).length === 1);
}

/** With the clocks moved by so much. */
async function later(ms, run) {
  const now = Date.now;
  Date.now = () => now() + ms;
  try {
    return await run();
  } finally {
    Date.now = now;
  }
}

export default {
  "in memory": async (pkg) => {
    const keys = await makeKeys(pkg, 3);
    for (const options of [{}, { store: "memory" }, { store: undefined, sealedBy: undefined }]) {
      const cache = await pkg.KeyCache.open({ ...NAMED, ...options });
      equal(await cache.set(keys.slice(0, 2)), undefined, "set");
      equal(await there(cache, keys), [true, true, false], "there");
      const key = await cache.get(keys[0].id);
      ok(key instanceof pkg.DataKey && key !== keys[0], "a DataKey of its own");
      key.free();
      equal((await cache.get(keys[0].id)).id, keys[0].id, "the cache has its own");
      equal(await cache.get("nothing"), undefined, "no id");
      const expected = { store: "memory", entries: 2, hits: 4, misses: 2, wipesSurvived: 0 };
      equal(await cache.stats(), expected, "stats");
      await cache.delete([keys[0].id, "nothing"]);
      equal(await there(cache, keys), [false, true, false], "deleted");
      await cache.clear();
      equal(await there(cache, keys), [false, false, false], "cleared");
      cache.close();
    }
  },

  "a key outlives the caller's free()": async (pkg) => {
    const cache = await pkg.KeyCache.open(NAMED);
    const key = await pkg.DataKey.generate();
    const sealed = key.encryptSync("x");
    await cache.set([key]);
    key.free();
    equal((await cache.get(key.id)).decryptSync(sealed).length, 1, "it decrypts");
    await fails(pkg, "invalid-argument", () => cache.set([key]), "a key that was freed");
    const [good, freed] = await makeKeys(pkg, 2);
    const setting = cache.set([good, freed]);
    freed.free();
    ok(
      ["ok", "invalid-argument"].includes(await setting.then(() => "ok").catch((error) => error.code)),
      "freed meanwhile",
    );
  },

  "a time to live": async (pkg) => {
    const [key] = await makeKeys(pkg, 1);
    const cache = await pkg.KeyCache.open({ ...NAMED, ttlMs: HOUR });
    await cache.set([key]);
    await later(HOUR - MINUTE, async () => equal(await there(cache, [key]), [true], "before"));
    const cases = [
      [{ ttlMs: HOUR }, HOUR - MINUTE, HOUR],
      [{}, 12 * HOUR - MINUTE, 12 * HOUR],
    ];
    for (const [options, before, after] of cases) {
      const cache = await pkg.KeyCache.open({ ...NAMED, ...options });
      await cache.set([key]);
      equal(await later(before, () => there(cache, [key])), [true], "before");
      equal(await later(after + 1000, () => there(cache, [key])), [false], "after");
      equal((await later(after + 1000, () => cache.stats())).entries, 0, "entries");
    }
    for (const options of [{ ttlMs: 0 }, { store: "none" }, { store: mapStore(), ttlMs: 0, sealedBy: key }]) {
      const cache = await pkg.KeyCache.open({ ...NAMED, ...options });
      await cache.set([key]);
      equal(await there(cache, [key]), [false], "none");
      equal((await cache.stats()).store, "none", "store");
    }
  },

  "the least recently used goes first": async (pkg) => {
    const keys = await makeKeys(pkg, 4);
    const cache = await pkg.KeyCache.open({ ...NAMED, maxEntries: 3 });
    await cache.set(keys.slice(0, 3));
    await cache.get(keys[0].id);
    await cache.set(keys.slice(3));
    equal(await there(cache, keys), [true, false, true, true], "there");
  },

  "an application's store, with promises and without": async (pkg) => {
    for (const sync of [false, true]) {
      const store = mapStore({ sync });
      const [sealedBy, ...keys] = await makeKeys(pkg, 4);
      const open = () => pkg.KeyCache.open({ ...NAMED, store, sealedBy });
      const cache = await open();
      await cache.set(keys.slice(0, 2));
      equal((await cache.stats()).store, "custom", "store");
      equal(
        [...store.map.keys()].sort(),
        keys
          .slice(0, 2)
          .map(({ id }) => `k.${id}`)
          .sort(),
        "ids",
      );
      for (const value of store.map.values()) owns(value, "value");
      const next = await open();
      equal(await there(next, keys), [true, true, false], "the next page");
      await cache.set(keys.slice(2));
      equal(await there(next, keys), [true, true, true], "set since");
      await next.delete([keys[0].id]);
      equal(store.map.size, 2, "deleted");
      await next.clear();
      equal(store.map.size, 0, "cleared");
    }
  },

  "sealed by a key pair": async (pkg) => {
    const store = mapStore();
    const keys = await makeKeys(pkg, 2);
    const [pair, other] = [await pkg.KeyPair.generate(), await pkg.KeyPair.generate()];
    const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy: pair });
    await cache.set(keys);
    equal(store.map.size, 3, "two keys and the wrapped one");
    equal(await there(await pkg.KeyCache.open({ ...NAMED, store, sealedBy: pair }), keys), [true, true], "the same");
    equal(await there(await pkg.KeyCache.open({ ...NAMED, store, sealedBy: other }), keys), [false, false], "another");
    equal(store.map.size, 1, "what doesn't open any more is deleted");
  },

  "a key pair of rsa-2048 seals no cache": async (pkg, tools) => {
    const pair = await pkg.KeyPair.importRsa(await tools.text("testdata/rsa/2048.pem"));
    await fails(pkg, "key-policy", () => pkg.KeyCache.open({ ...NAMED, store: mapStore(), sealedBy: pair }));
  },

  "C1: what a store is given tells no key": async (pkg) => {
    const store = mapStore();
    const raws = [pattern(32, 11), pattern(32, 12)];
    const [sealedBy, key] = await Promise.all(raws.map((raw) => pkg.DataKey.importRaw(raw)));
    const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
    await cache.set([key]);
    const stored = [...store.map].map(([id, value]) => id + hex(value)).join();
    for (const raw of raws)
      for (let at = 0; at < 32; at += 8) ok(!stored.includes(hex(raw.subarray(at, at + 8))), "a part of a key");
  },

  "C4: another user, another name, another key": async (pkg) => {
    const store = mapStore();
    const [sealedBy, other, key] = await makeKeys(pkg, 3);
    const set = async () => (await pkg.KeyCache.open({ ...NAMED, store, sealedBy })).set([key]);
    for (const change of [{ userId: "bob" }, { name: "other" }, { sealedBy: other }]) {
      await set();
      const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy, ...change });
      equal(await there(cache, [key]), [false], Object.keys(change)[0]);
      equal((await cache.stats()).degraded, undefined, "not degraded");
    }
    await set();
    equal(await there(await pkg.KeyCache.open({ ...NAMED, store, sealedBy }), [key]), [true], "the right one");
  },

  "C4: a clock that was set back": async (pkg) => {
    const [sealedBy, key] = await makeKeys(pkg, 2);
    const store = mapStore();
    const persistent = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
    const memory = await pkg.KeyCache.open(NAMED);
    for (const cache of [persistent, memory]) {
      await cache.set([key]);
      equal(await later(-24 * HOUR, () => there(cache, [key])), [false], "a day back");
      await cache.set([key]);
      equal(await there(cache, [key]), [true], "it goes on");
    }
    equal((await persistent.stats()).degraded, "the clock was set back", "degraded");
    equal((await memory.stats()).degraded, undefined, "memory");
  },

  "a store that fails leaves memory": async (pkg) => {
    const [sealedBy, ...keys] = await makeKeys(pkg, 4);
    const methods = ["getMany", "setMany", "deleteMany", "ids", "clear"];
    const failures = {
      throws: () => {
        throw new TypeError(`canary ${sealedBy.id}`);
      },
      rejects: () => Promise.reject(new TypeError("canary")),
      "throws nothing": () => Promise.reject(),
      "throws a text": () => Promise.reject("canary"),
      "a thenable that throws": () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is the point
        get then() {
          throw new RangeError("canary");
        },
      }),
      "an error whose name throws": () =>
        Promise.reject({
          get name() {
            throw new Error("canary");
          },
        }),
    };
    for (const [name, failure] of Object.entries(failures)) {
      for (const method of methods) {
        const what = `${method} ${name}`;
        const store = mapStore();
        await (await pkg.KeyCache.open({ ...NAMED, store, sealedBy })).set(keys.slice(0, 1));
        store[method] = failure;
        const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
        await cache.set(keys.slice(1));
        equal((await there(cache, keys)).slice(1), [true, true], what);
        await cache.get("nothing");
        await cache.get(sealedBy.id);
        await cache.delete([keys[1].id]);
        equal((await there(cache, keys)).slice(1), [false, true], what);
        await cache.clear();
        equal(await there(cache, keys.slice(1)), [false, false], what);
        const stats = await cache.stats();
        equal(stats.store, "memory", what);
        ok(/^the store's [a-zA-Z]+: (TypeError|RangeError|Error)$/.test(stats.degraded), `${what}: ${stats.degraded}`);
        await cache.set(keys);
        equal(await there(cache, keys), [true, true, true], what);
      }
    }
  },

  "a store that gives something else": async (pkg) => {
    const [sealedBy, key, other] = await makeKeys(pkg, 3);
    const answers = [undefined, null, 0, "x", {}, [], [null], ["x"], [[]], [new Uint8Array()], [new Uint8Array(137)]];
    answers.push([{ length: 137 }], [new Date()], new Uint8Array(5), Symbol.iterator, [
      Object.create(Uint8Array.prototype),
    ]);
    const throws = {
      get 0() {
        throw new Error("canary");
      },
    };
    const detached = new Uint8Array(137);
    structuredClone(0, { transfer: [detached.buffer] });
    for (const answer of [...answers, throws, [detached]]) {
      const store = mapStore();
      const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
      store.getMany = () => answer;
      equal(await there(cache, [key, other]), [false, false], "a miss");
      await cache.set([key]);
      equal(await there(cache, [key]), [true], "it goes on");
      for (const ids of [answer, ["k.x", 5, null, `k.${key.id}`]]) {
        store.ids = () => ids;
        const next = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
        equal(await there(next, [key]), [false], "a miss, read in");
        await next.set([key]);
        equal(await there(next, [key]), [true], "it goes on");
      }
    }
  },

  "values as other views": async (pkg) => {
    const [sealedBy, key] = await makeKeys(pkg, 2);
    const around = (value) => {
      const bytes = new Uint8Array(value.length + 20).fill(7);
      bytes.set(value, 9);
      return bytes;
    };
    const views = [
      (value) => value.slice().buffer,
      (value) => around(value).subarray(9, 9 + value.length),
      (value) => new DataView(around(value).buffer, 9, value.length),
      (value) => (globalThis.Buffer ? globalThis.Buffer.from(value) : value),
    ];
    for (const view of views) {
      const store = mapStore();
      await (await pkg.KeyCache.open({ ...NAMED, store, sealedBy })).set([key]);
      for (const [id, value] of store.map) store.map.set(id, view(value));
      equal(await there(await pkg.KeyCache.open({ ...NAMED, store, sealedBy }), [key]), [true], String(view));
    }
  },

  "a store that never answers": async (pkg) => {
    const [sealedBy, key] = await makeKeys(pkg, 2);
    const store = mapStore();
    store.ids = () => new Promise(() => {});
    const start = performance.now();
    const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
    ok(performance.now() - start < 60_000, "it waits a while only");
    await cache.set([key]);
    equal(await there(cache, [key]), [true], "memory serves");
    equal((await cache.stats()).degraded, "the store's ids: TimeoutError", "degraded");
  },

  "IndexedDB where there is none": async (pkg, tools) => {
    if (tools.environment === "node") equal(typeof globalThis.indexedDB, "undefined", "Node has none");
    const [sealedBy, key] = await makeKeys(pkg, 2);
    const cache = await pkg.KeyCache.open({ ...NAMED, name: "nowhere", store: "indexeddb", sealedBy });
    await cache.set([key]);
    equal(await there(cache, [key]), [true], "it serves");
    const { store, degraded } = await cache.stats();
    const expected = tools.environment === "node" ? ["memory", "IndexedDB: missing"] : ["indexeddb", undefined];
    equal([store, degraded], expected, "stats");
    await cache.clear();
    cache.close();
  },

  "after close()": async (pkg) => {
    const [sealedBy, key] = await makeKeys(pkg, 2);
    for (const options of [{}, { store: mapStore(), sealedBy }]) {
      const cache = await pkg.KeyCache.open({ ...NAMED, ...options });
      await cache.set([key]);
      cache.close();
      cache.close();
      equal(await there(cache, [key]), [false], "a miss");
      equal((await cache.stats()).entries, 0, "entries");
      await allFail(pkg, [
        ["set", () => cache.set([key])],
        ["delete", () => cache.delete([key.id])],
        ["clear", () => cache.clear()],
      ]);
    }
  },

  "a store that calls its cache meanwhile": async (pkg) => {
    const methods = ["getMany", "setMany", "deleteMany", "ids", "clear"];
    const [sealedBy, a, b, c] = await makeKeys(pkg, 4);
    const calls = {
      get: (cache) => cache.getMany([a.id, b.id, sealedBy.id]),
      set: (cache) => cache.set([c]),
      delete: (cache) => cache.delete([b.id]),
      clear: (cache) => cache.clear(),
      stats: (cache) => cache.stats(),
      close: (cache) => cache.close(),
    };
    for (const waits of [true, false]) {
      for (const [name, meanwhile] of Object.entries(calls)) {
        const store = mapStore();
        const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
        await cache.set([a, b]);
        let times = 0;
        const ended = [];
        for (const method of methods) {
          const plain = store[method];
          store[method] = async (...given) => {
            // The calls made meanwhile come here too: not without end.
            if (times < 9) {
              times += 1;
              const call = outcome(pkg, () => meanwhile(cache));
              ended.push(call);
              if (waits) await call;
            }
            return plain(...given);
          };
        }
        const what = `${name}, ${waits ? "waited for" : "left alone"}`;
        const [first] = await there(cache, [a, sealedBy]);
        ok(first || name === "clear" || name === "close", `${what}: its key`);
        const changes = [() => cache.set([c]), () => cache.delete([a.id]), () => cache.clear()];
        for (const change of changes) ended.push(outcome(pkg, change));
        for (const end of await Promise.all(ended)) ok(end === "ok" || name === "close", `${what}: ${end}`);
        ok(times > 0, `${what}: it was called`);
        equal((await cache.stats()).degraded, undefined, what);
        equal(await there(cache, [a, b]), [false, false], what);
      }
    }
  },

  "closed while its store works": async (pkg) => {
    const [sealedBy, ...keys] = await makeKeys(pkg, 3);
    for (const fate of ["answers", "fails"]) {
      const store = mapStore();
      await (await pkg.KeyCache.open({ ...NAMED, store, sealedBy })).set(keys);
      const { getMany } = store;
      let called;
      const asked = new Promise((resolve) => {
        called = resolve;
      });
      let goOn;
      const gate = new Promise((resolve, reject) => {
        goOn = fate === "answers" ? resolve : reject;
      });
      store.ids = () => [];
      const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
      store.getMany = async (ids) => {
        called();
        await gate;
        return getMany(ids);
      };
      const reading = cache.getMany(keys.map(({ id }) => id));
      await asked;
      cache.close();
      goOn(new Error("canary"));
      equal(await reading, [undefined, undefined], fate);
      equal((await cache.stats()).entries, 0, fate);
    }
  },

  "a task by itself: given up halfway, its cache freed, among others": async (pkg, tools) => {
    await pkg.init();
    const { CoreDataKey, CoreKeyCache } = await tools.glue();
    const [sealing, key] = [CoreDataKey.generate(), CoreDataKey.generate()];
    const store = { created: undefined, close: () => {} };
    const open = () => CoreKeyCache.openWithKey("keys", "alice", HOUR, 10, store, sealing);
    /** With what the store has answered, or said. */
    const end = (task, reply, failed = false) => {
      equal(task.step(reply, failed), undefined, "no other request");
      return task.finish();
    };
    const asks = (task, method, given) => {
      const request = task.step(undefined, false);
      ok(request[0] === store, "of the store");
      equal(request[1], method, "method");
      if (given !== undefined) equal(request.slice(2), given, "arguments");
    };
    const ids = [[`k.${key.id()}`]];

    const halfway = open();
    asks(halfway, "all", []);
    halfway.free();
    open().free();
    const early = open();
    asks(early, "all");
    let error;
    try {
      early.finish();
    } catch (thrown) {
      error = { thrown };
    }
    ok(error, "no result before the end");

    const opening = open();
    asks(opening, "all");
    const cache = end(opening, [[], []]);
    const batch = cache.batch();
    batch.add(key);
    const [saving, reading, other] = [batch.save(), cache.getMany([key.id()]), cache.getMany([key.id()])];
    asks(other, "getMany", ids);
    asks(reading, "getMany", ids);
    asks(saving, "setMany");
    equal(end(reading, [undefined]), [undefined], "the reply to this one");
    end(saving);
    equal(end(other, [new Uint8Array(137)]).length, 1, "and to that one");
    const [held] = end(cache.getMany([key.id()]));
    equal(held.id(), key.id(), "what memory holds asks nobody");
    held.free();
    const [last, lost] = [cache.getMany([sealing.id()]), cache.getMany([sealing.id()])];
    asks(last, "getMany");
    asks(lost, "getMany");
    lost.free();
    cache.free();
    equal(end(last, "a reason", true), [undefined], "a cache that was freed, a store that failed");
    for (const it of [sealing, key]) it.free();
  },

  "after a trap": async (_pkg, tools) => {
    const copy = tools.fresh();
    const fresh = await copy.index();
    const { call } = await copy.core();
    const { keyIdOf } = await copy.glue();
    const [sealedBy, key] = await makeKeys(fresh, 2);
    const store = mapStore();
    const cache = await fresh.KeyCache.open({ ...NAMED, store, sealedBy });
    const trap = () => call(() => keyIdOf({ length: 2 ** 32 - 1 }));
    store.getMany = async () => fails(fresh, "unsupported-environment", trap, "the trap");
    const calls = {
      "what waits": () => cache.get(key.id),
      get: () => cache.get(key.id),
      set: () => cache.set([key]),
      delete: () => cache.delete([key.id]),
      clear: () => cache.clear(),
      stats: () => cache.stats(),
    };
    for (const [name, run] of Object.entries(calls)) await fails(fresh, "unsupported-environment", run, name);
    cache.close();
  },

  arguments: async (pkg) => {
    const [sealedBy, key] = await makeKeys(pkg, 2);
    const open = (options) => () => pkg.KeyCache.open({ ...NAMED, ...options });
    const cache = await pkg.KeyCache.open(NAMED);
    const freed = await pkg.DataKey.generate();
    freed.free();
    const partial = mapStore();
    delete partial.ids;
    const trap = {
      get getMany() {
        throw new Error("canary");
      },
    };
    await allFail(pkg, [
      ["no options", () => pkg.KeyCache.open()],
      ["null", () => pkg.KeyCache.open(null)],
      ...["", 5, null, undefined, "x".repeat(129), "a\nb", "\ud800"].map((name) => [`name ${name}`, open({ name })]),
      ...["", 5, null, undefined, "x".repeat(129), "a→b", "\ud800"].map((userId) => [
        `user ${userId}`,
        open({ userId }),
      ]),
      ...["disk", "", 5, null, true, {}, [], partial, trap, () => {}].map((store) => [
        `store ${typeof store}`,
        open({ store, sealedBy }),
      ]),
      ...[-1, Number.NaN, Number.POSITIVE_INFINITY, 1.5, 2 ** 53, "5", null, 5n].flatMap((limit) => [
        [`ttlMs ${limit}`, open({ ttlMs: limit })],
        [`maxEntries ${limit}`, open({ maxEntries: limit })],
      ]),
      ...["x", 5, null, {}, freed, key.id].map((sealedBy) => [
        `sealedBy ${sealedBy}`,
        open({ sealedBy, store: mapStore() }),
      ]),
      ["sealedBy for indexeddb", open({ store: "indexeddb" })],
      ["sealedBy for a store", open({ store: mapStore() })],
      ["sealedBy for a store, ttl 0", open({ store: mapStore(), ttlMs: 0 })],
      ["new", () => new pkg.KeyCache()],
      ...[undefined, null, 5, "x", key, [5], [null], [key, {}], [key.id]].map((keys) => ["set", () => cache.set(keys)]),
      ...[undefined, null, 5, "x", [5], [key]].flatMap((ids) => [
        ["getMany", () => cache.getMany(ids)],
        ["delete", () => cache.delete(ids)],
      ]),
      ["get", () => cache.get(5)],
      ["get nothing", () => cache.get()],
    ]);
    equal(await cache.getMany([]), [], "none");
    await cache.set([]);
    await cache.delete([]);
  },

  "many, in short tasks": async (pkg) => {
    const [sealedBy] = await makeKeys(pkg, 1);
    const keys = await makeKeys(pkg, 3000);
    const store = mapStore();
    const cache = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
    await cache.set([...keys, ...keys]);
    equal((await cache.stats()).entries, 3000, "entries");
    const next = await pkg.KeyCache.open({ ...NAMED, store, sealedBy });
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    });
    ok((await there(next, keys)).every(Boolean), "all there");
    clearInterval(timer);
    ok(turns > 0, "others had a turn");
  },
};
