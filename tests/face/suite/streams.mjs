// encryptStream and decryptStream: what comes out is what the calls in memory make, and nothing that wasn't verified.
import { each } from "./bulk.mjs";
import { breathing, equal, fails, ok, outcome, owns, pattern, soon, text, until, utf8 } from "./tools.mjs";

const CHUNK = 16_384;
const LENGTHS = [0, 1, 7, 8, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK, 1_100_000, 64 * CHUNK];
const context = { record: "4567" };

/** A stream of these bytes, cut into pieces of about this length. */
export function source(bytes, piece = 65_536) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  });
}

/** All that comes out, its longest piece, and how it ended. */
export async function drain(stream) {
  const pieces = [];
  const reader = stream.getReader();
  let error;
  let longest = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      owns(value, "a piece");
      longest = Math.max(longest, value.length);
      pieces.push(value);
    }
  } catch (e) {
    error = e;
  }
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return { bytes, error, longest, again: () => reader.read() };
}

export async function through(bytes, pipe, piece) {
  const { bytes: out, error } = await drain(source(bytes, piece).pipeThrough(pipe));
  if (error) throw error;
  return out;
}

/** A test of each engine's streams, with what goes into each: its own copy, so many bytes of plaintext. */
function eachStream(length, run) {
  return async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      for (const call of ["encryptStream", "decryptStream"]) {
        const data = pattern(length);
        const bytes = call === "encryptStream" ? data : await key.encrypt(data);
        await run({ pkg, key, call, bytes, what: `${engine} ${call}` });
      }
    });
  };
}

