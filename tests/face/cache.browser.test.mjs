// The cache in Chromium, with every loss of storage that browsers know:  node --test tests/face/cache.browser.test.mjs
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { until } from "../../scripts/webdriver.mjs";
import { CHROMIUM, launch, PATIENCE_MS } from "./chromium.mjs";
import { openSite } from "./site.mjs";

const IDLE = { store: "indexeddb", degraded: null, wipes: 0 };
const memory = (degraded, wipes = 0) => ({ store: "memory", degraded, wipes });

await test("the cache in Chromium", async (t) => {
  const site = await openSite();
  t.after(site.close);
  const browser = await launch();
  t.after(() => browser.close());
  const within = (name, run) =>
    t.test(name, { timeout: 300_000 }, async () => {
      const context = await browser.newContext();
      context.setDefaultTimeout(PATIENCE_MS);
      const problems = [];
      context.on("page", (page) => page.on("pageerror", (error) => problems.push(String(error.stack ?? error))));
      const load = async (page = undefined) => {
        const loaded = page ?? (await context.newPage());
        await loaded.goto(`${site.url}face/cache/page.html`);
        await loaded.waitForFunction(() => globalThis.kit !== undefined);
        return loaded;
      };
      await run(load, context);
      assert.deepEqual(problems, [], "uncaught");
      await context.close();
    });

  /** `a` is kept by an earlier page. */
  const keptA = async (load) => {
    const page = await load();
    await page.evaluate(async () => {
      const cache = await kit.open();
      await cache.set([kit.a]);
      cache.close();
    });
    return page;
  };
  /** What a page finds that opens the cache now, sets `b`, and asks again. */
  const visit = (page) =>
    page.evaluate(async () => {
      const cache = await kit.open();
      const before = await kit.there(cache);
      await cache.set([kit.b]);
      const after = await kit.there(cache);
      const { entries, ...stats } = await kit.stats(cache);
      return { before, after, entries, stats };
    });

  await within("kept from page to page, sealed by a data key and by a key pair", async (load) => {
    const page = await keptA(load);
    assert.deepEqual(await visit(await load(page)), { before: "a--", after: "ab-", entries: 2, stats: IDLE });
    await load(page);
    const found = await page.evaluate(async () => {
      await kit.remove();
      localStorage.clear();
      const pair = await kit.pkg.KeyPair.generate();
      const password = "three blue herons at dawn";
      const kdf = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
      localStorage.backup = Array.from(await kit.pkg.sealBackup(pair, password, { userId: "alice", kdf }));
      const both = await Promise.all([kit.open({ sealedBy: pair }), kit.open({ sealedBy: pair })]);
      await Promise.all([both[0].set([kit.a]), both[1].set([kit.b])]);
      pair.free();
      return [await kit.there(both[0]), await kit.there(both[1])];
    });
    assert.deepEqual(found, ["ab-", "ab-"]);
    await load(page);
    const again = await page.evaluate(async () => {
      const backup = Uint8Array.from(localStorage.backup.split(","));
      const sealedBy = await kit.pkg.openBackup(backup, "three blue herons at dawn", { userId: "alice" });
      const theirs = await kit.open({ sealedBy: await kit.pkg.KeyPair.generate(), name: "other" });
      return [await kit.there(await kit.open({ sealedBy })), await kit.there(theirs)];
    });
    assert.deepEqual(again, ["ab-", "---"]);
  });

  await within("two tabs", async (load) => {
    const [one, two] = [await load(), await load()];
    for (const page of [one, two]) {
      await page.evaluate(async () => {
        globalThis.cache = await kit.open();
      });
    }
    await one.evaluate(() => cache.set([kit.a, kit.b]));
    assert.equal(await two.evaluate(() => kit.there(cache)), "ab-");
    await two.evaluate(() => cache.delete([kit.a.id]));
    assert.equal(await one.evaluate(() => kit.hears(async () => (await kit.there(cache)) === "-b-")), true);
    await one.evaluate(() => cache.clear());
    assert.equal(await two.evaluate(() => kit.hears(async () => (await kit.there(cache)) === "---")), true);
    // Rubbish on the channel is nothing.
    await one.evaluate(async () => {
      await cache.set([kit.c]);
      const channel = new BroadcastChannel((await kit.names())[0]);
      for (const message of [null, 1, "x", {}, { deleted: 1 }, { deleted: [null, 7, "x"] }])
        channel.postMessage(message);
      await kit.soon();
    });
    assert.equal(await two.evaluate(() => kit.there(cache)), "--c");
  });

  await within("used by many calls at once, closed and opened meanwhile", async (load) => {
    const page = await load();
    const found = await page.evaluate(async () => {
      const cache = await kit.open();
      const keys = await Promise.all(Array.from({ length: 300 }, (_, n) => kit.key(n + 1)));
      await Promise.all(keys.map((key) => cache.set([key])));
      const gets = keys.map((key) => cache.get(key.id));
      const many = cache.getMany(keys.map(({ id }) => id));
      const got = (await Promise.all(gets)).filter((key, at) => key?.id === keys[at].id).length;
      const all = (await many).filter((key) => key !== undefined).length;
      // Whatever is under way when it is closed ends, without a trap.
      const late = [cache.get(keys[0].id), cache.set([keys[0]]), cache.delete([keys[1].id]), cache.clear()];
      cache.close();
      const ends = await Promise.allSettled(late);
      return [got, all, ends.map(({ status }) => status), (await cache.stats()).entries];
    });
    assert.deepEqual(found, [300, 300, ["fulfilled", "fulfilled", "fulfilled", "fulfilled"], 0]);
  });

  // ---------------------------------------------------------------- wiped

  await within("cleared between loads: all of it is a first visit", async (load, context) => {
    const page = await keptA(load);
    const session = await context.newCDPSession(page);
    const origin = new URL(site.url).origin;
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
    assert.deepEqual(await visit(await load(page)), { before: "---", after: "-b-", entries: 1, stats: IDLE });
  });

  await within("cleared between loads: IndexedDB alone is a wipe, and each is counted", async (load, context) => {
    const page = await keptA(load);
    const session = await context.newCDPSession(page);
    const origin = new URL(site.url).origin;
    for (const wipes of [1, 2]) {
      await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
      const stats = { ...IDLE, wipes };
      assert.deepEqual(await visit(await load(page)), { before: "---", after: "-b-", entries: 1, stats });
    }
    const stats = { ...IDLE, wipes: 2 };
    assert.deepEqual(await visit(await load(page)), { before: "-b-", after: "-b-", entries: 1, stats });
  });

  await within("cleared between loads: localStorage alone costs nothing", async (load) => {
    const page = await keptA(load);
    await page.evaluate(() => localStorage.clear());
    assert.deepEqual(await visit(await load(page)), { before: "a--", after: "ab-", entries: 2, stats: IDLE });
  });

  await within("cleared under a running page", async (load, context) => {
    for (const types of ["indexeddb", "all"]) {
      const page = await load();
      await page.evaluate(async () => {
        globalThis.cache = await kit.open();
        await cache.set([kit.a]);
      });
      const session = await context.newCDPSession(page);
      await session.send("Storage.clearDataForOrigin", { origin: new URL(site.url).origin, storageTypes: types });
      const found = await page.evaluate(async () => {
        const before = await kit.there(cache);
        await cache.set([kit.b]);
        return [before, await kit.there(cache), await kit.stats(cache)];
      });
      assert.deepEqual(found, ["a--", "ab-", { ...IDLE, entries: 2, wipes: 1 }], types);
      // What was set since is kept.
      const next = await visit(await load(page));
      assert.deepEqual([next.before, next.stats.degraded], ["-b-", null], types);
      await page.evaluate(() => localStorage.clear());
      await page.evaluate(() => kit.remove());
      await page.close();
    }
  });

  await within("deleted by another page, while this one is connected", async (load) => {
    const page = await load();
    const found = await page.evaluate(async () => {
      const cache = await kit.open();
      await cache.set([kit.a]);
      await kit.remove();
      await cache.set([kit.b]);
      return [await kit.there(cache), await kit.stats(cache), await kit.there(await kit.open())];
    });
    assert.deepEqual(found, ["ab-", { ...IDLE, entries: 2, wipes: 1 }, "-b-"]);
  });

  await within("no localStorage, or one that throws, costs the count alone", async (load) => {
    const page = await keptA(load);
    for (const value of ["undefined", "throws", "full"]) {
      await load(page);
      await page.evaluate((value) => {
        if (value === "full") {
          kit.instead(Storage.prototype, "setItem", kit.fails("QuotaExceededError"));
          return;
        }
        const get = value === "throws" ? kit.fails("SecurityError") : () => undefined;
        Object.defineProperty(globalThis, "localStorage", { configurable: true, get });
      }, value);
      const found = await visit(page);
      assert.equal(found.stats.degraded, null, value);
      assert.equal(found.before[0], "a", value);
    }
  });

  await within("in a worker, where there is no localStorage", async (load) => {
    const page = await keptA(load);
    const found = await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker("worker.mjs", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = (event) => reject(new Error(event.message));
        }),
    );
    assert.deepEqual(found, ["a--", "ab-", { ...IDLE, entries: 2 }]);
  });

  // ---------------------------------------------------------------- missing, blocked, full, newer

  for (const [how, value, reason] of [
    ["undefined", () => undefined, "IndexedDB: missing"],
    ["null", () => null, "IndexedDB: missing"],
    [
      "a getter that throws",
      () => {
        throw new DOMException("injected", "SecurityError");
      },
      "IndexedDB: SecurityError",
    ],
  ]) {
    await within(`missing: indexedDB is ${how}`, async (load) => {
      const page = await load();
      await page.evaluate((source) => {
        const get = new Function(`return ${source}`)();
        Object.defineProperty(globalThis, "indexedDB", { configurable: true, get });
      }, String(value));
      assert.deepEqual(await visit(page), { before: "---", after: "-b-", entries: 1, stats: memory(reason) });
    });
  }

  await within("open() throws, and rejects", async (load) => {
    const page = await keptA(load);
    for (const name of ["SecurityError", "InvalidStateError", "UnknownError"]) {
      await load(page);
      await page.evaluate((name) => kit.instead(IDBFactory.prototype, "open", kit.fails(name)), name);
      assert.deepEqual((await visit(page)).stats, memory(`IndexedDB: ${name}`));
    }
  });

  await within("blocked: an older connection that doesn't close", async (load) => {
    const page = await keptA(load);
    const found = await page.evaluate(async () => {
      const waits = [];
      kit.instead(globalThis, "setTimeout", (set, act, ms, ...given) => {
        waits.push(ms);
        return set(act, ms, ...given);
      });
      // A deletion waits for a connection that stays, and all later openings wait for the deletion.
      globalThis.stays = await kit.connect();
      indexedDB.deleteDatabase(stays.name);
      const cache = await kit.open();
      await cache.set([kit.b]);
      return [await kit.there(cache), await kit.stats(cache), waits.filter((ms) => ms === 3_000).length];
    });
    assert.deepEqual(found, ["-b-", { ...memory("IndexedDB: blocked"), entries: 1 }, 1], "it is waited for once");
    // The opening that came too late is in nobody's way.
    const free = await page.evaluate(async () => {
      const { name } = stays;
      stays.close();
      // It comes after the one that came too late.
      (await kit.connect(undefined, name)).close();
      await kit.remove();
      return (await kit.names()).length;
    });
    assert.equal(free, 0);
  });

  await within("full: QuotaExceededError by put", async (load) => {
    const page = await keptA(load);
    await page.evaluate(() => kit.instead(IDBObjectStore.prototype, "put", kit.fails("QuotaExceededError")));
    const stats = memory("IndexedDB: QuotaExceededError");
    assert.deepEqual(await visit(page), { before: "a--", after: "ab-", entries: 2, stats });
    // There is room again.
    assert.deepEqual(await visit(await load(page)), { before: "a--", after: "ab-", entries: 2, stats: IDLE });
  });

  await within("full: the browser's own QuotaExceededError", async (load, context) => {
    const page = await load();
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(site.url).origin, quotaSize: 1 });
    const stats = memory("IndexedDB: QuotaExceededError");
    assert.deepEqual(await visit(page), { before: "---", after: "-b-", entries: 1, stats });
  });

  await within("of a newer version", async (load) => {
    const page = await keptA(load);
    await page.evaluate(async () => (await kit.connect(2)).close());
    const stats = memory("IndexedDB: VersionError");
    assert.deepEqual(await visit(page), { before: "---", after: "-b-", entries: 1, stats });
    // A newer one under a running page is given way to.
    const [old, newer] = [await load(), await load()];
    await newer.evaluate(async () => {
      await kit.remove();
      localStorage.clear();
    });
    await old.evaluate(async () => {
      globalThis.cache = await kit.open();
      await cache.set([kit.a]);
    });
    await newer.evaluate(async () => (await kit.connect(2)).close());
    const found = await old.evaluate(async () => {
      await cache.set([kit.b]);
      return [await kit.there(cache), await kit.stats(cache)];
    });
    assert.deepEqual(found, ["ab-", { ...stats, entries: 2 }]);
  });

  await within("another table than ours", async (load) => {
    const page = await keptA(load);
    await page.evaluate(async () => {
      const [name] = await kit.names();
      await kit.remove();
      await new Promise((resolve) => {
        const request = indexedDB.open(name, 1);
        request.onupgradeneeded = () => request.result.createObjectStore("else");
        request.onsuccess = () => resolve(request.result.close());
      });
    });
    const stats = memory("IndexedDB: NotFoundError");
    assert.deepEqual(await visit(page), { before: "---", after: "-b-", entries: 1, stats });
  });

  // ---------------------------------------------------------------- corrupt

  await within("corrupt rows: garbage, cut, of other types, exchanged", async (load) => {
    const page = await load();
    const found = await page.evaluate(async () => {
      const garbage = (length) => crypto.getRandomValues(new Uint8Array(length));
      const changes = {
        garbage: () => garbage(121),
        long: () => garbage(60_000),
        empty: () => new Uint8Array(),
        cut: (row) => row.slice(0, 120),
        longer: (row) => new Uint8Array([...row, 0]),
        version: (row) => row.with(0, 1),
        "last byte": (row) => row.with(120, row[120] ^ 1),
        other: (_, other) => other,
        text: () => "text",
        number: () => 7,
        null: () => null,
        undefined: () => undefined,
        object: (row) => ({ row }),
        buffer: (row) => row.buffer,
        blob: (row) => new Blob([row]),
        view: (row) => new DataView(row.buffer),
        date: () => new Date(),
      };
      const result = {};
      for (const [name, change] of Object.entries(changes)) {
        const cache = await kit.open();
        await cache.set([kit.a, kit.b]);
        cache.close();
        const [one, two] = await kit.rows((table) => [table.get(`k.${kit.a.id}`), table.get(`k.${kit.b.id}`)]);
        await kit.rows((table) => table.put(change(one, two), `k.${kit.a.id}`));
        await kit.rows((table) => [table.put(one, 5), table.put(one, [1, "x"]), table.put(one, new Date())]);
        const next = await kit.open();
        const first = await kit.there(next);
        const { degraded } = await kit.stats(next);
        await next.set([kit.a]);
        result[name] = [first, degraded, await kit.there(next), await kit.there(await kit.open())];
        await next.clear();
      }
      return result;
    });
    for (const [name, row] of Object.entries(found)) assert.deepEqual(row, ["-b-", null, "ab-", "ab-"], name);
    assert(Object.keys(found).length > 15);
  });

  // ---------------------------------------------------------------- lost connections

  await within("a connection that is closed is opened again, once", async (load) => {
    const page = await load();
    const found = await page.evaluate(async () => {
      const result = [];
      const lose = {
        "close event": (database) => {
          database.close();
          database.dispatchEvent(new Event("close"));
        },
        "InvalidStateError on transaction()": (database) => database.close(),
      };
      for (const [name, loss] of Object.entries(lose)) {
        let connection;
        kit.instead(
          IDBDatabase.prototype,
          "transaction",
          function (original, ...given) {
            connection = this;
            return original(...given);
          },
          1,
        );
        const cache = await kit.open();
        await cache.set([kit.a]);
        loss(connection);
        await cache.set([kit.b]);
        const next = await kit.open();
        result.push([name, await kit.there(cache), await kit.stats(cache), await kit.there(next)]);
        await next.clear();
      }
      return result;
    });
    for (const [name, here, stats, kept] of found)
      assert.deepEqual([here, stats, kept], ["ab-", { ...IDLE, entries: 2 }, "ab-"], name);
    assert.equal(found.length, 2);
  });

  await within("a connection that is lost in the middle, once and always", async (load) => {
    const page = await load();
    const found = await page.evaluate(async () => {
      const result = {};
      const abort = function (original, ...given) {
        const request = original(...given);
        this.transaction.abort();
        return request;
      };
      for (const times of [1, 2]) {
        const cache = await kit.open();
        kit.instead(IDBObjectStore.prototype, "put", abort, times);
        await cache.set([kit.a]);
        result[times] = [await kit.there(cache), (await kit.stats(cache)).degraded, await kit.there(await kit.open())];
        await cache.clear();
      }
      for (const name of ["InvalidStateError", "UnknownError"]) {
        const cache = await kit.open();
        kit.instead(IDBDatabase.prototype, "transaction", kit.fails(name), 2);
        await cache.set([kit.a]);
        result[name] = [await kit.there(cache), (await kit.stats(cache)).degraded, await kit.there(await kit.open())];
      }
      return result;
    });
    assert.deepEqual(found, {
      1: ["a--", null, "a--"],
      2: ["a--", "IndexedDB: AbortError", "---"],
      InvalidStateError: ["a--", "IndexedDB: InvalidStateError", "---"],
      UnknownError: ["a--", "IndexedDB: UnknownError", "---"],
    });
  });

  await within("reading that fails is a miss, and memory serves", async (load) => {
    const page = await keptA(load);
    for (const method of ["get", "getAll", "getAllKeys"]) {
      await load(page);
      await page.evaluate((method) => kit.instead(IDBObjectStore.prototype, method, kit.fails("DataError")), method);
      const found = await visit(page);
      assert.equal(found.after[1], "b", method);
      assert.deepEqual(found.stats, memory("IndexedDB: DataError"), method);
    }
  });

  await within("a request that never ends", async (load) => {
    const page = await keptA(load);
    await page.clock.install();
    await page.evaluate(() => {
      // A transaction of which nothing is heard any more.
      const table = new Proxy({}, { get: () => () => ({}) });
      kit.instead(IDBDatabase.prototype, "transaction", () => {
        globalThis.asked = true;
        return { objectStore: () => table };
      });
      globalThis.opening = kit.open();
    });
    await until("the request", () => page.evaluate(() => globalThis.asked));
    await page.clock.runFor(20_000);
    const found = await page.evaluate(async () => {
      const cache = await opening;
      await cache.set([kit.b]);
      return [await kit.there(cache), await kit.stats(cache)];
    });
    assert.deepEqual(found, ["-b-", { ...memory("IndexedDB: TimeoutError"), entries: 1 }]);
  });

  // ---------------------------------------------------------------- C1, C3, C4

  await within("C3: put throws DataCloneError, and the store holds no key", async (load) => {
    const page = await load();
    const found = await page.evaluate(async () => {
      const cache = await kit.open();
      await cache.set([kit.a]);
      const given = [];
      kit.instead(IDBObjectStore.prototype, "put", (original, ...row) => {
        given.push(row[0]);
        if (given.length === 2) throw new DOMException("injected", "DataCloneError");
        return original(...row);
      });
      await cache.set([kit.b, kit.c]);
      const [ids, values] = await kit.rows();
      const plain = given.concat(values).every((value) => value instanceof Uint8Array && value.length === 121);
      return [await kit.there(cache), await kit.stats(cache), ids.length, plain, given.length];
    });
    // All or nothing: of the two that were set together, none is kept.
    assert.deepEqual(found, ["abc", { ...memory("IndexedDB: DataCloneError"), entries: 3 }, 1, true, 2]);
  });

  await within("C4: a foreign or stale entry, and a clock that was set back", async (load) => {
    const page = await keptA(load);
    const found = await page.evaluate(async () => {
      const [ids, values] = await kit.rows();
      const bob = await kit.open({ userId: "bob" });
      await bob.set([kit.c]);
      bob.close();
      // Alice's entry among Bob's: the database that isn't hers.
      const [first] = await kit.names();
      for (const name of await kit.names()) {
        const database = await new Promise((resolve) => {
          const request = indexedDB.open(name);
          request.onsuccess = () => resolve(request.result);
        });
        const transaction = database.transaction("entries", "readwrite");
        for (const [at, id] of ids.entries()) transaction.objectStore("entries").put(values[at], id);
        await new Promise((resolve) => {
          transaction.oncomplete = resolve;
        });
        database.close();
      }
      const now = Date.now;
      const result = {
        bob: await kit.there(await kit.open({ userId: "bob" })),
        alice: await kit.there(await kit.open()),
      };
      const day = 24 * 3_600_000;
      Date.now = () => now() + day;
      result.tomorrow = await kit.there(await kit.open());
      Date.now = now;
      const cache = await kit.open();
      await cache.set([kit.a]);
      result.before = await kit.there(cache);
      Date.now = () => now() - day;
      result.yesterday = await kit.there(cache);
      result.stats = await kit.stats(cache);
      await cache.set([kit.b]);
      result.goes = await kit.there(cache);
      const next = await kit.open();
      result.next = await kit.there(next);
      result.first = typeof first;
      return result;
    });
    assert.deepEqual(found, {
      bob: "--c",
      alice: "a--",
      tomorrow: "---",
      before: "a--",
      yesterday: "---",
      stats: { ...memory("the clock was set back"), entries: 0 },
      goes: "-b-",
      next: "---",
      first: "string",
    });
  });

  await t.test("C1: no canary in storage, nor in the profile's files", { timeout: 300_000 }, async () => {
    const profile = mkdtempSync(join(tmpdir(), "wardkey-profile-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      args: CHROMIUM_ARGS,
      timeout: PATIENCE_MS,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    let canaries;
    try {
      const page = await context.newPage();
      await page.goto(`${site.url}face/cache/page.html`);
      await page.waitForFunction(() => globalThis.kit !== undefined);
      canaries = await page.evaluate(async () => {
        const raws = Array.from({ length: 40 }, () => crypto.getRandomValues(new Uint8Array(32)));
        const keys = await Promise.all(raws.map((raw) => kit.pkg.DataKey.importRaw(raw)));
        const pair = await kit.pkg.KeyPair.generate();
        for (const [name, sealedBy] of Object.entries({ key: keys[0], pair })) {
          const cache = await kit.open({ name, sealedBy });
          await cache.set(keys);
          await cache.delete([keys[1].id]);
          await cache.getMany(keys.map(({ id }) => id));
          cache.close();
          if ((await (await kit.open({ name, sealedBy })).get(keys[5].id)) === undefined) throw new Error("not kept");
        }
        // The search finds what stands there.
        localStorage.known = "a canary that is known to be there";
        const sent = crypto.getRandomValues(new Uint8Array(32));
        const plain = await kit.open({ name: "known" });
        const [name] = await kit.names();
        plain.close();
        await new Promise((resolve) => {
          const request = indexedDB.open(name);
          request.onsuccess = () => {
            const transaction = request.result.transaction("entries", "readwrite");
            transaction.objectStore("entries").put(sent, "known");
            transaction.oncomplete = resolve;
          };
        });
        return { secret: raws.map((raw) => Array.from(raw)), known: Array.from(sent) };
      });
    } finally {
      await context.close();
    }
    const files = readdirSync(profile, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const all = Buffer.concat(files.map((file) => readFileSync(join(file.parentPath ?? file.path, file.name))));
    rmSync(profile, { recursive: true, force: true });
    const forms = (bytes) => {
      const raw = Buffer.from(bytes);
      const texts = [raw.toString("hex"), raw.toString("hex").toUpperCase(), raw.toString("base64").slice(0, 42)];
      return [
        raw,
        ...[...texts, raw.toString("base64url").slice(0, 42), raw.join(",")].flatMap((text) => [
          Buffer.from(text),
          Buffer.from(text, "utf16le"),
        ]),
      ];
    };
    const seen = (bytes) => forms(bytes).some((form) => all.includes(form));
    assert(seen(canaries.known), "the search finds what is there");
    assert.equal(canaries.secret.length, 40);
    assert.deepEqual(canaries.secret.filter(seen), []);
  });
});
