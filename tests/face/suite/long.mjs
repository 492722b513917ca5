import { allFail, breathing, equal, fails, ok, owns, pattern } from "./tools.mjs";

/** From here on data is worked on in pieces. */
const LIMIT = 32_768;
const PIECE = 256 * 1024;
const CHUNK = 16_384;
/** A message is longer than its data: 22 + 56 + 16 a chunk. */
const OVERHEAD = 22 + 56 + 16 * (LIMIT / CHUNK);

const LENGTHS = [
  ...[-1, 0, 1].flatMap((more) => [
    LIMIT + more,
    LIMIT - OVERHEAD + more,
    LIMIT + CHUNK + more,
    3 * PIECE + more,
    2 * LIMIT + more,
  ]),
  LIMIT - 16,
  LIMIT + 77,
  1_000_003,
];

function watch() {
  const seen = [];
  return { seen, onProgress: (progress) => seen.push(progress) };
}

function grew(seen, total, message) {
  ok(seen.length > 1, `${message}: more than once`);
  for (const [at, { bytesProcessed, totalBytes }] of seen.entries()) {
    equal(totalBytes, total, `${message}: totalBytes`);
    ok(bytesProcessed > (seen[at - 1]?.bytesProcessed ?? 0), `${message}: it grows`);
  }
  equal(seen.at(-1).bytesProcessed, total, `${message}: ends at the total`);
}