export default {
  "a stream makes and opens what calls in memory open and make": async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      for (const padding of ["none", "padme"]) {
        for (const length of LENGTHS) {
          const data = pattern(length);
          data.fill(0, length >> 1, (length >> 1) + 20_000);
          const what = `${engine} ${padding} ${length}`;
          const sealed = await through(data, key.encryptStream({ context, padding }), 50_001);
          equal(await key.decrypt(sealed, { context }), data, `${what}: streamed, opened in memory`);
          const atOnce = await key.encrypt(data, { context, padding });
          equal(sealed.length, atOnce.length, `${what}: length`);
          equal(await through(atOnce, key.decryptStream({ context }), 50_001), data, `${what}: opened as a stream`);
        }
      }
    });
  },

  "however it is cut": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(70_000);
    for (const piece of [1, 77, 142, 143, 144, CHUNK, CHUNK + 16, 70_000]) {
      const sealed = await through(data, key.encryptStream({ padding: "padme" }), piece);
      equal(await through(sealed, key.decryptStream(), piece), data, `pieces of ${piece}`);
    }
  },

  "zeros that are data come out, also many": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const [zeros, more] of [
      [3_000_000, 1],
      [3_000_000, 0],
      [100, 0],
      [0, 100],
    ]) {
      const data = new Uint8Array(zeros + more).fill(7, zeros);
      const sealed = await key.encrypt(data, { padding: "padme" });
      equal(await through(sealed, key.decryptStream()), data, `${zeros} and ${more}`);
      equal(await key.decrypt(sealed), data, `${zeros} and ${more}, in memory`);
    }
  },

  "chunks come out while more is written": async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      const { readable, writable } = key.encryptStream();
      const [reader, writer] = [readable.getReader(), writable.getWriter()];
      writer.write(pattern(3 * CHUNK + 5));
      let length = 0;
      while (length < 78 + 3 * (CHUNK + 16)) length += (await reader.read()).value.length;
      equal(length, 78 + 3 * (CHUNK + 16), `${engine}: three chunks`);
      writer.close();
      equal((await reader.read()).value.length, 5 + 16, `${engine}: the last`);
      ok((await reader.read()).done, "the end");
    });
  },

  "whole chunks come out though nothing more is written": async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      for (const length of [200 << 10, 1 << 20, 7 << 20]) {
        const data = pattern(length);
        const chunks = Math.floor(length / CHUNK);
        for (const [call, bytes, expected] of [
          ["encryptStream", data, 78 + chunks * (CHUNK + 16)],
          ["decryptStream", (await key.encrypt(data)).subarray(0, 78 + chunks * (CHUNK + 16) + 3), chunks * CHUNK],
        ]) {
          const { readable, writable } = key[call]();
          const reader = readable.getReader();
          const writer = writable.getWriter();
          const writing = (async () => {
            // Some at once, and some a little later.
            await writer.write(bytes.subarray(0, bytes.length >> 1));
            await soon(0);
            await writer.write(bytes.subarray(bytes.length >> 1));
          })();
          let came = 0;
          const reading = (async () => {
            while (came < expected) came += (await reader.read()).value.length;
          })();
          await until(`${engine} ${call} ${length}: ${expected} bytes`, () => came >= expected, 20_000);
          await reading;
          equal(came, expected, `${engine} ${call} ${length}`);
          await writing;
          await writer.abort();
        }
      }
    });
  },

  "what comes fast goes on in larger pieces, and is the same": eachStream(
    20 << 20,
    async ({ key, call, bytes, what }) => {
      const { bytes: out, longest } = await drain(source(bytes).pipeThrough(key[call]()));
      equal(call === "encryptStream" ? await key.decrypt(out) : out, pattern(20 << 20), what);
      ok(longest >= 8 << 20 && longest < 9 << 20, `${what}: the longest piece has ${longest} bytes`);
    },
  ),

  "what was written is the writer's again": eachStream(3_000_000, async ({ key, call, bytes, what }) => {
    const { readable, writable } = key[call]();
    const reading = drain(readable);
    const writer = writable.getWriter();
    const again = new Uint8Array(100_000);
    for (let at = 0; at < bytes.length; at += again.length) {
      const some = bytes.subarray(at, at + again.length);
      again.set(some);
      await writer.write(again.subarray(0, some.length));
      again.fill(0xff);
    }
    await writer.close();
    const out = (await reading).bytes;
    equal(call === "encryptStream" ? await key.decrypt(out) : out, pattern(3_000_000), what);
  }),

  "as soon as there is place for the next piece, the memory of a small one is the writer's again": eachStream(
    3_000_000,
    async ({ key, call, bytes, what }) => {
      for (const length of [50_000, 65_536, 65_537]) {
        const { readable, writable } = key[call]();
        const reading = drain(readable);
        const writer = writable.getWriter();
        const again = new Uint8Array(length);
        const writes = [];
        for (let at = 0; at < bytes.length; at += length) {
          await writer.ready;
          const some = bytes.subarray(at, at + length);
          again.set(some);
          writes.push(writer.write(again.subarray(0, some.length)));
        }
        await writer.ready;
        structuredClone(0, { transfer: [again.buffer] });
        await Promise.all([...writes, writer.close()]);
        const out = (await reading).bytes;
        const opened = call === "encryptStream" ? await key.decrypt(out) : out;
        equal(opened, pattern(3_000_000), `${what}, pieces of ${length}`);
      }
    },
  ),

  "the first piece's memory is the writer's again, too, and a second small one may wait": eachStream(
    40_000,
    async ({ key, call, bytes, what }) => {
      const { readable, writable } = key[call]();
      const reading = drain(readable);
      const writer = writable.getWriter();
      const first = bytes.slice();
      const writing = writer.write(first);
      equal(writer.desiredSize, 0.5, `${what}: there is place for a second one`);
      await writer.ready;
      structuredClone(0, { transfer: [first.buffer] });
      await Promise.all([writing, writer.close()]);
      const out = (await reading).bytes;
      equal(call === "encryptStream" ? await key.decrypt(out) : out, pattern(40_000), what);
    },
  ),

  "back-pressure: who isn't read isn't fed": async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      const { readable, writable } = key.encryptStream();
      const writer = writable.getWriter();
      let written = 0;
      const feed = (async () => {
        for (; written < 64; written += 1) await writer.write(pattern(1 << 20));
        await writer.close();
      })();
      await new Promise((resolve) => setTimeout(resolve, 300));
      ok(written < 10, `${engine}: ${written} MiB were taken though nobody reads`);
      const { bytes, error } = await drain(readable);
      await feed;
      equal(error, undefined, "no error");
      equal(bytes.length, 78 + (64 << 20) + 16 * (64 * 64 + 1), "all of it");
    });
  },

  "F4: cut after chunk n, at most n chunks come out, then an error, for good": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(8 * CHUNK + 100);
    const sealed = await key.encrypt(data);
    await each(pkg, async (engine) => {
      for (const n of [0, 1, 2, 7, 8]) {
        for (const [more, code] of [
          [0, "truncated"],
          [15, "truncated"],
          [16, "decryption-failed"],
          [60, "decryption-failed"],
        ]) {
          const cut = sealed.subarray(0, 78 + n * (CHUNK + 16) + more);
          const { bytes, error, again } = await drain(source(cut).pipeThrough(key.decryptStream()));
          const what = `${engine}: chunk ${n} and ${more} bytes`;
          equal(error?.code, code, what);
          ok(bytes.length <= n * CHUNK, `${what}: ${bytes.length} bytes came out`);
          equal(bytes, data.slice(0, bytes.length), `${what}: verified bytes`);
          equal(await again().catch((e) => e), error, `${what}: the same error again`);
        }
      }
    });
  },

  "F4: a changed chunk poisons the stream, and the writer's side with it": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(200 * CHUNK);
    await each(pkg, async (engine) => {
      const sealed = await key.encrypt(data);
      sealed[78 + 100 * (CHUNK + 16) + 5] ^= 1;
      const pipe = key.decryptStream();
      const written = source(sealed)
        .pipeTo(pipe.writable)
        .catch((e) => e);
      const { bytes, error } = await drain(pipe.readable);
      equal(error?.code, "decryption-failed", engine);
      ok(bytes.length <= 100 * CHUNK, `${engine}: only what precedes it`);
      equal(bytes, data.slice(0, bytes.length), "verified bytes");
      equal((await written)?.code, "decryption-failed", `${engine}: the writer hears of it`);
    });
  },

  "headers that are none, or another's": async (pkg) => {
    const [key, other] = [await pkg.DataKey.generate(), await pkg.DataKey.generate()];
    const sealed = await key.encrypt(pattern(1000), { context });
    const rows = [
      ["nothing", new Uint8Array(), key, "invalid-format"],
      ["no message", pattern(1000), key, "invalid-format"],
      ["inside the header", sealed.subarray(0, 20), key, "truncated"],
      ["inside the commitment", sealed.subarray(0, 70), key, "truncated"],
      ["another key", sealed, other, "decryption-failed"],
    ];
    for (const [what, bytes, who, code] of rows) {
      equal(await outcome(pkg, () => through(bytes, who.decryptStream({ context }), 7)), code, what);
    }
    equal(await outcome(pkg, () => through(sealed, key.decryptStream())), "decryption-failed", "another context");
  },

  "abort, from either end": async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      const controller = new AbortController();
      const stream = source(pattern(20 << 20)).pipeThrough(key.encryptStream({ signal: controller.signal }));
      const reader = stream.getReader();
      await reader.read();
      controller.abort(new Error("because"));
      let error;
      for (let n = 0; n < 100 && !error; n += 1) await reader.read().catch((e) => (error = e));
      equal(error?.code, "aborted", `${engine}: by the signal`);
      equal(error?.cause?.message, "because", "its reason");
      await fails(
        pkg,
        "aborted",
        () => through(pattern(10), key.encryptStream({ signal: AbortSignal.abort() })),
        "before",
      );

      const { readable, writable } = key.encryptStream();
      const feeding = source(pattern(20 << 20))
        .pipeTo(writable)
        .then(
          () => "ended",
          () => "stopped",
        );
      const leaving = readable.getReader();
      await leaving.read();
      await leaving.cancel(new Error("enough"));
      equal(await feeding, "stopped", `${engine}: by the reader`);
    });
  },

  "no progress after an abort": eachStream(8 << 20, async ({ key, call, bytes, what }) => {
    for (let reads = 1; reads < 4; reads += 1) {
      const controller = new AbortController();
      const { signal } = controller;
      let after = 0;
      const onProgress = () => (after += signal.aborted ? 1 : 0);
      const reader = source(bytes).pipeThrough(key[call]({ signal, onProgress })).getReader();
      for (let read = 0; read < reads; read += 1) await reader.read();
      controller.abort();
      await soon(30);
      equal(after, 0, `${what} after ${reads} reads`);
    }
  }),

  "what was closed and isn't read yet is aborted, too": eachStream(
    10_000,
    async ({ pkg, key, call, bytes: data, what }) => {
      const controller = new AbortController();
      const { readable, writable } = key[call]({ signal: controller.signal });
      const writer = writable.getWriter();
      const reader = readable.getReader();
      // The beginning of a message has been read.
      const begun = call === "encryptStream" ? reader.read() : undefined;
      writer.write(data).catch(() => undefined);
      const closing = outcome(pkg, () => writer.close());
      await begun;
      await soon(200);
      controller.abort();
      reader.releaseLock();
      const { bytes, error } = await drain(readable);
      equal(`${error?.code}, ${bytes.length} bytes`, "aborted, 0 bytes", what);
      equal(await closing, "aborted", `${what}: the writer is told`);
    },
  ),

  "a writer's abort is heard while a piece waits for a reader": eachStream(
    8 << 20,
    async ({ key, call, bytes: data, what }) => {
      const { readable, writable } = key[call]();
      const writer = writable.getWriter();
      const writing = writer.write(data).catch((e) => e);
      await soon(100);
      const reason = new Error("enough");
      const heard = writer.abort(reason).then(
        () => "heard",
        (e) => e,
      );
      equal(await Promise.race([heard, soon(20_000)]), "heard", what);
      equal(await writing, reason, `${what}: what was being written`);
      const { bytes, error } = await drain(readable);
      equal(error, reason, `${what}: the reader`);
      equal(bytes.length, 0, `${what}: nothing more comes`);
    },
  ),

  "progress, and what isn't bytes": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const seen = [];
    const data = pattern(3_000_000);
    await through(data, key.encryptStream({ onProgress: (progress) => seen.push(progress) }));
    ok(seen.length > 2 && seen.every(({ totalBytes }) => totalBytes === undefined), "several, without a total");
    equal(seen.at(-1).bytesProcessed, data.length, "all of it");
    const writer = key.encryptStream().writable.getWriter();
    await fails(pkg, "invalid-argument", () => writer.write("text"), "a string");
    const { readable, writable } = key.encryptStream();
    const view = new DataView(utf8("..view..").buffer, 2, 4);
    const feeding = writable.getWriter();
    feeding.write(view);
    feeding.close();
    equal(text(await key.decrypt((await drain(readable)).bytes)), "view", "a view's own bytes");
  },

  "the key may be freed while a stream runs": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const copy = await pkg.DataKey.importRaw(key.dangerouslyExportRaw());
    const data = pattern(300_000);
    const sealing = key.encryptStream();
    const opening = key.decryptStream();
    key.free();
    const sealed = await through(data, sealing);
    equal(await through(sealed, opening), data, "both went on");
    equal(await copy.decrypt(sealed), data, "and right");
    await fails(pkg, "invalid-argument", () => key.encryptStream(), "afterwards");
    await fails(pkg, "invalid-argument", () => key.decryptStream(), "afterwards");
  },

  "a piece that is taken away while it is worked on": eachStream(8 << 20, async ({ pkg, key, call, bytes, what }) => {
    const { readable, writable } = key[call]();
    const writer = writable.getWriter();
    const writing = outcome(pkg, () => writer.write(bytes));
    const reader = readable.getReader();
    await reader.read();
    structuredClone(0, { transfer: [bytes.buffer] });
    reader.releaseLock();
    const [{ error }] = await Promise.all([drain(readable), outcome(pkg, () => writer.close())]);
    equal(error?.code, "invalid-argument", what);
    equal(await writing, "invalid-argument", `${what}: the writer is told`);
  }),

  "what is being written when a stream is aborted ends in the same error": eachStream(
    3 << 20,
    async ({ pkg, key, call, bytes, what }) => {
      for (let turns = 1; turns < 40; turns += 1) {
        const controller = new AbortController();
        const { readable, writable } = key[call]({ signal: controller.signal });
        const reading = drain(readable);
        const writing = outcome(pkg, () => writable.getWriter().write(bytes));
        for (let turn = 0; turn < turns; turn += 1) await null;
        controller.abort();
        equal((await reading).error?.code, "aborted", `${what}, read`);
        const found = await writing;
        ok(found === "aborted" || found === "ok", `${what}, written after ${turns} turns: ${found}`);
      }
    },
  ),

  "many small pieces are taken in short tasks": eachStream(40_000, async ({ key, call, bytes, what }) => {
    const { readable, writable } = key[call]();
    const writer = writable.getWriter();
    const reading = drain(readable);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const start = performance.now();
    for (let at = 0; at < bytes.length; at += 1) await writer.write(bytes.subarray(at, at + 1));
    const took = performance.now() - start;
    clearInterval(timer);
    await writer.close();
    await reading;
    // Where it takes no longer than one task, nobody needs a turn.
    ok(turns > 1 || took < 50, `${what}: ${turns} turns for others in ${took} ms`);
  }),

  "one long piece is worked on in short tasks": eachStream(32 << 20, async ({ key, call, bytes, what }) => {
    const { readable, writable } = key[call]();
    const writer = writable.getWriter();
    const turns = await breathing(() => Promise.all([drain(readable), writer.write(bytes), writer.close()]));
    ok(turns > 3, `${what}: ${turns} turns for others`);
  }),
};
