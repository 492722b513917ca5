// A client in Chromium: reloads, other tabs, and every loss of storage that browsers know:  node --test tests/face/client.browser.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../scripts/webdriver.mjs";
import { launch } from "./chromium.mjs";
import { openClientSite } from "./client/site.mjs";

await test("a client in Chromium", async (t) => {
  const site = await openClientSite();
  t.after(site.close);
  const browser = await launch();
  t.after(() => browser.close());
  const within = (name, run) =>
    t.test(name, { timeout: 300_000 }, async () => {
      const world = await site.visit(browser);
      await run(world);
      assert.deepEqual(world.problems, [], "uncaught");
      await world.context.close();
    });

  /** An earlier page has registered anna, or another one. */
  const registered = async (world, options = {}) => {
    const page = await world.load();
    await page.evaluate(async (options) => {
      await kit.open(options);
      await kit.user.register({ userId: options.userId ?? "anna", password: kit.PASSWORD });
    }, options);
    world.take();
    return page;
  };
  const opened = (page, options) => page.evaluate((options) => kit.open(options), options);
  const status = (page) => page.evaluate(() => kit.user.status);
  const health = (page) =>
    page.evaluate(async () => {
      const { identityStore, backup, lastWipe, outbox } = await kit.user.storageHealth();
      return {
        identityStore,
        backup,
        wiped: lastWipe === undefined ? null : Math.abs(Date.now() - lastWipe) < 60_000,
        outbox,
      };
    });

  // ---------------------------------------------------------------- reloads

  await within("a reload goes on, without a request and with all keys", async (world) => {
    const page = await registered(world);
    const before = await page.evaluate(async () => {
      const session = await kit.user.createSession({ recipients: [] });
      return [kit.user.fingerprint, session.id];
    });
    world.take();
    await world.load(page);
    assert.equal(await opened(page), "ready");
    assert.deepEqual(world.take(), []);
    const after = await page.evaluate(
      async (id) => [kit.user.fingerprint, (await kit.user.openSession(id)).id],
      before[1],
    );
    assert.deepEqual(after, before);
    assert.deepEqual(await page.evaluate(() => [kit.user.userId, kit.statuses()]), ["anna", []]);
    // Without a user: who was here last.
    await world.load(page);
    assert.equal(await opened(page, { userId: undefined }), "ready");
    assert.equal(await page.evaluate(() => kit.user.userId), "anna");
    // Also after what rewrites the entry.
    await page.evaluate(() => kit.user.changePassword({ oldPassword: kit.PASSWORD, newPassword: "two" }));
    await page.evaluate(() => kit.user.renewKeys({ password: "two" }));
    await world.load(page);
    assert.equal(await opened(page), "ready");
    assert.equal(await page.evaluate(() => kit.user.fingerprint), before[0]);
  });

  await within("close() leaves what reloads go on with", async (world) => {
    const page = await registered(world);
    const found = await page.evaluate(async () => {
      await kit.user.close();
      const again = await kit.open();
      await kit.user.close();
      return again;
    });
    assert.equal(found, "ready");
    await world.load(page);
    assert.equal(await opened(page), "ready");
  });

  await within("an identity of RSA", async (world) => {
    const page = await registered(world, { suite: "rsa-3072" });
    const id = await page.evaluate(async () => (await kit.user.createSession({ recipients: [] })).id);
    await world.load(page);
    assert.equal(await opened(page), "ready");
    assert.equal(await page.evaluate(async (id) => (await kit.user.openSession(id)).id, id), id);
    assert.deepEqual(
      await page.evaluate(() => kit.kinds()),
      ["active", "backup", "key.resume", "last", "resume", "rsa"].filter((kind) => kind !== "active"),
    );
    await page.evaluate(() => kit.user.lock());
    assert.deepEqual(await page.evaluate(() => kit.kinds()), ["backup", "last"]);
    // Wiped under a page that has no private key in its memory.
    await page.evaluate(() => kit.user.unlock(kit.anna));
    await world.load(page);
    assert.equal(await opened(page), "ready");
    const found = await page.evaluate(async (id) => {
      await kit.rows((table) => table.clear());
      const session = await kit.user.openSession(id);
      await session.rotate();
      await kit.user.cache.clear();
      session.free();
      const again = await kit.user.openSession(id);
      const end = await kit.code(() => again.encrypt("x"));
      return [again.id, end, kit.user.status];
    }, id);
    assert.deepEqual(found, [id, "ok", "ready"]);
    await page.evaluate(() => kit.user.lock());
    assert.deepEqual(await page.evaluate(() => kit.kinds()), []);
    await world.load(page);
    assert.equal(await opened(page), "new");
  });

  await within("resumeMs: 0 asks at every load", async (world) => {
    const page = await registered(world, { resumeMs: 0 });
    assert.deepEqual(await page.evaluate(() => kit.kinds()), ["backup", "last"]);
    await world.load(page);
    assert.equal(await opened(page, { resumeMs: 0 }), "locked");
    assert.equal(await page.evaluate(() => kit.user.unlock(kit.anna)), "local");
    // An application that has it so since yesterday.
    await world.load(page);
    await opened(page);
    await page.evaluate(() => kit.user.unlock(kit.anna));
    await world.load(page);
    assert.equal(await opened(page, { resumeMs: 0 }), "locked");
    assert.deepEqual(await page.evaluate(() => kit.kinds()), ["backup", "last"]);
  });

  await within("the end is absolute, whatever happens meanwhile and whichever clock is set back", async (world) => {
    const resumeMs = 3_600_000;
    const page = await registered(world, { resumeMs });
    for (const [minutes, expected] of [
      [30, "ready"],
      [59, "ready"],
      [-1, "ready"],
      [61, "locked"],
      [30, "locked"],
    ]) {
      await world.load(page);
      await page.evaluate((ms) => kit.moveClock(ms), minutes * 60_000);
      assert.equal(await opened(page, { resumeMs }), expected, `after ${minutes} minutes`);
      // What is written doesn't make it longer.
      if (expected === "ready")
        await page.evaluate(() => kit.user.createSession({ recipients: [{ placeholder: "x" }] }));
    }
    assert.deepEqual(await page.evaluate(() => kit.kinds()), ["backup", "last"]);
    await page.evaluate(() => kit.user.unlock(kit.anna));
    await world.load(page);
    await page.evaluate(() => kit.moveClock(-24 * 3_600_000));
    assert.equal(await opened(page, { resumeMs }), "locked", "a day back");
    assert.deepEqual(await page.evaluate(() => kit.kinds()), ["backup", "last"]);
  });

  await within("an entry that was changed, or is another user's, is none", async (world) => {
    const page = await registered(world);
    await registered(world, { userId: "bob" });
    await page.evaluate(async () => {
      await kit.user.unlock(kit.anna);
      globalThis.good = await kit.dump();
    });
    const found = await page.evaluate(async () => {
      const name = [...good.keys()].find((name) => name.startsWith("resume."));
      const row = good.get(name);
      const changes = {
        whole: row,
        end: row.with(5, row[5] ^ 1),
        iv: row.with(9, row[9] ^ 1),
        body: row.with(60, row[60] ^ 1),
        tag: row.with(-1, row.at(-1) ^ 1),
        cut: row.slice(0, 40),
        empty: new Uint8Array(),
        version: row.with(0, 2),
        text: "text",
        null: null,
        object: {},
      };
      const result = {};
      for (const [change, value] of Object.entries(changes)) {
        await kit.user.close();
        await kit.restore(new Map([...good, [name, value]]));
        result[change] = await kit.open();
      }
      return result;
    });
    const { whole, ...rest } = found;
    assert.equal(whole, "ready");
    for (const [change, status] of Object.entries(rest)) assert.equal(status, "locked", change);
    const others = await page.evaluate(async () => {
      await kit.user.close();
      const tag = (of) => [...good.keys()].find((name) => name.startsWith(`${of}.`)).slice(of.length + 1);
      await kit.restore(good);
      // Under bob's name, with bob's backup.
      const [bobs] = [...good.keys()].filter(
        (name) => name.startsWith("backup.") && name !== `backup.${tag("resume")}`,
      );
      const bob = bobs.slice("backup.".length);
      await kit.restore(
        new Map([
          ...good,
          [`resume.${bob}`, good.get(`resume.${tag("resume")}`)],
          [`key.resume.${bob}`, good.get(`key.resume.${tag("resume")}`)],
        ]),
      );
      return kit.open({ userId: "bob" });
    });
    assert.equal(others, "locked");
  });

  // ---------------------------------------------------------------- tabs

  await within("two tabs: unlocked once, locked once", async (world) => {
    const [one, two] = [await world.load(), await world.load()];
    for (const page of [one, two]) assert.equal(await opened(page), "new");
    await one.evaluate(() => kit.user.register(kit.anna));
    await two.evaluate(() => kit.until(() => kit.user.status === "ready"));
    assert.deepEqual(await two.evaluate(() => kit.statuses()), ["ready"]);
    world.take();
    await two.evaluate(() => kit.user.lock());
    await one.evaluate(() => kit.until(() => kit.user.status === "locked"));
    for (const page of [one, two]) assert.deepEqual(await page.evaluate(() => kit.statuses()), ["ready", "locked"]);
    for (const page of [one, two])
      assert.equal(await page.evaluate(() => kit.code(() => kit.user.safetyNumber("x"))), "locked");
    const three = await world.load();
    assert.equal(await opened(three), "locked");
    assert.deepEqual(world.take(), []);
    await three.evaluate(() => kit.user.unlock(kit.anna));
    for (const page of [one, two]) await page.evaluate(() => kit.until(() => kit.user.status === "ready"));
    await three.evaluate(() => kit.user.forget());
    for (const page of [one, two]) await page.evaluate(() => kit.until(() => kit.user.status === "new"));
    assert.deepEqual(await three.evaluate(() => kit.kinds()), []);
  });

  await within("two tabs unlock at once, in one moment and again", async (world) => {
    const one = await registered(world);
    const two = await world.load();
    await opened(two);
    for (let round = 0; round < 5; round += 1) {
      await one.evaluate(() => kit.user.lock());
      await two.evaluate(() => kit.until(() => kit.user.status === "locked"));
      const ends = await Promise.all([one, two].map((page) => page.evaluate(() => kit.user.unlock(kit.anna))));
      assert.deepEqual(ends, ["local", "local"]);
      for (const page of [one, two]) {
        assert.equal(await status(page), "ready");
        await world.load(page);
        assert.equal(await opened(page), "ready", `round ${round}`);
      }
    }
  });

  await within("a page that asks for a lock and is gone: the others lock", async (world) => {
    const one = await registered(world);
    const two = await world.load();
    assert.equal(await opened(two), "ready");
    await one.evaluate(() => {
      kit.user.lock();
    });
    await one.close();
    await two.evaluate(() => kit.until(() => kit.user.status === "locked"));
    await two.evaluate(() => kit.until(async () => !(await kit.kinds()).includes("resume")));
    const three = await world.load();
    assert.equal(await opened(three), "locked");
  });

  await within("a page that is still being loaded while another one locks", async (world) => {
    const one = await registered(world);
    for (const options of [{}, { userId: undefined }]) {
      const two = await world.load();
      await two.evaluate((options) => {
        globalThis.holds = { asked: false, now: true };
        kit.instead(IDBObjectStore.prototype, "get", (get, row) => {
          const again = () => {
            if (holds.now) get(row).onsuccess = again;
          };
          if (String(row).startsWith("key.resume.")) {
            holds.asked = true;
            again();
          }
          return get(row);
        });
        globalThis.opening = kit.open(options);
      }, options);
      await two.evaluate(() => kit.until(() => holds.asked));
      await two.evaluate(() => kit.listen());
      // It goes on with the entry that it has read, which the other page can't delete before.
      await one.evaluate(() => {
        globalThis.locking = kit.user.lock();
      });
      await two.evaluate(() => kit.until(() => kit.locks.length > 0));
      const found = await two.evaluate(() => {
        holds.now = false;
        return opening;
      });
      assert.equal(found, "locked");
      await one.evaluate(() => locking);
      assert.ok(!(await two.evaluate(() => kit.kinds())).includes("resume"), "the entry is gone");
      await one.evaluate(() => kit.user.unlock(kit.anna));
      await two.evaluate(() => kit.until(() => kit.user.status === "ready"));
      await two.close();
    }
  });

  await within("another user: the entry of the one before is gone, and stays so", async (world) => {
    const page = await registered(world);
    const annas = await world.load();
    assert.equal(await opened(annas), "ready");
    await registered(world, { userId: "bob" });
    assert.deepEqual(await page.evaluate(() => kit.kinds()), ["backup", "backup", "key.resume", "last", "resume"]);
    const next = await world.load();
    assert.equal(await opened(next), "locked", "anna");
    await world.load(next);
    assert.equal(await opened(next, { userId: "bob" }), "ready", "bob");
    await world.load(next);
    assert.equal(await opened(next, { userId: undefined }), "ready", "who was here last");
    assert.equal(await next.evaluate(() => kit.user.userId), "bob");
    // A page in which anna is still open writes something.
    await annas.evaluate(() => kit.user.createSession({ recipients: [{ user: "bob" }] }));
    assert.deepEqual(await health(annas), { identityStore: "indexeddb", backup: "current", wiped: null, outbox: 0 });
    await world.load(next);
    assert.equal(await opened(next, { userId: undefined }), "ready", "bob still");
    assert.equal(await next.evaluate(() => kit.user.userId), "bob");
    // Her lock is hers.
    await annas.evaluate(() => kit.user.lock());
    await world.load(next);
    assert.equal(await opened(next, { userId: "bob" }), "ready", "bob, after anna's lock");
  });

  await within("two applications of one origin have nothing to do with each other", async (world) => {
    const page = await registered(world);
    const found = await page.evaluate(async () => {
      const backend = (await import("../../pkg/testing.js")).memoryBackend();
      const open = () => kit.pkg.Wardkey.open({ appId: "other", backend, userId: "anna", kdf: kit.KDF });
      const other = await open();
      await other.register(kit.anna);
      await other.lock();
      const mine = kit.user.status;
      await kit.user.close();
      const again = await kit.open();
      await other.unlock(kit.anna);
      await kit.user.lock();
      await other.close();
      return [mine, again, (await open()).status];
    });
    assert.deepEqual(found, ["ready", "ready", "ready"]);
  });

  await within("push: one page listens and tells the others; when it is gone another one does", async (world) => {
    const one = await registered(world);
    const two = await world.load();
    assert.equal(await opened(two), "ready");
    const pages = () => [...world.listening.values()].map(({ page }) => page);
    await until("one listens", () => pages().length > 0);
    await two.evaluate(() => kit.soon(300));
    assert.deepEqual(pages(), [one], "one listens");
    // Another device writes.
    const other = await site.visit(browser, { server: world.server });
    const device = await other.load();
    await opened(device);
    await device.evaluate(() => kit.user.unlock(kit.anna));
    await device.evaluate(() => kit.user.createSession({ recipients: [{ placeholder: "x" }] }));
    world.take();
    await device.evaluate(() => kit.user.changePassword({ oldPassword: kit.PASSWORD, newPassword: "two" }));
    for (const page of [one, two]) await page.evaluate(() => kit.until(() => kit.user.status === "locked"));
    await other.context.close();
    await two.evaluate(() => kit.user.unlock({ userId: "anna", password: "two" }));
    await one.evaluate(() => kit.until(() => kit.user.status === "ready"));
    await until("one listens again", () => pages().length === 1);
    await two.evaluate(() => kit.soon(300));
    const [listening] = pages();
    assert.equal(pages().length, 1, "one listens again");
    await listening.close();
    const rest = listening === one ? two : one;
    await until("the other one listens now", () => pages().includes(rest));
    await rest.evaluate(() => kit.user.lock());
    await until("nobody after a lock", () => !pages().includes(rest));
  });

  await within("a page that comes back from where browsers keep pages has missed a lock", async (world) => {
    const one = await registered(world);
    const shown = (page) =>
      page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
    await shown(one);
    await one.evaluate(() => kit.soon(300));
    assert.deepEqual(
      [await status(one), await one.evaluate(() => kit.statuses())],
      ["ready", ["ready"]],
      "nothing was missed",
    );
    await one.evaluate(async () => {
      // Another page has deleted it.
      await kit.rows((table) => table.delete(IDBKeyRange.bound("resume.", "resume/")));
    });
    await shown(one);
    await one.evaluate(() => kit.until(() => kit.user.status === "locked"));
  });

  // ---------------------------------------------------------------- idle

  await within("lockAfterMs: whoever does something in one tab keeps all open", async (world) => {
    const options = { lockAfterMs: 60_000 };
    const one = await registered(world, options);
    const two = await world.load();
    assert.equal(await opened(two, options), "ready");
    await one.evaluate(() => kit.listen());
    for (let count = 1; count <= 3; count += 1) {
      for (const page of [one, two]) await page.evaluate(() => kit.moveClock(25_000));
      await two.mouse.move(100 * count, 100);
      await one.evaluate((count) => kit.until(() => kit.signs.length >= count), count);
    }
    for (const page of [one, two]) await page.evaluate(() => dispatchEvent(new Event("pageshow")));
    assert.deepEqual([await status(one), await status(two)], ["ready", "ready"], "in use");
    for (const page of [one, two]) {
      await page.evaluate(() => kit.moveClock(61_000));
      await page.evaluate(() => dispatchEvent(new Event("pageshow")));
      await page.evaluate(() => kit.until(() => kit.user.status === "locked"));
    }
    assert.ok(!(await one.evaluate(() => kit.kinds())).includes("resume"), "the entry is gone");
    await world.load(one);
    assert.equal(await opened(one, options), "locked");
  });

  await within("lockAfterMs: nobody was there while no page was", async (world) => {
    const options = { lockAfterMs: 60_000 };
    const page = await registered(world, options);
    await world.load(page);
    assert.equal(await opened(page, options), "ready", "at once");
    await page.close();
    const next = await world.load();
    await next.evaluate(() => kit.moveClock(61_000));
    assert.equal(await opened(next, options), "locked", "later");
    assert.ok(!(await next.evaluate(() => kit.kinds())).includes("resume"), "the entry is gone");
    await next.evaluate(() => kit.user.unlock(kit.anna));
    await world.load(next);
    await next.evaluate(() => kit.moveClock(61_000));
    assert.equal(await opened(next, options), "ready", "unlocked again");
    await world.load(next);
    await next.evaluate(() => kit.moveClock(-3_600_000));
    assert.equal(await opened(next, options), "locked", "a clock that was set back");
  });

  await within("lockAfterMs: whoever unlocks in another page is there, whatever was kept of it", async (world) => {
    const one = await registered(world);
    const two = await world.load();
    const options = { lockAfterMs: 60_000 };
    assert.equal(await opened(two, options), "locked", "an application that has it since now");
    await one.evaluate(() => kit.user.lock());
    await one.evaluate(() => kit.user.unlock(kit.anna));
    await two.evaluate(() => kit.until(() => kit.user.status === "ready"));
    assert.ok((await one.evaluate(() => kit.kinds())).includes("resume"), "the entry stays");
  });

  // ---------------------------------------------------------------- wiped

  await within("the nightly wipe: the password alone, in at most four requests", async (world) => {
    const page = await registered(world);
    const before = await page.evaluate(async () => {
      const { id } = await kit.user.createSession({ recipients: [] });
      return [kit.user.fingerprint, id];
    });
    for (const types of ["all", "indexeddb"]) {
      await world.clear(page, types);
      await world.load(page);
      world.take();
      assert.equal(await opened(page), "new", types);
      assert.deepEqual(
        await health(page),
        { identityStore: "indexeddb", backup: "none", wiped: types === "all" ? null : true, outbox: 0 },
        types,
      );
      const found = await page.evaluate(async (id) => {
        await kit.user.loginSecret(kit.anna);
        const from = await kit.user.unlock(kit.anna);
        return [from, kit.user.fingerprint, (await kit.user.openSession(id)).id];
      }, before[1]);
      assert.deepEqual(found, ["restored", ...before], types);
      const asked = world.take();
      assert.ok(asked.filter((what) => !what.includes("keys")).length <= 4, String(asked));
      await world.load(page);
      assert.equal(await opened(page), "ready", types);
    }
    // It stays known, and is told once.
    assert.equal((await health(page)).wiped, true);
  });

  await within("localStorage wiped alone costs nothing; a first visit, and forget(), are no wipes", async (world) => {
    const page = await registered(world);
    assert.equal((await health(page)).wiped, null);
    await page.evaluate(() => localStorage.clear());
    await world.load(page);
    assert.deepEqual([await opened(page), (await health(page)).wiped], ["ready", null]);
    await page.evaluate(() => kit.user.forget());
    assert.equal((await health(page)).wiped, null);
    await world.load(page);
    assert.deepEqual([await opened(page, { userId: "bob" }), (await health(page)).wiped], ["new", null]);
  });

  await within("wiped under a running page", async (world) => {
    for (const types of ["indexeddb", "all"]) {
      const page = await world.load();
      await opened(page);
      await page.evaluate(() => kit.code(() => kit.user.register(kit.anna)));
      await page.evaluate(() => kit.user.unlock(kit.anna));
      await world.clear(page, types);
      const found = await page.evaluate(async () => {
        const session = await kit.user.createSession({ recipients: [{ placeholder: `${Math.random()}` }] });
        const ready = kit.user.status;
        const { lastWipe, identityStore } = await kit.user.storageHealth();
        await kit.user.lock();
        const locked = kit.user.status;
        const from = await kit.user.unlock(kit.anna);
        return [
          ready,
          identityStore,
          lastWipe !== undefined,
          locked,
          from,
          (await kit.user.openSession(session.id)).id === session.id,
        ];
      });
      assert.deepEqual([found[0], found[1], found[2], found[5]], ["ready", "indexeddb", true, true], types);
      // What it wrote since is there, or nothing is.
      assert.ok(["new restored", "locked local"].includes(`${found[3]} ${found[4]}`), String(found));
      await world.load(page);
      assert.equal(await opened(page), "ready", "kept again");
      await page.evaluate(() => kit.user.forget());
      await page.close();
    }
  });

  // ---------------------------------------------------------------- missing, blocked, refused, full, newer

  /** A whole life in a page whose storage fails. Never an error, and memory serves. */
  const life = (page, options) =>
    page.evaluate(async (options) => {
      const first = await kit.open(options);
      await kit.soon(10);
      const registered = await kit.code(() => kit.user.register(kit.anna));
      const unlocked = await kit.user.unlock(kit.anna);
      const { id } = await kit.user.createSession({ recipients: [{ placeholder: "x" }] });
      await kit.user.lock();
      const locked = kit.user.status;
      const wrong = await kit.code(() => kit.user.unlock({ ...kit.anna, password: "x" }));
      const again = await kit.user.unlock(kit.anna);
      const opened = (await kit.user.openSession(id)).id === id;
      const { identityStore, backup } = await kit.user.storageHealth();
      await kit.user.forget();
      const forgotten = kit.user.status;
      const restored = await kit.user.unlock(kit.anna);
      return {
        first,
        registered,
        unlocked,
        locked,
        wrong,
        again,
        opened,
        identityStore,
        backup,
        forgotten,
        restored,
        reasons: kit.reasons(),
      };
    }, options);
  const inMemory = (reason, more = {}) => ({
    first: "new",
    registered: "ok",
    unlocked: "local",
    locked: "locked",
    wrong: "wrong-password",
    again: "local",
    opened: true,
    identityStore: "memory",
    backup: "current",
    forgotten: "new",
    restored: "restored",
    reasons: [reason],
    ...more,
  });

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
  ])
    await within(`missing: indexedDB is ${how}`, async (world) => {
      const page = await world.load();
      await page.evaluate((source) => {
        const get = new Function(`return ${source}`)();
        Object.defineProperty(globalThis, "indexedDB", { configurable: true, get });
      }, String(value));
      assert.deepEqual(await life(page), inMemory(reason));
      await world.load(page);
      assert.equal(await opened(page), "new", "nothing was kept");
    });

  await within("refused: open() throws, and rejects", async (world) => {
    const page = await registered(world);
    for (const name of ["SecurityError", "InvalidStateError", "UnknownError"]) {
      await world.load(page);
      await page.evaluate((name) => kit.instead(IDBFactory.prototype, "open", kit.fails(name)), name);
      assert.deepEqual(
        await life(page),
        inMemory(`IndexedDB: ${name}`, { registered: "already-registered", unlocked: "restored" }),
        name,
      );
    }
    // Nothing of that was an end: what was kept before is there.
    await world.load(page);
    assert.equal(await opened(page), "ready");
  });

  await within("blocked: an older connection that doesn't close", async (world) => {
    const page = await registered(world);
    await world.load(page);
    await page.evaluate(async () => {
      globalThis.stays = await kit.connect();
      indexedDB.deleteDatabase(kit.DEVICE);
    });
    const start = performance.now();
    const found = await life(page);
    // A slow machine may also say that it was waited for long enough.
    assert.ok(found.reasons.includes("IndexedDB: blocked"), String(found.reasons));
    assert.deepEqual(
      { ...found, reasons: 0 },
      inMemory(0, { reasons: 0, registered: "already-registered", unlocked: "restored" }),
    );
    assert.ok(performance.now() - start < 60_000, "it doesn't wait for ever");
  });

  await within("full: put fails, then there is room again", async (world) => {
    const page = await world.load();
    await page.evaluate(() => {
      globalThis.room = kit.instead(IDBObjectStore.prototype, "put", kit.fails("QuotaExceededError"));
    });
    const found = await life(page);
    assert.deepEqual(found.reasons.sort(), [
      "IndexedDB: QuotaExceededError",
      "a CryptoKey can't be kept: QuotaExceededError",
    ]);
    assert.deepEqual({ ...found, reasons: 0 }, inMemory(0, { reasons: 0 }));
    await page.evaluate(async () => {
      room();
      await kit.user.lock();
      await kit.user.unlock(kit.anna);
    });
    assert.equal((await health(page)).identityStore, "indexeddb");
    await world.load(page);
    assert.equal(await opened(page), "ready");
  });

  await within("full: the browser's own QuotaExceededError", async (world) => {
    const page = await world.load();
    const session = await world.context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(site.url).origin, quotaSize: 1 });
    const found = await life(page);
    assert.deepEqual({ ...found, reasons: 0 }, inMemory(0, { reasons: 0 }));
    assert.ok(found.reasons.includes("IndexedDB: QuotaExceededError"), String(found.reasons));
  });

  await within("of a newer version", async (world) => {
    const page = await registered(world);
    await world.load(page);
    await page.evaluate(async () => (await kit.connect(2)).close());
    assert.deepEqual(
      await life(page),
      inMemory("IndexedDB: VersionError", { registered: "already-registered", unlocked: "restored" }),
    );
  });

  await within("another table than ours", async (world) => {
    const page = await world.load();
    await page.evaluate(
      () =>
        new Promise((resolve) => {
          const request = indexedDB.open(kit.DEVICE, 1);
          request.onupgradeneeded = () => request.result.createObjectStore("else");
          request.onsuccess = () => resolve(request.result.close());
        }),
    );
    assert.deepEqual(await life(page), inMemory("IndexedDB: NotFoundError"));
  });

  await within("reading fails", async (world) => {
    const page = await registered(world);
    for (const method of ["getAllKeys", "get"]) {
      await world.load(page);
      await page.evaluate((method) => kit.instead(IDBObjectStore.prototype, method, kit.fails("DataError")), method);
      assert.equal(await opened(page), method === "get" ? "new" : "ready", method);
      assert.equal(await page.evaluate(() => kit.code(() => kit.user.unlock(kit.anna))), "ok", method);
      assert.equal(await status(page), "ready", method);
    }
  });

  await within("a request that never ends", async (world) => {
    const page = await registered(world);
    await world.load(page);
    await page.clock.install();
    await page.evaluate(() => {
      const table = new Proxy({}, { get: () => () => ({}) });
      kit.instead(IDBDatabase.prototype, "transaction", () => {
        globalThis.asked = true;
        return { objectStore: () => table };
      });
      globalThis.opening = kit.open();
    });
    await until("the request", () => page.evaluate(() => globalThis.asked));
    await page.clock.runFor(20_000);
    assert.equal(await page.evaluate(() => opening), "new");
    assert.equal(await page.evaluate(() => kit.user.unlock(kit.anna)), "restored");
    assert.equal((await health(page)).identityStore, "memory");
  });

  await within("a connection that is lost is opened again", async (world) => {
    const page = await registered(world);
    const found = await page.evaluate(async () => {
      const result = [];
      for (const lose of [
        (database) => {
          database.close();
          database.dispatchEvent(new Event("close"));
        },
        (database) => database.close(),
      ]) {
        let connection;
        const good = kit.instead(IDBDatabase.prototype, "transaction", function (original, ...given) {
          connection = this;
          return original(...given);
        });
        await kit.user.unlock(kit.anna);
        good();
        lose(connection);
        await kit.user.lock();
        result.push([kit.user.status, await kit.kinds(), kit.reasons()]);
        await kit.user.unlock(kit.anna);
      }
      return result;
    });
    for (const row of found) assert.deepEqual(row, ["locked", ["backup", "last"], []]);
    assert.equal(found.length, 2);
  });

  await within(
    "lock() when nothing can be deleted: this page is locked, and says that the device isn't",
    async (world) => {
      const page = await registered(world);
      const other = await world.load();
      await opened(other);
      const found = await page.evaluate(async () => {
        globalThis.good = kit.instead(IDBObjectStore.prototype, "delete", kit.fails("UnknownError"));
        const how = await kit.code(() => kit.user.lock());
        const after = [kit.user.status, await kit.code(() => kit.user.safetyNumber("x"))];
        await kit.code(() => kit.user.storageHealth());
        return [how, ...after, kit.user.status];
      });
      assert.deepEqual(found, ["storage-unavailable", "locked", "locked", "locked"]);
      // The other page could: it was told.
      await other.evaluate(() => kit.until(() => kit.user.status === "locked"));
      await page.evaluate(() => good());
      assert.equal(await page.evaluate(() => kit.code(() => kit.user.lock())), "ok");
      await world.load(page);
      assert.equal(await opened(page), "locked");
    },
  );

  // ---------------------------------------------------------------- C2, C3

  await within("C3: a CryptoKey that can't be cloned: storage holds no key, and each load asks", async (world) => {
    for (const suite of ["hybrid", "rsa-3072"]) {
      const page = await world.load();
      await page.addInitScript(() => {
        const put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = function (value, ...rest) {
          if (value instanceof CryptoKey) throw new DOMException("injected", "DataCloneError");
          return put.call(this, value, ...rest);
        };
      });
      await world.load(page);
      const userId = `anna ${suite}`;
      const found = await page.evaluate(
        async ([userId, suite]) => {
          await kit.open({ userId, suite });
          await kit.user.register({ userId, password: kit.PASSWORD });
          await kit.user.createSession({ recipients: [] });
          const values = [...(await kit.dump()).values()];
          const { identityStore } = await kit.user.storageHealth();
          return {
            kinds: await kit.kinds(),
            plain: values.every((value) => value instanceof Uint8Array),
            identityStore,
            reasons: kit.reasons(),
            status: kit.user.status,
          };
        },
        [userId, suite],
      );
      assert.deepEqual(
        found,
        {
          kinds: ["backup", "last"],
          plain: true,
          identityStore: "indexeddb",
          reasons: ["a CryptoKey can't be kept: DataCloneError"],
          status: "ready",
        },
        suite,
      );
      await world.load(page);
      assert.equal(await opened(page, { userId, suite }), "locked", suite);
      assert.equal(
        await page.evaluate((userId) => kit.user.unlock({ userId, password: kit.PASSWORD }), userId),
        "local",
      );
      await page.evaluate(() => kit.user.forget());
      await page.close();
    }
  });

  await within(
    "C2: the key in storage can't be taken out, has the least usages, and is dead after lock()",
    async (world) => {
      const page = await registered(world);
      const found = await page.evaluate(async () => {
        const keys = [...(await kit.dump())].filter(([, value]) => value instanceof CryptoKey);
        const [[name, key]] = keys;
        const refused = [];
        for (const format of ["raw", "jwk", "pkcs8", "spki"])
          refused.push(
            await crypto.subtle.exportKey(format, key).then(
              () => "exported",
              () => "refused",
            ),
          );
        const wrapping = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["wrapKey"]);
        const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) };
        refused.push(
          await crypto.subtle.wrapKey("raw", key, wrapping, algorithm).then(
            () => "wrapped",
            () => "refused",
          ),
        );
        return {
          count: keys.length,
          name: name.replace(/\.[\w-]{22}$/, ""),
          extractable: key.extractable,
          usages: [...key.usages].sort(),
          type: key.type,
          refused,
        };
      });
      assert.deepEqual(found, {
        count: 1,
        name: "key.resume",
        extractable: false,
        usages: ["decrypt", "encrypt"],
        type: "secret",
        refused: Array(5).fill("refused"),
      });
      // Whoever copied all of it before the lock has what it opens: THREAT-MODEL says so. Less than all is nothing, and it opens nothing that came after.
      const copies = await page.evaluate(async () => {
        const copied = await kit.dump();
        await kit.user.lock();
        const left = [...(await kit.dump()).values()].filter((value) => value instanceof CryptoKey).length;
        const without = (kind) => new Map([...copied].filter(([name]) => !name.startsWith(kind)));
        const reopened = async (rows) => {
          await kit.user.close();
          await kit.restore(rows);
          return kit.open();
        };
        const result = { left };
        result.withoutKey = await reopened(without("key."));
        result.withoutEntry = await reopened(without("resume."));
        result.whole = await reopened(copied);
        await kit.user.lock();
        await kit.user.unlock(kit.anna);
        const next = await kit.dump();
        const [name] = [...next.keys()].filter((name) => name.startsWith("key."));
        result.another = await reopened(new Map([...next, [name, copied.get(name)]]));
        return result;
      });
      assert.deepEqual(copies, {
        left: 0,
        withoutKey: "locked",
        withoutEntry: "locked",
        whole: "ready",
        another: "locked",
      });
    },
  );

  await within("in a worker too, beside pages", async (world) => {
    const page = await registered(world);
    const found = await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker("worker.mjs", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = (event) => reject(new Error(event.message));
        }),
    );
    assert.deepEqual(found, { first: "ready", identityStore: "indexeddb", locked: "locked" });
    await page.evaluate(() => kit.until(() => kit.user.status === "locked"));
  });
});
