// What a session encrypts and decrypts: in the ways of a data key, with an author.
import { each } from "./bulk.mjs";
import { drain, source, through } from "./streams.mjs";
import {
  allFail,
  breathing,
  equal,
  FAST,
  fails,
  ok,
  outcome,
  owns,
  PASSWORD,
  pattern,
  soon,
  text,
  utf8,
} from "./tools.mjs";

const CHUNK = 16_384;
const MIB = 1 << 20;
const LENGTHS = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, MIB - 1, MIB, MIB + 1];
const HEADER = 87;
const PREFIX = 56;
const TRAILER = 184;
const context = { record: "4567" };

const scenes = new Map();

/** Anna and Bob share a session, and each has it open; Anna has another one, too. */
function scene(pkg, tools) {
  if (!scenes.has(pkg)) scenes.set(pkg, prepare(pkg, tools));
  return scenes.get(pkg);
}

async function prepare(pkg, tools) {
  const { memoryBackend } = await tools.internal("testing");
  const asked = [];
  const memory = memoryBackend();
  const backend = {
    ...memory,
    request: (method, path, ...rest) => {
      asked.push(`${method} ${path}`);
      return memory.request(method, path, ...rest);
    },
  };
  const [anna, bob] = [await register(pkg, backend, "anna"), await register(pkg, backend, "bob")];
  const session = await anna.createSession({ recipients: [{ user: "bob" }] });
  const theirs = await bob.openSession(session.id);
  const other = await anna.createSession({ recipients: [] });
  return { backend, asked, anna, bob, session, theirs, other };
}

const open = (pkg, backend, userId) =>
  pkg.Wardkey.open({ appId: "session-data.example", backend, userId, identityStore: "memory", kdf: FAST });

async function register(pkg, backend, userId) {
  const wardkey = await open(pkg, backend, userId);
  await wardkey.register({ userId, password: PASSWORD });
  return wardkey;
}

function changed(bytes, at, value) {
  const copy = bytes.slice();
  const place = at < 0 ? copy.length + at : at;
  copy[place] = value ?? copy[place] ^ 1;
  return copy;
}

/** Views of more than so many bytes that are made while something runs. */
async function watchingMemory(least, run) {
  const native = Uint8Array;
  const made = [];
  globalThis.Uint8Array = new Proxy(native, {
    construct(target, args, as) {
      const view = Reflect.construct(target, args, as);
      if (typeof args[0] === "number" && args[0] >= least) made.push(view);
      return view;
    },
  });
  try {
    await run();
  } finally {
    globalThis.Uint8Array = native;
  }
  return made;
}

const tell = ({ author }) => author?.userId;

