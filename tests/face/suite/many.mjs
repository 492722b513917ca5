import { allFail, breathing, equal, fails, ok, owns, pattern, text } from "./tools.mjs";

export default {
  "many are read in short tasks, as many as there were": async (pkg) => {
    const key = await pkg.DataKey.generate();
    let turns = 0;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      turns += 1;
      port2.postMessage(0);
    };
    let clock = performance.now();
    // A device so slow that every look at the clock finds a task too long.
    performance.now = () => {
      clock += 20;
      return clock;
    };
    port2.postMessage(0);
    const item = (name, bytes) => ({
      get [name]() {
        seen.push(turns);
        return bytes;
      },
    });
    const seen = [];
    try {
      const plain = Array.from({ length: 1000 }, () => item("data", "x"));
      const sealing = key.encryptMany(plain);
      plain.push({ data: 5 });
      const messages = await sealing;
      equal(messages.length, 1000, "one that was added later doesn't count");
      ok(seen.at(-1) > seen[0], "other tasks ran while they were read");
      seen.length = 0;
      const opened = await key.decryptMany(messages.map((sealed) => item("sealed", sealed)));
      ok(opened.length === 1000 && opened.every(({ ok, value }) => ok && value.length === 1), "all are opened");
      ok(seen.at(-1) > seen[0], "other tasks ran while the sealed ones were read");
    } finally {
      delete performance.now;
      port1.close();
    }
  },

  "long items among short ones": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const lengths = [5, 300_000, 0, 262_144, 262_145, 7, 2_000_000];
    const items = lengths.map((length, at) => ({ data: pattern(length), context: { at: String(at) } }));
    for (const padding of ["none", "padme"]) {
      const sealed = await key.encryptMany(items, { padding });
      const back = sealed.map((bytes, at) => ({ sealed: bytes, context: { at: String(at) } }));
      back[1] = { ...back[1], context: {} };
      const opened = await key.decryptMany([...back, { sealed: "text" }]);
      for (const [at, { data }] of items.entries()) {
        if (at === 1) equal(opened[at].error?.code, "decryption-failed", "a long one under another context");
        else equal(opened[at].value, data, `${padding} ${at}`);
        equal(await key.decrypt(sealed[at], { context: { at: String(at) } }), data, `${padding} ${at}, by itself`);
      }
      equal(opened[7].error?.code, "invalid-argument", "the one after");
    }
  },

  "what an item's getter throws is not taken for an error of ours": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const item = {
      get sealed() {
        throw Object.assign(new Error("patient Meier"), { code: "revoked" });
      },
    };
    const [{ error }] = await key.decryptMany([item]);
    equal([error.code, error.message.includes("Meier")], ["invalid-argument", false], "its error");
  },

  "order, contexts, padding": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const items = [
      { data: "first" },
      { data: new Uint8Array(), context: { a: "1" } },
      { data: pattern(20_000), context: { b: "2", a: "é" } },
      { data: pattern(5).buffer, context: {} },
      { data: new DataView(pattern(40).buffer, 10, 20), context: { "": "" } },
    ];
    const expected = ["first", "", pattern(20_000), pattern(5), pattern(40).subarray(10, 30)];
    for (const padding of [undefined, "none", "padme"]) {
      const messages = await key.encryptMany(items, { padding });
      equal(messages.length, items.length, "as many");
      const sealed = messages.map((sealed, at) => ({ sealed, context: items[at].context }));
      const results = await key.decryptMany(sealed);
      equal(results.length, items.length, "as many");
      for (const [at, result] of results.entries()) {
        owns(messages[at], "sealed");
        ok(result.ok, `item ${at}`);
        owns(result.value, "opened");
        const wanted = expected[at];
        equal(typeof wanted === "string" ? text(result.value) : result.value, wanted, `item ${at}`);
        const alone = await key.decrypt(messages[at], { context: items[at].context });
        equal(alone, result.value, "alone");
      }
      if (padding === "padme") equal(messages[0].length, messages[1].length, "padded alike");
    }
  },

  "an empty list": async (pkg) => {
    const key = await pkg.DataKey.generate();
    equal(await key.encryptMany([]), [], "encryptMany");
    equal(await key.decryptMany([]), [], "decryptMany");
  },

  "5,000 items": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const items = Array.from({ length: 5000 }, (_, at) => ({ data: `record ${at}`, context: { id: String(at) } }));
    const calls = [];
    const onProgress = (done, total) => calls.push([done, total]);
    const messages = await key.encryptMany(items, { onProgress });
    ok(calls.length > 1, "more than one task");
    const grows = (list) => list.every(([done, total], at) => total === 5000 && done > (list[at - 1]?.[0] ?? 0));
    ok(grows(calls) && calls.at(-1)[0] === 5000, JSON.stringify(calls));
    calls.length = 0;
    const sealed = messages.map((sealed, at) => ({ sealed, context: { id: String(at) } }));
    sealed[4711] = { sealed: messages[4711], context: { id: "4712" } };
    const results = await key.decryptMany(sealed, { onProgress });
    ok(grows(calls) && calls.at(-1)[0] === 5000, JSON.stringify(calls));
    for (const [at, result] of results.entries()) {
      if (at === 4711) equal(result.error?.code, "decryption-failed", "the bad one");
      else equal(result.ok && text(result.value), `record ${at}`, `item ${at}`);
    }
  },

  "large items between small ones": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const lengths = [10, 1_500_000, 0, 700_000, 700_000, 1];
    const messages = await key.encryptMany(lengths.map((length) => ({ data: pattern(length) })));
    const results = await key.decryptMany(messages.map((sealed) => ({ sealed })));
    for (const [at, length] of lengths.entries()) equal(results[at].value, pattern(length), `${length}`);
  },

  "decryptMany() says of each bad item what is wrong, in its place": async (pkg) => {
    const [key, other] = [await pkg.DataKey.generate(), await pkg.DataKey.generate()];
    const good = key.encryptSync("good", { context: { a: "1" } });
    const changed = (at, value) => good.map((byte, index) => (index === at ? value : byte));
    const context = { a: "1" };
    const { buffer } = good.slice();
    structuredClone(buffer, { transfer: [buffer] });
    const cases = [
      [{ sealed: other.encryptSync("x", { context }), context }, "decryption-failed"],
      [{ sealed: good }, "decryption-failed"],
      [{ sealed: changed(0, 0), context }, "invalid-format"],
      [{ sealed: changed(4, 9), context }, "unsupported-version"],
      [{ sealed: good.subarray(0, 40), context }, "truncated"],
      [{ sealed: new Uint8Array(), context }, "invalid-format"],
      [{ sealed: "text", context }, "invalid-argument"],
      [{ sealed: null, context }, "invalid-argument"],
      [{ sealed: buffer, context }, "invalid-argument"],
      [{ sealed: new Blob([good]), context }, "invalid-argument"],
      [{ sealed: good, context: null }, "invalid-argument"],
      [{ sealed: good, context: { a: 1 } }, "invalid-argument"],
      [{ sealed: good, context: { a: "\ud800" } }, "invalid-argument"],
      [{ sealed: good, context: { a: "x".repeat(70_000) } }, "limit"],
      [{}, "invalid-argument"],
      [null, "invalid-argument"],
      [undefined, "invalid-argument"],
      [7, "invalid-argument"],
      ["x", "invalid-argument"],
    ];
    const items = cases.flatMap(([item]) => [{ sealed: good, context }, item]);
    items.push({ sealed: good, context });
    const results = await key.decryptMany(items);
    equal(results.length, items.length, "as many");
    for (const [at, result] of results.entries()) {
      if (at % 2 === 0) {
        equal(Object.keys(result).sort(), ["ok", "value"], `item ${at}`);
        equal(result.ok && text(result.value), "good", `item ${at}`);
      } else {
        equal(Object.keys(result).sort(), ["error", "ok"], `item ${at}`);
        equal(result.ok, false, `item ${at}`);
        ok(pkg.isWardkeyError(result.error) && result.error instanceof pkg.WardkeyError, `item ${at}: its class`);
        equal(result.error.code, cases[(at - 1) / 2][1], `item ${at}`);
      }
    }
    const hole = [];
    hole[1] = { sealed: good, context };
    const [missing, present] = await key.decryptMany(hole);
    equal([missing.error?.code, present.ok], ["invalid-argument", true], "a hole in the array");
  },

  "encryptMany() refuses all for a bad item in the middle": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const bad = [
      null,
      undefined,
      7,
      "x",
      [],
      {},
      { data: null },
      { data: 1 },
      { data: new Blob(["x"]) },
      { data: "x", context: null },
    ];
    bad.push({ data: "\ud800" }, { data: "x", context: { a: 1 } }, { data: "x", context: ["a"] });
    await allFail(
      pkg,
      bad.map((item, at) => [`item ${at}`, () => key.encryptMany([{ data: "a" }, item, { data: "b" }])]),
    );
  },

  "what is no list": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const lists = [undefined, null, 0, "x", {}, { length: 1 }, new Set(), new Uint8Array(3), () => []];
    await allFail(
      pkg,
      lists.flatMap((list, at) => [
        [`encryptMany ${at}`, () => key.encryptMany(list)],
        [`decryptMany ${at}`, () => key.decryptMany(list)],
      ]),
    );
  },

  "abort between the tasks": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const items = Array(9000).fill({ data: "x" });
    const stop = (controller) => ({ signal: controller.signal, onProgress: () => controller.abort() });
    await fails(pkg, "aborted", () => key.encryptMany(items, stop(new AbortController())), "encryptMany");
    const sealed = Array(9000).fill({ sealed: key.encryptSync("x") });
    await fails(pkg, "aborted", () => key.decryptMany(sealed, stop(new AbortController())), "decryptMany");
  },

  "the list may change once the call was made": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const items = Array.from({ length: 20 }, (_, at) => ({ data: `${at}` }));
    const running = key.encryptMany(items);
    items.length = 3;
    equal((await running).length, 20, "as it was");
  },
  "a long item is worked on in short tasks, and heard": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = new Uint8Array(32 << 20);
    const turns = await breathing(async () => {
      const [sealed] = await key.encryptMany([{ data }]);
      const [opened] = await key.decryptMany([{ sealed }]);
      equal(opened.value.length, data.length, "opened");
    });
    ok(turns > 6, `${turns} turns for others`);
    const sealed = await key.encrypt(data);
    for (const [name, run] of [
      ["encryptMany", (signal) => key.encryptMany([{ data }], { signal })],
      ["decryptMany", (signal) => key.decryptMany([{ sealed }], { signal })],
    ]) {
      const controller = new AbortController();
      setTimeout(() => controller.abort());
      await fails(pkg, "aborted", () => run(controller.signal), name);
    }
  },
};
