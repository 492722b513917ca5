// decryptRange and plaintextSize: from a Blob and from what reads ranges, and no more than is needed.
import { each } from "./bulk.mjs";
import { allFail, equal, fails, ok, outcome, owns, pattern, soon } from "./tools.mjs";

const CHUNK = 16_384;
const SEALED = CHUNK + 16;
const START = 78;
const context = { record: "4567" };

/** A source that keeps account of what was read. */
function watched(bytes) {
  const reads = [];
  return {
    reads,
    size: bytes.length,
    read: async (start, end) => {
      reads.push([start, end]);
      return bytes.slice(start, end);
    },
  };
}

async function inTurns(turns, act) {
  for (let turn = 0; turn < turns; turn += 1) await null;
  act();
}

function inNextTask(act) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    act();
  };
  port2.postMessage(0);
}

export default {
  "any range is that part of the data": async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      for (const padding of ["none", "padme"]) {
        for (const length of [0, 1, CHUNK - 8, CHUNK - 1, CHUNK, 2 * CHUNK, 100_000]) {
          const data = pattern(length);
          const sealed = await key.encrypt(data, { context, padding });
          const ends = [0, 1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, length - 1, length, length + 10, 1e9];
          for (const from of [watched(sealed), new Blob([sealed])]) {
            equal(await pkg.plaintextSize(from, key, { context }), length, `${engine} ${padding} ${length}: size`);
            for (const start of ends.filter((at) => at >= 0)) {
              for (const end of ends.filter((at) => at >= start)) {
                const part = await key.decryptRange(from, start, end, { context });
                owns(part, "a range");
                equal(part, data.slice(start, end), `${engine} ${padding} ${length}: ${start} to ${end}`);
              }
            }
          }
        }
      }
    });
  },

  "only what is needed is read": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = await key.encrypt(pattern(100 * CHUNK + 7));
    const beginning = [0, 143];
    const chunk = (first, count = 1) => [START + first * SEALED, START + (first + count) * SEALED];
    const last = [START + 100 * SEALED, sealed.length];
    const rows = [
      ["one chunk", [3 * CHUNK + 5, 3 * CHUNK + 6], [beginning, chunk(3)]],
      ["across two", [4 * CHUNK - 1, 4 * CHUNK + 1], [beginning, chunk(3, 2)]],
      ["to the end", [100 * CHUNK, 100 * CHUNK + 7], [beginning, last]],
      ["from before to the end", [98 * CHUNK + 5, 100 * CHUNK + 7], [beginning, last, chunk(98, 2)]],
      ["past the end", [200 * CHUNK, 201 * CHUNK], [beginning, last]],
      ["nothing", [5, 5], [beginning]],
    ];
    for (const [what, [start, end], reads] of rows) {
      const source = watched(sealed);
      await key.decryptRange(source, start, end);
      equal(source.reads, reads, what);
    }
    const padded = watched(await key.encrypt(pattern(100 * CHUNK), { padding: "padme" }));
    await key.decryptRange(padded, 0, 1);
    equal(padded.reads.length, 3, "padded: the beginning, the last chunk, the range");
    const size = watched(sealed);
    equal(await pkg.plaintextSize(size), 100 * CHUNK + 7, "without a key");
    equal(size.reads, [beginning], "without a key only the beginning");
  },

  "by HTTP Range, from a message on the server": async (pkg, tools) => {
    const key = await pkg.DataKey.importRaw(new Uint8Array(32).fill(7));
    const address = `${tools.url}face/message.bin`;
    const came = [];
    const request = async (range, signal) => {
      const response = await fetch(address, { headers: { range }, signal });
      equal(response.status, 206, `the server answers ${range}`);
      came.push(Number(response.headers.get("content-length")));
      return response;
    };
    const probe = await request("bytes=0-0");
    const size = Number(probe.headers.get("content-range").split("/")[1]);
    await probe.arrayBuffer();
    const source = {
      size,
      read: async (start, end, signal) => (await request(`bytes=${start}-${end - 1}`, signal)).arrayBuffer(),
    };
    equal(await pkg.plaintextSize(source, key), 1_000_000, "its size");
    came.length = 0;
    equal(await key.decryptRange(source, 20_000, 40_000), new Uint8Array(20_000).fill(9), "a part");
    equal(came, [143, 2 * SEALED], "what came over the network");
    came.length = 0;
    equal(await key.decryptRange(source, 999_990, 2_000_000), new Uint8Array(10).fill(9), "the end");
    ok(came.reduce((sum, bytes) => sum + bytes) < 143 + 2 * SEALED, `of ${size} bytes came ${came}`);
  },

  "an abort is heard, whether the source hears it or not": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const abort = new AbortController();
    const { signal } = abort;
    const source = { size: 1000, read: () => new Promise(() => {}) };
    const calls = [
      ["decryptRange", () => key.decryptRange(source, 0, 1, { signal }), "aborted"],
      ["plaintextSize", () => pkg.plaintextSize(source, key, { signal }), "aborted"],
    ];
    setTimeout(() => abort.abort(), 10);
    const late = new Promise((_, reject) => setTimeout(reject, 60_000, new Error("no call has ended")));
    await Promise.race([allFail(pkg, calls), late]);
  },

  "a part of what was changed or cut": async (pkg) => {
    const key = await pkg.DataKey.generate();
    await each(pkg, async (engine) => {
      const data = pattern(10 * CHUNK + 100);
      const sealed = await key.encrypt(data, { context });
      const changed = (at) => {
        const copy = sealed.slice();
        copy[at] ^= 1;
        return new Blob([copy]);
      };
      const third = START + 3 * SEALED + 9;
      const whole = [0, data.length];
      const cut = new Blob([sealed.subarray(0, START + 5 * SEALED)]);
      const shorter = new Blob([sealed.subarray(0, START + 5 * SEALED + 500)]);
      const read =
        (from, [start, end], options = { context }) =>
        () =>
          key.decryptRange(from, start, end, options);
      await allFail(pkg, [
        [`${engine}: its chunk`, read(changed(third), [3 * CHUNK, 3 * CHUNK + 1]), "decryption-failed"],
        [`${engine}: the salt`, read(changed(30), [0, 1]), "decryption-failed"],
        [
          `${engine}: the last chunk, and the range ends there`,
          read(changed(sealed.length - 1), whole),
          "decryption-failed",
        ],
        [`${engine}: cut after a chunk`, read(cut, [0, 1]), "truncated"],
        [`${engine}: cut inside a chunk, past the end`, read(shorter, [0, 9 * CHUNK]), "decryption-failed"],
        [`${engine}: size of what was cut`, () => pkg.plaintextSize(shorter, key, { context }), "decryption-failed"],
        [`${engine}: another context`, read(new Blob([sealed]), [0, 1], {}), "decryption-failed"],
      ]);
      equal(
        await key.decryptRange(changed(third), 0, CHUNK, { context }),
        data.slice(0, CHUNK),
        "another chunk is fine",
      );
      const padded = await key.encrypt(data, { context, padding: "padme" });
      padded[padded.length - 1] ^= 1;
      await fails(
        pkg,
        "decryption-failed",
        read(new Blob([padded]), [0, 1]),
        `${engine}: padded, the last chunk first`,
      );
    });
  },

  "the length of a padded message needs the key": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = new Blob([await key.encrypt("secret", { padding: "padme" })]);
    await fails(pkg, "invalid-argument", () => pkg.plaintextSize(sealed), "without a key");
    equal(await pkg.plaintextSize(sealed, key), 6, "with it");
  },

  "sources that misbehave": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = await key.encrypt(pattern(100_000));
    const good = watched(sealed);
    const source = (changes) => ({ size: good.size, read: good.read, ...changes });
    const read =
      (from, start = 0, end = 10) =>
      () =>
        key.decryptRange(from, start, end);
    const mine = new pkg.WardkeyError("throttled", "later", { retryAfterMs: 5 });
    await allFail(pkg, [
      ["none", read(undefined), "invalid-argument"],
      ["no read", read({ size: 5 }), "invalid-argument"],
      ["no size", read(source({ size: "5" })), "invalid-argument"],
      ["negative size", read(source({ size: -1 })), "invalid-argument"],
      ["reads less", read(source({ read: async (start, end) => sealed.slice(start, end - 1) })), "truncated"],
      ["reads more", read(source({ read: async (start, end) => sealed.slice(start, end + 1) })), "invalid-argument"],
      ["reads no bytes", read(source({ read: async () => "text" })), "invalid-argument"],
      [
        "throws",
        read(
          source({
            read: () => {
              throw new TypeError("no net");
            },
          }),
        ),
        "network",
      ],
      ["rejects as the application wants", read(source({ read: () => Promise.reject(mine) })), "throttled"],
      ["says another size", read(source({ size: sealed.length + 16 }), 0, 1e9), "truncated"],
      ["range of text", () => key.decryptRange(good, "0", 1), "invalid-argument"],
      ["negative", read(good, -1, 1), "invalid-argument"],
      ["backwards", read(good, 2, 1), "invalid-argument"],
      ["half a byte", read(good, 0, 1.5), "invalid-argument"],
      ["size with another's key", () => pkg.plaintextSize(good, {}), "invalid-argument"],
    ]);
    equal(
      await key.decryptRange(source({ read: async (start, end) => sealed.slice(start, end).buffer }), 1, 9),
      pattern(100_000).slice(1, 9),
      "an ArrayBuffer",
    );
  },

  "abort and progress": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(12 << 20);
    const sealed = new Blob([await key.encrypt(data)]);
    const controller = new AbortController();
    const seen = [];
    const onProgress = (progress) => {
      seen.push(progress);
      controller.abort();
    };
    await fails(
      pkg,
      "aborted",
      () => key.decryptRange(sealed, 5, 11 << 20, { signal: controller.signal, onProgress }),
      "abort",
    );
    equal(seen.length, 1, "not a piece more");
    const all = [];
    await key.decryptRange(sealed, 5, 11 << 20, { onProgress: (progress) => all.push(progress.bytesProcessed) });
    ok(all.length > 1 && all.at(-1) === (11 << 20) - 5, `progress ends at the range's length: ${all}`);
    await fails(pkg, "aborted", () => key.decryptRange(sealed, 0, 1, { signal: AbortSignal.abort() }), "before");
    const passed = [];
    const source = {
      size: sealed.size,
      read: async (start, end, signal) => {
        passed.push(signal);
        return sealed.slice(start, end).arrayBuffer();
      },
    };
    const { signal } = new AbortController();
    await key.decryptRange(source, 0, 1, { signal });
    ok(
      passed.every((given) => given === signal),
      "the source gets the signal",
    );
  },
  "what was read and is taken away meanwhile is refused, or whole": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(3 << 20);
    const sealed = await key.encrypt(data);
    await each(pkg, async (engine) => {
      let refused = 0;
      for (let count = 0; count < 20; count += 1) {
        const read = async (start, end) => {
          const bytes = sealed.slice(start, end);
          // Longer than a task should be: the next pause comes at once.
          await soon(20);
          const away = () => structuredClone(0, { transfer: [bytes.buffer] });
          // Before anything is done, in that pause, or some time later.
          if (count < 10) inTurns(count, away);
          else if (count < 13) inNextTask(away);
          else soon(count % 4).then(away);
          return bytes;
        };
        let part;
        const found = await outcome(pkg, async () => {
          part = await key.decryptRange({ size: sealed.length, read }, 0, data.length);
        });
        if (found === "ok") equal(part, data, `${engine}: all of it`);
        else equal(found, "invalid-argument", `${engine}: it is said`);
        refused += found === "ok" ? 0 : 1;
      }
      ok(refused > 0, `${engine}: it was taken away in time at least once`);
    });
  },

  "a range longer than any memory is a limit": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const sealed = await key.encrypt("short");
    const read = async (start, end) => {
      const bytes = new Uint8Array(end - start);
      bytes.set(sealed.subarray(start, end));
      return bytes;
    };
    await fails(pkg, "limit", () => key.decryptRange({ size: 2 ** 45, read }, 0, 2 ** 44), "2^44 bytes");
  },
};