export default {
  "of every size, by either engine, signed or not, padded or not": async (pkg, tools) => {
    const { anna, session, theirs } = await scene(pkg, tools);
    for (const length of LENGTHS) {
      const data = pattern(length);
      // Zeros at the end are what padding looks like.
      data.fill(0, Math.max(0, length - 20), length);
      for (const padding of ["none", "padme"]) {
        for (const sign of [true, false]) {
          const made = [];
          await each(pkg, async () => made.push(await session.encrypt(data, { context, padding, sign })));
          await each(pkg, async (engine) => {
            for (const [at, sealed] of made.entries()) {
              const what = `${padding} ${length} ${sign}: ${engine} opens the ${at}th`;
              owns(sealed, what);
              const opened = await theirs.decrypt(sealed, { context });
              owns(opened.data, what);
              equal(opened.data, data, what);
              equal(opened.sessionId, session.id, what);
              const author = sign ? { userId: "anna", fingerprint: anna.fingerprint } : undefined;
              equal(opened.author, author, what);
              equal("author" in opened, sign, `${what}: absent`);
            }
          });
        }
      }
    }
  },

  "text and Blobs, and what is no text": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const string = "\ufeffété 漢字 👩‍⚕️ ".repeat(4000);
    equal((await theirs.decrypt(await session.encrypt(string))).text(), string, "text");
    const blob = new Blob([pattern(300_000)]);
    const sealed = await session.encrypt(blob);
    const opened = await theirs.decrypt(new Blob([sealed]));
    equal(opened.data, pattern(300_000), "a Blob");
    await fails(pkg, "invalid-format", () => opened.text(), "what is no UTF-8");
    await fails(pkg, "invalid-argument", () => session.encrypt("\ud800"), "a lone surrogate");
  },

  "the beginnings that are kept name their sessions": async (_pkg, tools) => {
    const [{ BEGINNING }, { messageStart }] = [await tools.internal("session-data"), await tools.glue()];
    ok(BEGINNING >= messageStart(), `${BEGINNING}`);
  },

  "what is asked for wrongly": async (pkg, tools) => {
    const { anna, session } = await scene(pkg, tools);
    const sealed = await session.encrypt("x");
    const reading = {
      decrypt: (options) => session.decrypt(sealed, options),
      decryptMany: (options) => session.decryptMany([{ sealed }], options),
      decryptStream: (options) => session.decryptStream(options),
      decryptRange: (options) => session.decryptRange(new Blob([sealed]), 0, 1, options),
      plaintextSize: (options) => session.plaintextSize(new Blob([sealed]), options),
      "Wardkey.decrypt": (options) => anna.decrypt(sealed, options),
      "Wardkey.decryptMany": (options) => anna.decryptMany([{ sealed }], options),
    };
    // One object of options serves both ways, but for the author: who reads could take that for a demand.
    for (const [name, read] of Object.entries(reading)) {
      equal(await outcome(pkg, async () => read({ padding: "padme" })), "ok", name);
    }
    const nonsense = [null, 0, 1, "true", {}];
    await allFail(pkg, [
      ...nonsense.map((sign) => [`encrypt ${sign}`, () => session.encrypt("x", { sign })]),
      ...nonsense.map((sign) => [`encryptMany ${sign}`, () => session.encryptMany([{ data: "x" }], { sign })]),
      ...nonsense.map((sign) => [`encryptStream ${sign}`, () => session.encryptStream({ sign })]),
      ["an unknown option", () => session.encrypt("x", { signed: true })],
      ...Object.entries(reading).map(([name, read]) => [`${name}, sign`, () => read({ sign: true })]),
      ["an unknown member", () => session.encryptMany([{ data: "x", sign: false }])],
      ["no array", () => session.decryptMany("x")],
      ["a string", () => session.decrypt("x")],
      ["a range backwards", () => session.decryptRange(new Blob([sealed]), 2, 1)],
      ["no source", () => session.plaintextSize(sealed)],
    ]);
  },

  "progress grows and ends at the total": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const data = pattern(2_000_000);
    await each(pkg, async (engine) => {
      const seen = [];
      const onProgress = (progress) => seen.push(progress);
      const grew = (total, what) => {
        ok(seen.length > 3, `${what}: often`);
        for (const [at, { bytesProcessed, totalBytes }] of seen.entries()) {
          ok(totalBytes === total && bytesProcessed > (seen[at - 1]?.bytesProcessed ?? 0), `${what}: it grows`);
        }
        equal(seen.at(-1).bytesProcessed, total, `${what}: the end`);
        seen.length = 0;
      };
      const sealed = await session.encrypt(data, { onProgress });
      grew(data.length, `${engine}: encrypt`);
      await theirs.decrypt(sealed, { onProgress });
      grew(sealed.length, `${engine}: decrypt`);
      await theirs.decrypt(new Blob([sealed]), { onProgress });
      grew(sealed.length, `${engine}: decrypt a Blob`);
    });
  },

  "abort before, during, and at the end": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const data = pattern(2_000_000);
    const sealed = await session.encrypt(data);
    const signal = AbortSignal.abort();
    const soon = () => {
      const controller = new AbortController();
      queueMicrotask(() => controller.abort());
      return { signal: controller.signal };
    };
    const during = (at) => {
      const controller = new AbortController();
      return {
        signal: controller.signal,
        onProgress: ({ bytesProcessed }) => bytesProcessed >= at && controller.abort(),
      };
    };
    const items = Array.from({ length: 2000 }, () => ({ data: "x" }));
    const many = (await session.encryptMany(items)).map((sealed) => ({ sealed }));
    const inMany = () => {
      const controller = new AbortController();
      return { signal: controller.signal, onProgress: () => controller.abort() };
    };
    await allFail(pkg, [
      ["encrypt, before", () => session.encrypt(data, { signal }), "aborted"],
      ["decrypt, before", () => theirs.decrypt(sealed, { signal }), "aborted"],
      ["encrypt, soon", () => session.encrypt(data, soon()), "aborted"],
      ["decrypt, soon", () => theirs.decrypt(sealed, soon()), "aborted"],
      ["encrypt, during", () => session.encrypt(data, during(500_000)), "aborted"],
      ["decrypt, during", () => theirs.decrypt(sealed, during(500_000)), "aborted"],
      ["encrypt, at the end", () => session.encrypt(data, during(data.length)), "aborted"],
      ["decrypt, at the end", () => theirs.decrypt(sealed, during(sealed.length)), "aborted"],
      ["encryptMany, before", () => session.encryptMany(items, { signal }), "aborted"],
      ["decryptMany, before", () => theirs.decryptMany(many, { signal }), "aborted"],
      ["encryptMany, during", () => session.encryptMany(items, inMany()), "aborted"],
      ["decryptMany, during", () => theirs.decryptMany(many, inMany()), "aborted"],
      ["decryptRange", () => theirs.decryptRange(new Blob([sealed]), 0, 9, { signal }), "aborted"],
    ]);
    equal((await theirs.decrypt(sealed)).data, data, "afterwards");
  },

  "F1, F10: what is changed doesn't open, whichever engine": async (pkg, tools) => {
    const { session, theirs, other } = await scene(pkg, tools);
    for (const [length, padding] of [
      [100, "padme"],
      [MIB + 100, "none"],
    ]) {
      const data = pattern(length);
      const options = { context, padding };
      const sealed = await session.encrypt(data, options);
      const end = sealed.length - TRAILER;
      const another = await session.encrypt(data, options);
      const bobs = await theirs.encrypt(data, options);
      const strange = await other.encrypt(data, options);
      const with_ = (trailer) => {
        const copy = sealed.slice();
        copy.set(trailer.subarray(-TRAILER), end);
        return copy;
      };
      // View, authority, index, size, signature.
      const trailer = [0, 7, 8, 39, 40, 71, 111, 112, 115, 119, 120, 151, 152, 183].map((at) => end + at);
      const body = [HEADER, HEADER + 24, HEADER + PREFIX, end - 1];
      await each(pkg, async (engine) => {
        const open = (message) => () => theirs.decrypt(message, { context });
        await allFail(pkg, [
          ...trailer.map((at) => [`${engine} ${length}: trailer ${at}`, open(changed(sealed, at)), "bad-signature"]),
          ...body.map((at) => [`${engine} ${length}: body ${at}`, open(changed(sealed, at)), "decryption-failed"]),
          ["magic", open(changed(sealed, 0)), "invalid-format"],
          ["version", open(changed(sealed, 4)), "unsupported-version"],
          ["a later flag", open(changed(sealed, 5, 0x87)), "unsupported-version"],
          ["padding", open(changed(sealed, 5)), "decryption-failed"],
          ["signed in no session", open(changed(sealed, 5, 2)), "invalid-format"],
          ["key id", open(changed(sealed, 6)), "not-a-recipient"],
          ["session id", open(changed(sealed, 22)), "key-mismatch"],
          ["signer", open(changed(sealed, 54)), "bad-signature"],
          ["a path that isn't there", open(changed(sealed, 86)), "decryption-failed"],
          ["her other trailer", open(with_(another)), "bad-signature"],
          ["Bob's trailer", open(with_(bobs)), "bad-signature"],
          ["no trailer", open(sealed.subarray(0, end)), "decryption-failed"],
          ["cut by one", open(sealed.subarray(0, -1)), "decryption-failed"],
          ["a Blob with another trailer", open(new Blob([with_(bobs)])), "bad-signature"],
          ["another session's", open(strange), "key-mismatch"],
          ["another context", () => theirs.decrypt(sealed), "decryption-failed"],
          ["no message", open(pattern(length)), "invalid-format"],
        ]);
      });
    }
    const key = await pkg.DataKey.generate();
    await fails(pkg, "key-mismatch", async () => theirs.decrypt(await key.encrypt("x")), "a data key's message");
  },

  "F10: nothing is given out before its author is verified, and nothing is left": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const data = new Uint8Array(1_500_000).fill(7);
    for (const padding of ["none", "padme"]) {
      const sealed = changed(await session.encrypt(data, { padding }), -1);
      await each(pkg, async (engine) => {
        let found;
        const made = await watchingMemory(MIB, async () => {
          found = await outcome(pkg, () => theirs.decrypt(sealed));
        });
        equal(found, "bad-signature", engine);
        ok(made.length > 0, "the result's buffer was seen");
        for (const view of made) {
          ok(
            view.every((byte) => byte === 0),
            `${engine} ${padding}: it was wiped`,
          );
        }
      });
    }
  },

  "many, long ones among them, with one signature": async (pkg, tools) => {
    const { session, theirs, asked } = await scene(pkg, tools);
    const lengths = [5, 300_000, 0, 262_145, 700, 20_000, 1, 400_000, 3];
    const items = lengths.map((length, at) => ({ data: pattern(length, at), context: { at: String(at) } }));
    const signature = (message) => message.slice(-64).join();
    for (const padding of ["none", "padme"]) {
      for (const sign of [true, false]) {
        asked.length = 0;
        const messages = await session.encryptMany(items, { padding, sign });
        if (sign) equal(new Set(messages.map(signature)).size, 1, "one signature");
        const sealed = messages.map((sealed, at) => ({ sealed, context: { at: String(at) } }));
        sealed.push({ sealed: "text" }, { sealed: changed(messages[0], -1), context: { at: "0" } });
        sealed.push({ sealed: changed(messages[1], -1), context: { at: "1" } }, { sealed: messages[2] });
        const results = await theirs.decryptMany(sealed);
        equal(asked.join(), "", "nobody is asked");
        for (const [at, { data }] of items.entries()) {
          const what = `${padding} ${sign} ${at}`;
          owns(messages[at], what);
          ok(results[at].ok, `${what}: ${results[at].error?.code}`);
          owns(results[at].value.data, what);
          equal(results[at].value.data, data, what);
          equal(tell(results[at].value), sign ? "anna" : undefined, what);
          equal(results[at].value.sessionId, session.id, what);
          const alone = await theirs.decrypt(messages[at], { context: { at: String(at) } });
          equal([alone.data.length, tell(alone)], [data.length, sign ? "anna" : undefined], `${what}, by itself`);
        }
        const wrong = sign ? "bad-signature" : "decryption-failed";
        const codes = results.slice(items.length).map(({ error }) => error?.code);
        equal(codes, ["invalid-argument", wrong, wrong, "decryption-failed"], "the others");
      }
    }
    equal(await session.encryptMany([]), [], "none");
    equal(await session.decryptMany([]), [], "none");
  },

  "of any session: found by the header, in one request": async (pkg, tools) => {
    const { backend, asked, anna, session, other } = await scene(pkg, tools);
    const dora = await register(pkg, backend, "dora");
    const shared = [session, other];
    for (let at = 0; at < 10; at += 1) shared.push(await anna.createSession({ recipients: [{ user: "dora" }] }));
    const items = [];
    for (const [at, one] of shared.entries()) {
      for (const length of [10, 300_000]) {
        const data = pattern(length, at);
        items.push({ sealed: await one.encrypt(data, { context: { at: String(at) } }), context: { at: String(at) } });
      }
    }
    const expected = (at) => pattern(at % 2 === 0 ? 10 : 300_000, at >> 1);
    // A device that knows nothing.
    await dora.forget();
    await dora.close();
    const reader = await open(pkg, backend, "dora");
    await reader.unlock({ userId: "dora", password: PASSWORD });
    const key = await pkg.DataKey.generate();
    const strange = [
      { sealed: await key.encrypt("x") },
      { sealed: await key.encrypt(pattern(300_000)) },
      { sealed: "text" },
      { sealed: new Uint8Array() },
      { ...items[4], context },
      { ...items[4], sealed: changed(items[4].sealed, -1) },
    ];
    asked.length = 0;
    const results = await reader.decryptMany([...items, ...strange]);
    equal(asked, ["POST /v1/keys"], "one request");
    for (const [at, { value, error }] of results.slice(0, items.length).entries()) {
      if (at < 4) {
        equal(error?.code, "not-a-recipient", `${at}: not hers`);
        continue;
      }
      equal(value?.data, expected(at), `${at}: ${error?.code}`);
      equal([value.sessionId, tell(value)], [shared[at >> 1].id, "anna"], `${at}`);
      const alone = await reader.decrypt(new Blob([items[at].sealed]), { context: items[at].context });
      equal(alone.data, expected(at), `${at}, by itself`);
      equal([alone.sessionId, tell(alone)], [shared[at >> 1].id, "anna"], `${at}, by itself`);
    }
    equal(
      results.slice(items.length).map(({ error }) => error?.code),
      [
        "invalid-argument",
        "invalid-argument",
        "invalid-argument",
        "invalid-format",
        "decryption-failed",
        "bad-signature",
      ],
      "the others",
    );
    equal(asked, ["POST /v1/keys"], "no other request");
    equal(await reader.decryptMany([]), [], "none");
    await allFail(pkg, [
      ["a data key's", () => reader.decrypt(strange[0].sealed)],
      ["another context", () => reader.decrypt(items[4].sealed), "decryption-failed"],
      ["not hers", () => reader.decrypt(items[0].sealed, { context: items[0].context }), "not-a-recipient"],
      ["no message", () => reader.decrypt(pattern(1000)), "invalid-format"],
      ["nothing", () => reader.decrypt(new Uint8Array()), "invalid-format"],
    ]);
    await reader.close();
    await allFail(pkg, [
      ["decrypt, after close()", () => reader.decrypt(items[4].sealed)],
      ["decryptMany, after close()", () => reader.decryptMany(items)],
    ]);
  },

  "many of each size of a batch": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    for (const size of [1, 2, 3, 7, 64, 65, 130, 1025]) {
      const messages = await session.encryptMany(Array.from({ length: size }, (_, at) => ({ data: `record ${at}` })));
      const results = await theirs.decryptMany(messages.map((sealed) => ({ sealed })));
      for (const [at, { ok: isGood, value }] of results.entries()) {
        equal([isGood, value?.text(), value && tell(value)], [true, `record ${at}`, "anna"], `${at} of ${size}`);
      }
      const shuffled = [...messages.keys()].filter((at) => at % 3 === 0).reverse();
      const some = await theirs.decryptMany(shuffled.map((at) => ({ sealed: messages[at] })));
      equal(
        some.map(({ value }) => value?.text()),
        shuffled.map((at) => `record ${at}`),
        `some of ${size}`,
      );
    }
  },

  "many, in short tasks, with progress": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const items = Array.from({ length: 5000 }, (_, at) => ({ data: `record ${at}` }));
    const calls = [];
    const onProgress = (done, total) => calls.push([done, total]);
    const grows = (what) => {
      ok(calls.length > 3, `${what}: more than once`);
      ok(
        calls.every(([done, total], at) => total === 5000 && done > (calls[at - 1]?.[0] ?? 0)),
        `${what}: it grows`,
      );
      equal(calls.at(-1)[0], 5000, `${what}: the end`);
      calls.length = 0;
    };
    let sealed;
    const turns = await breathing(async () => {
      sealed = (await session.encryptMany(items, { onProgress })).map((sealed) => ({ sealed }));
    });
    ok(turns > 2, `${turns} turns for others`);
    grows("encryptMany");
    sealed[4711] = { sealed: sealed[4710].sealed, context };
    const results = await theirs.decryptMany(sealed, { onProgress });
    grows("decryptMany");
    for (const [at, { value, error }] of results.entries()) {
      if (at === 4711) equal(error?.code, "decryption-failed", "the bad one");
      else equal(value?.text(), `record ${at}`, `item ${at}`);
    }
  },

  "each signature that is verified may end a task": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const alone = [];
    for (let at = 0; at < 60; at += 1) alone.push({ sealed: await session.encrypt(`record ${at}`) });
    let results;
    const breaths = await breathing(async () => {
      results = await theirs.decryptMany(alone);
    });
    ok(
      results.every(({ ok }) => ok),
      "they open",
    );
    ok(breaths >= 60, `${breaths} times`);
    // As one batch has one signature, so has each of its messages little to do; the trailers are many.
    const items = Array.from({ length: 1500 }, () => ({ data: "x" }));
    const making = await breathing(() => session.encryptMany(items));
    ok(making >= 14, `${making} times`);
  },

  "streams, by either engine": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    await each(pkg, async (engine) => {
      for (const length of [0, 1, CHUNK, 5 * CHUNK + 7, MIB]) {
        for (const padding of ["none", "padme"]) {
          for (const sign of [true, false]) {
            const what = `${engine} ${length} ${padding} ${sign}`;
            const data = pattern(length);
            const sealed = await through(data, session.encryptStream({ context, padding, sign }), 50_001);
            const opened = await theirs.decrypt(sealed, { context });
            equal(opened.data, data, `${what}: streamed, opened in memory`);
            equal(tell(opened), sign ? "anna" : undefined, what);
            const atOnce = await session.encrypt(data, { context, padding, sign });
            equal(sealed.length, atOnce.length, `${what}: length`);
            const stream = theirs.decryptStream({ context });
            equal(await through(atOnce, stream, 50_001), data, `${what}: opened as a stream`);
            equal((await stream.author)?.userId, sign ? "anna" : undefined, `${what}: its author`);
          }
        }
      }
    });
    const unsigned = await through(utf8("x"), session.encryptStream(), 1);
    equal((await theirs.decrypt(unsigned)).author, undefined, "by default nobody signs");
  },

  "however a stream is cut into pieces": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const data = pattern(70_000);
    for (const piece of [1, 142, 143, 144, 183, 184, 185, CHUNK + 16, 80_000]) {
      const sealed = await through(data, session.encryptStream({ padding: "padme", sign: true }), piece);
      const stream = theirs.decryptStream();
      equal(await through(sealed, stream, piece), data, `pieces of ${piece}`);
      equal((await stream.author)?.userId, "anna", `pieces of ${piece}`);
    }
  },

  "F4: a stream gives what is authenticated, and its author at the end or an error": async (pkg, tools) => {
    const { session, theirs, other } = await scene(pkg, tools);
    const data = pattern(5 * CHUNK + 100);
    const sealed = await session.encrypt(data);
    const start = HEADER + PREFIX;
    const chunk = CHUNK + 16;
    const cases = [
      ["the signature", changed(sealed, -1), "bad-signature", data.length],
      ["the view", changed(sealed, -TRAILER), "bad-signature", data.length],
      ["the third chunk", changed(sealed, start + 2 * chunk), "decryption-failed", 2 * CHUNK],
      ["cut by one byte", sealed.subarray(0, -1), "decryption-failed", 5 * CHUNK],
      ["without its trailer", sealed.subarray(0, -TRAILER), "decryption-failed", 4 * CHUNK],
      ["the end missing", sealed.subarray(0, start + chunk + TRAILER + 15), "truncated", CHUNK],
      ["cut after a chunk", sealed.subarray(0, start + 2 * chunk), "decryption-failed", CHUNK],
      ["cut inside a chunk", sealed.subarray(0, start + 2 * chunk + 999), "decryption-failed", 2 * CHUNK],
      ["cut in its header", sealed.subarray(0, 60), "truncated", 0],
      ["another signer", changed(sealed, 60), "bad-signature", 0],
      ["another session's", await other.encrypt(data), "key-mismatch", 0],
      ["no message", pattern(1000), "invalid-format", 0],
    ];
    await each(pkg, async (engine) => {
      for (const [name, message, code, most] of cases) {
        const what = `${engine}: ${name}`;
        const stream = theirs.decryptStream();
        const { bytes, error, again } = await drain(source(message, 10_000).pipeThrough(stream));
        equal(error?.code, code, what);
        ok(bytes.length <= most, `${what}: ${bytes.length} bytes came out, at most ${most}`);
        equal(bytes, data.slice(0, bytes.length), `${what}: what came out`);
        equal(await outcome(pkg, again), code, `${what}: reading on`);
        equal(await outcome(pkg, () => stream.author), code, `${what}: its author`);
      }
    });
  },

  "a stream that is left": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const sealed = await session.encrypt(pattern(MIB));
    const controller = new AbortController();
    const aborted = theirs.decryptStream({ signal: controller.signal });
    const reader = source(sealed).pipeThrough(aborted).getReader();
    await reader.read();
    controller.abort();
    await fails(pkg, "aborted", () => aborted.author, "aborted");
    const left = theirs.decryptStream();
    const leaving = source(sealed).pipeThrough(left).getReader();
    await leaving.read();
    const reason = new pkg.WardkeyError("limit", "enough");
    await leaving.cancel(reason);
    await fails(pkg, "limit", () => left.author, "cancelled");
    // Nobody who doesn't ask for the author is told of an unhandled rejection: the suite would see it.
    const { error } = await drain(source(changed(sealed, -1)).pipeThrough(theirs.decryptStream()));
    equal(error.code, "bad-signature", "unasked");
  },

  "ranges and sizes say nothing of the author": async (pkg, tools) => {
    const { session, theirs, other } = await scene(pkg, tools);
    const data = pattern(300_000);
    for (const padding of ["none", "padme"]) {
      for (const sign of [true, false]) {
        const sealed = await session.encrypt(data, { context, padding, sign });
        const source = { size: sealed.length, read: async (start, end) => sealed.slice(start, end) };
        for (const [start, end] of [
          [0, 10],
          [16_380, 16_390],
          [299_990, 400_000],
          [0, 300_000],
          [5, 5],
        ]) {
          const what = `${padding} ${sign}: ${start} to ${end}`;
          equal(await theirs.decryptRange(source, start, end, { context }), data.slice(start, end), what);
        }
        equal(await theirs.plaintextSize(new Blob([sealed]), { context }), data.length, `${padding} ${sign}: size`);
        if (!sign) continue;
        const forged = new Blob([changed(sealed, -1)]);
        equal(await theirs.decryptRange(forged, 0, 10, { context }), data.slice(0, 10), "another trailer");
        const whose = new Blob([changed(sealed, 60)]);
        await fails(pkg, "decryption-failed", () => theirs.decryptRange(whose, 0, 10, { context }), "another name");
        const cut = new Blob([sealed.subarray(0, -1)]);
        await fails(pkg, "decryption-failed", () => theirs.plaintextSize(cut, { context }), "cut");
      }
    }
    const strange = new Blob([await other.encrypt(data)]);
    await fails(pkg, "key-mismatch", () => theirs.decryptRange(strange, 0, 10), "another session's");
  },

  "after free(), what was begun goes on": async (pkg, tools) => {
    const { bob, session } = await scene(pkg, tools);
    const data = pattern(MIB);
    const sealed = await session.encrypt(data);
    const theirs = await bob.openSession(session.id);
    const stream = theirs.decryptStream();
    const encrypting = theirs.encrypt(data);
    const sealing = theirs.encryptStream({ sign: true });
    const opening = theirs.decrypt(sealed);
    await new Promise((resolve) => setTimeout(resolve));
    theirs.free();
    theirs.free();
    equal(await through(sealed, stream, 100_000), data, "a stream");
    equal((await stream.author).userId, "anna", "its author");
    const [made, streamed] = [await encrypting, await through(data, sealing, 100_000)];
    for (const message of [made, streamed]) equal(tell(await session.decrypt(message)), "bob", "what was made");
    equal((await opening).data, data, "what was opened");
    await allFail(pkg, [
      ["encrypt", () => theirs.encrypt("x")],
      ["decrypt", () => theirs.decrypt(sealed)],
      ["encryptMany", () => theirs.encryptMany([{ data: "x" }])],
      ["decryptMany", () => theirs.decryptMany([{ sealed }])],
      ["encryptStream", () => theirs.encryptStream()],
      ["decryptStream", () => theirs.decryptStream()],
      ["decryptRange", () => theirs.decryptRange(new Blob([sealed]), 0, 1)],
      ["plaintextSize", () => theirs.plaintextSize(new Blob([sealed]))],
    ]);
  },

  "who has locked meanwhile signs nothing": async (pkg, tools) => {
    const { backend } = await scene(pkg, tools);
    const carol = await register(pkg, backend, "carol");
    const session = await carol.createSession({ recipients: [] });
    const sealed = await session.encrypt("x");
    const stream = session.encryptStream({ sign: true });
    const writer = stream.writable.getWriter();
    const drained = drain(stream.readable);
    await writer.write(pattern(100_000));
    await carol.lock();
    writer.close().catch(() => undefined);
    await fails(pkg, "locked", () => writer.closed, "its end");
    equal((await drained).error?.code, "locked", "the stream");
    await allFail(pkg, [
      ["encrypt", () => session.encrypt("x"), "locked"],
      ["decrypt", () => session.decrypt(sealed), "locked"],
      ["encryptMany", () => session.encryptMany([{ data: "x" }]), "locked"],
      ["a stream", async () => through(pattern(10), session.encryptStream(), 10), "locked"],
      ["a stream back", async () => through(sealed, session.decryptStream(), 10), "locked"],
    ]);
    equal((await session.decryptMany([{ sealed }])).map(({ error }) => error?.code).join(), "locked", "decryptMany");
    await carol.close();
  },

  "what is under way when its identity is locked gives nothing more": async (pkg, tools) => {
    const { backend } = await scene(pkg, tools);
    const dora = await register(pkg, backend, "doris");
    const { id } = await dora.createSession({ recipients: [] });
    const first = await dora.openSession(id);
    const [whole, unsigned] = [await first.encrypt(new Uint8Array(8 * MIB)), await first.encrypt("x", { sign: false })];
    const streamed = { signed: whole, unsigned: await first.encrypt(new Uint8Array(MIB), { sign: false }) };
    const records = Array.from({ length: 3000 }, () => ({ sealed: unsigned }));
    const unlocked = async () => {
      if (dora.status !== "ready") await dora.unlock({ userId: "doris", password: PASSWORD });
      return dora.openSession(id);
    };
    /** What becomes of a call when everything is locked as soon as it tells that it has begun. */
    const lockedAmid = async (run) => {
      const session = await unlocked();
      let running;
      await new Promise((begun) => {
        running = run(session, begun);
        running.then(begun, begun);
      });
      await dora.lock();
      return running;
    };
    const data = new Uint8Array(8 * MIB);
    const plain = [{ data: "x" }, { data }];
    /** Tells when the second chunk is read. */
    const slow = (begun) => ({
      size: whole.length,
      read: async (from, to) => {
        if (from > CHUNK) begun();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return whole.slice(from, to);
      },
    });
    for (const [name, run] of Object.entries({
      decrypt: (session, onProgress) => session.decrypt(whole, { onProgress }),
      "decrypt of a Blob": (session, onProgress) => session.decrypt(new Blob([whole]), { onProgress }),
      "Wardkey.decrypt": (_, onProgress) => dora.decrypt(whole, { onProgress }),
      decryptRange: (session, begun) => session.decryptRange(slow(begun), CHUNK, 2 * CHUNK),
      plaintextSize: (session, begun) => session.plaintextSize(slow(begun)),
      encrypt: (session, onProgress) => session.encrypt(data, { onProgress }),
      "encrypt, unsigned": (session, onProgress) => session.encrypt(data, { onProgress, sign: false }),
      "encryptMany, unsigned": (session, onProgress) => session.encryptMany(plain, { onProgress, sign: false }),
    })) {
      await fails(pkg, "locked", () => lockedAmid(run), name);
    }
    const results = await lockedAmid((session, onProgress) => session.decryptMany(records, { onProgress }));
    ok(
      results.every(({ error }) => error?.code === "locked"),
      "decryptMany",
    );
    for (const [name, sealed] of Object.entries(streamed)) {
      const stream = (await unlocked()).decryptStream();
      const writer = stream.writable.getWriter();
      const reader = stream.readable.getReader();
      writer.write(sealed.slice(0, 10 * CHUNK)).catch(() => undefined);
      ok(!(await reader.read()).done, `${name}: it has begun`);
      await dora.lock();
      await allFail(pkg, [
        [`${name}: writing`, () => writer.write(sealed.slice(10 * CHUNK)), "locked"],
        [`${name}: reading`, () => reader.read(), "locked"],
        [`${name}: the author`, () => stream.author, "locked"],
      ]);
    }
    for (const sign of [true, false]) {
      const last = await (await unlocked()).encrypt(new Uint8Array(100), { sign });
      const stream = (await unlocked()).decryptStream();
      const [writer, reader] = [stream.writable.getWriter(), stream.readable.getReader()];
      writer.write(last).catch(() => undefined);
      const closing = outcome(pkg, () => writer.close());
      await soon(200);
      await dora.lock();
      await fails(pkg, "locked", () => reader.read(), `sign: ${sign}: what was closed and isn't read yet`);
      equal(await closing, "locked", `sign: ${sign}: closing`);
    }
    for (const sign of [true, false]) {
      const stream = (await unlocked()).encryptStream({ sign });
      const [writer, reader] = [stream.writable.getWriter(), stream.readable.getReader()];
      writer.write(data.slice(0, 10 * CHUNK)).catch(() => undefined);
      for (let read = 0; read < 2; read += 1) ok(!(await reader.read()).done, `sign: ${sign}: it has begun`);
      await dora.lock();
      const writing = writer.write(data.slice(0, 10 * CHUNK));
      writing.catch(() => undefined);
      await fails(pkg, "locked", () => reader.read(), `sign: ${sign}: reading`);
      await allFail(pkg, [
        [`sign: ${sign}: writing`, () => writing, "locked"],
        [`sign: ${sign}: its end`, () => writer.closed, "locked"],
      ]);
    }
    await dora.close();
  },

  "whoever gives a signed stream up learns no author": async (pkg, tools) => {
    const { theirs, session } = await scene(pkg, tools);
    const sealed = await session.encrypt(pattern(MIB));
    for (const [name, give] of Object.entries({
      cancelled: ({ readable }) => readable.cancel(),
      "cancelled for a reason": ({ readable }) => readable.cancel(new TypeError("why")),
      aborted: ({ writer }) => writer.abort(),
    })) {
      const stream = theirs.decryptStream();
      const writer = stream.writable.getWriter();
      writer.write(sealed.slice(0, MIB / 2)).catch(() => undefined);
      await give({ readable: stream.readable, writer }).catch(() => undefined);
      await fails(pkg, "aborted", () => stream.author, name);
    }
  },

  "the module's memory doesn't grow with the data": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    const { memoryNow } = await tools.internal("core");
    const round = async (length) => {
      const data = new Uint8Array(length).fill(7);
      await each(pkg, async () => {
        const sealed = await session.encrypt(data);
        equal((await theirs.decrypt(sealed)).data.length, length, "length");
        const stream = theirs.decryptStream();
        await through(await through(data, session.encryptStream({ sign: true })), stream);
        equal((await stream.author).userId, "anna", "the author");
      });
    };
    await round(2 * MIB);
    const before = memoryNow().length;
    await round(40 * MIB);
    equal(memoryNow().length, before, "bytes");
  },

  "what is shared out to workers is signed, too": async (pkg, tools) => {
    const { session, theirs } = await scene(pkg, tools);
    for (const length of [9 * MIB + 5, 66 * MIB + 5]) {
      const data = new Uint8Array(length).fill(7);
      data.set(pattern(100_000), 5 * MIB);
      pkg.setEngine("wasm");
      try {
        const sealed = await session.encrypt(data);
        pkg.setEngine("auto");
        const opened = await theirs.decrypt(sealed);
        equal([opened.data.length, tell(opened)], [data.length, "anna"], `${length}: by the other engine`);
        pkg.setEngine("wasm");
        const again = await theirs.decrypt(sealed);
        equal(again.data.subarray(5 * MIB, 6 * MIB), data.subarray(5 * MIB, 6 * MIB), `${length}: back`);
        equal(tell(again), "anna", `${length}: back`);
        await fails(pkg, "bad-signature", () => theirs.decrypt(changed(sealed, -1)), `${length}: changed`);
      } finally {
        pkg.setEngine("auto");
      }
    }
  },

  "a data key's text is a data key's": async (pkg, tools) => {
    const { session } = await scene(pkg, tools);
    const sealed = await session.encrypt("x");
    ok(pkg.keyIdOf(sealed).length === 22, "its key's id");
    equal(await pkg.plaintextSize(new Blob([sealed])), 1, "its size without key");
    equal(text(pattern(0)), "", "nothing");
  },
};