export default {
  "around the border of the long path, padded and not": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const context = { record: "4567" };
    for (const length of LENGTHS) {
      const data = pattern(length);
      for (const padding of ["none", "padme"]) {
        const sealed = await key.encrypt(data, { context, padding });
        owns(sealed, "sealed");
        const atOnce = key.encryptSync(data, { context, padding });
        equal(sealed.length, atOnce.length, `${padding} ${length}: length`);
        equal(key.decryptSync(sealed, { context }), data, `${padding} ${length}: long, opened at once`);
        for (const message of [sealed, atOnce, new Blob([sealed])]) {
          const opened = await key.decrypt(message, { context });
          owns(opened, "opened");
          equal(opened, data, `${padding} ${length}`);
        }
      }
    }
  },

  "text and a Blob": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const string = "été 漢字 👩‍⚕️ ".repeat(40_000);
    equal(new TextDecoder().decode(await key.decrypt(await key.encrypt(string))), string, "text");
    const data = pattern(1_234_567);
    const blob = new Blob([data.subarray(0, 300_001), data.subarray(300_001)]);
    equal(await key.decrypt(await key.encrypt(blob, { padding: "padme" })), data, "a Blob");
    equal(await key.decrypt(new Blob([await key.encrypt(data)])), data, "from a Blob");
  },

  "long text, in short tasks": async (pkg, tools) => {
    const { longText } = await tools.internal("long-text");
    const key = await pkg.DataKey.generate();
    // A pair stands across each border of pieces of an even or an odd length.
    const pair = "\u{1fa7a}";
    for (const text of [`${pair.repeat(700_000)}é`, `x${pair.repeat(700_000)}`]) {
      const turns = await breathing(() => longText(text));
      ok(turns >= 3, `${turns} turns`);
      equal(await key.decrypt(await key.encrypt(text)), new TextEncoder().encode(text), "the text");
      const signal = AbortSignal.abort();
      await fails(pkg, "aborted", () => key.encrypt(text, { signal }), "aborted");
    }
    const paired = pair.repeat(700_000);
    // The second half of a pair becomes a first one.
    for (const at of [1, 524_287, 524_289, 1_048_577, 1_399_999]) {
      const text = `${paired.slice(0, at)}\ud83e${paired.slice(at + 1)}`;
      await fails(pkg, "invalid-argument", () => key.encrypt(text), `a lone surrogate at ${at}`);
    }
    key.free();
  },

  "a view of a larger buffer": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const larger = pattern(1_000_000);
    const view = new DataView(larger.buffer, 12_345, 700_000);
    const sealed = await key.encrypt(view);
    const around = new Uint8Array(sealed.length + 50);
    around.set(sealed, 33);
    const opened = await key.decrypt(around.subarray(33, 33 + sealed.length));
    equal(opened, larger.slice(12_345, 712_345), "the view's bytes");
  },

  "progress grows and ends at the total": async (pkg) => {
    const key = await pkg.DataKey.generate();
    for (const length of [LIMIT + 1, 3 * PIECE, 2_000_000]) {
      const data = pattern(length);
      for (const padding of ["none", "padme"]) {
        const encrypting = watch();
        const sealed = await key.encrypt(data, { padding, onProgress: encrypting.onProgress });
        grew(encrypting.seen, length, `encrypt ${length}`);
        const decrypting = watch();
        await key.decrypt(sealed, { onProgress: decrypting.onProgress });
        grew(decrypting.seen, sealed.length, `decrypt ${length}`);
        const fromBlob = watch();
        await key.decrypt(new Blob([sealed]), { onProgress: fromBlob.onProgress });
        grew(fromBlob.seen, sealed.length, `decrypt a Blob of ${length}`);
      }
    }
  },

  "abort before and during": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(2_000_000);
    const sealed = await key.encrypt(data);
    const during = () => {
      const controller = new AbortController();
      let calls = 0;
      const onProgress = () => {
        calls += 1;
        if (calls > 2) throw new Error("went on after the abort");
        if (calls === 2) controller.abort(new Error("because"));
      };
      return { signal: controller.signal, onProgress };
    };
    const soon = () => {
      const controller = new AbortController();
      queueMicrotask(() => controller.abort());
      return { signal: controller.signal };
    };
    const signal = AbortSignal.abort();
    await allFail(pkg, [
      ["encrypt, before", () => key.encrypt(data, { signal }), "aborted"],
      ["decrypt, before", () => key.decrypt(sealed, { signal }), "aborted"],
      ["encrypt, soon", () => key.encrypt(data, soon()), "aborted"],
      ["decrypt, soon", () => key.decrypt(sealed, soon()), "aborted"],
      ["encrypt, during", () => key.encrypt(data, during()), "aborted"],
      ["decrypt, during", () => key.decrypt(sealed, during()), "aborted"],
      ["encrypt a Blob, during", () => key.encrypt(new Blob([data]), during()), "aborted"],
      ["decrypt a Blob, during", () => key.decrypt(new Blob([sealed]), during()), "aborted"],
    ]);
    equal(await key.decrypt(sealed), data, "afterwards");
  },

  "abort during the last piece": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(LIMIT + 1000);
    const last = (total) => {
      const controller = new AbortController();
      return {
        signal: controller.signal,
        onProgress: (progress) => progress.bytesProcessed === total && controller.abort(),
      };
    };
    await fails(pkg, "aborted", () => key.encrypt(data, last(data.length)), "encrypt");
    const sealed = await key.encrypt(data);
    await fails(pkg, "aborted", () => key.decrypt(sealed, last(sealed.length)), "decrypt");
  },

  "what is changed doesn't open, wherever": async (pkg) => {
    const [key, other] = [await pkg.DataKey.generate(), await pkg.DataKey.generate()];
    const context = { a: "1" };
    const data = pattern(1_500_000);
    const sealed = await key.encrypt(data, { context, padding: "padme" });
    const changed = (at, value = sealed[at] ^ 1) => {
      const copy = sealed.slice();
      copy[at] = value;
      return copy;
    };
    const end = sealed.length;
    const places = [6, 22, 46, 78, 100, 16_500, 300_000, 524_288, end - 20_000, end - 1];
    await allFail(pkg, [
      ...places.map((at) => [`byte ${at}`, () => key.decrypt(changed(at), { context }), "decryption-failed"]),
      ["magic", () => key.decrypt(changed(1), { context }), "invalid-format"],
      ["version", () => key.decrypt(changed(4), { context }), "unsupported-version"],
      ["flag", () => key.decrypt(changed(5, 0x80), { context }), "unsupported-version"],
      ["padding flag", () => key.decrypt(changed(5), { context }), "decryption-failed"],
      ["another key", () => other.decrypt(sealed, { context }), "decryption-failed"],
      ["another context", () => key.decrypt(sealed), "decryption-failed"],
      ["no message", () => key.decrypt(pattern(LIMIT + 1)), "invalid-format"],
      ["zeros", () => key.decrypt(new Uint8Array(LIMIT + 1)), "invalid-format"],
      ["a Blob, changed", () => key.decrypt(new Blob([changed(600_000)]), { context }), "decryption-failed"],
      ["cut inside a chunk", () => key.decrypt(sealed.subarray(0, end - 8000), { context }), "decryption-failed"],
      ["cut after a chunk", () => key.decrypt(sealed.subarray(0, 78 + 40 * 16_400), { context }), "truncated"],
      ["cut inside a tag", () => key.decrypt(sealed.subarray(0, 78 + 40 * 16_400 + 15), { context }), "truncated"],
      ["a byte more", () => key.decrypt(new Blob([sealed, "x"]), { context }), "decryption-failed"],
    ]);
    equal(await key.decrypt(sealed, { context }), data, "afterwards");
  },

  "F4: a failure leaves no plaintext": async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    const needle = pattern(16, 99);
    const data = new Uint8Array(1_500_000);
    for (let at = 0; at < data.length - 16; at += 1000) data.set(needle, at);
    const sealed = await key.encrypt(data);
    sealed[sealed.length - 1] ^= 1;
    const native = Uint8Array;
    const made = [];
    globalThis.Uint8Array = new Proxy(native, {
      construct(target, args, as) {
        const view = Reflect.construct(target, args, as);
        if (typeof args[0] === "number" && args[0] > 1_000_000) made.push(view);
        return view;
      },
    });
    let failure;
    try {
      failure = await key.decrypt(sealed).catch((error) => error);
    } finally {
      globalThis.Uint8Array = native;
    }
    equal(failure.code, "decryption-failed", "it fails");
    ok(made.length > 0, `the result's buffer was seen (${tools.environment})`);
    for (const view of made)
      ok(
        view.every((byte) => byte === 0),
        "it was wiped",
      );
  },

  "two at a time": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = [1, 2, 3, 4].map((seed) => pattern(900_000 + seed, seed));
    const sealed = await Promise.all(data.map((bytes) => key.encrypt(bytes)));
    const opened = await Promise.all(sealed.map((bytes) => key.decrypt(bytes)));
    for (const [at, bytes] of opened.entries()) equal(bytes, data[at], `${at}`);
  },
};
