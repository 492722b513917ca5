// Whatever has the wrong type is `invalid-argument`, and views are read by their own offset and length.
import { allFail, equal, FAST, fails, ok, outcome, PASSWORD, pattern, text, USER, utf8 } from "./tools.mjs";

const DATA = pattern(64, 3);

/** The same 64 bytes, in every clothing. */
function views() {
  const around = new Uint8Array(100).fill(0xee);
  around.set(DATA, 18);
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
  new Uint8Array(shared).set(around);
  class Sub extends Uint8Array {}
  const list = [
    ["Uint8Array", DATA.slice()],
    ["ArrayBuffer", DATA.slice().buffer],
    ["Uint8Array at an offset", around.subarray(18, 82)],
    ["DataView at an offset", new DataView(around.buffer, 18, 64)],
    ["Uint16Array at an offset", new Uint16Array(around.buffer, 18, 32)],
    ["Float64Array", new Float64Array(DATA.slice().buffer)],
    ["Uint8ClampedArray", new Uint8ClampedArray(around.buffer, 18, 64)],
    ["BigUint64Array", new BigUint64Array(DATA.slice().buffer)],
    ["a subclass", new Sub(around.buffer, 18, 64)],
    ["SharedArrayBuffer behind it", new Uint8Array(shared, 18, 64)],
    ["SharedArrayBuffer behind a DataView", new DataView(shared, 18, 64)],
  ];
  if (ArrayBuffer.prototype.resize) {
    const resizable = new ArrayBuffer(82, { maxByteLength: 200 });
    new Uint8Array(resizable).set(around.subarray(0, 82));
    list.push(["a resizable buffer behind it", new Uint8Array(resizable, 18)]);
  }
  if (globalThis.Buffer) list.push(["Buffer", globalThis.Buffer.concat([DATA])]);
  return list;
}

function detached() {
  const [one, two, three] = [new Uint8Array(64), new DataView(new ArrayBuffer(64), 3), new ArrayBuffer(64)];
  structuredClone(0, { transfer: [one.buffer, two.buffer, three] });
  const list = [one, two, three];
  if (ArrayBuffer.prototype.resize) {
    const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
    list.push(new DataView(buffer, 32, 16), new Uint8Array(buffer, 32, 16));
    buffer.resize(8);
  }
  return list;
}

/** Detaches it while the call that was given it is under way. */
function detachSoon(bytes) {
  structuredClone(0, { transfer: [bytes.buffer] });
}

function notBytes() {
  const proto = (of) => Object.create(of.prototype);
  return [
    null,
    undefined,
    0,
    1.5,
    Number.NaN,
    true,
    10n,
    Symbol("x"),
    {},
    [],
    [1, 2, 3],
    () => {},
    new Date(0),
    new Map(),
    new Set([1]),
    /x/,
    new Error("x"),
    Promise.resolve(new Uint8Array(32)),
    Object.create(null),
    { length: 32 },
    { byteLength: 32, byteOffset: 0, buffer: new ArrayBuffer(32) },
    new String("x"),
    { [Symbol.toStringTag]: "ArrayBuffer" },
    { [Symbol.toStringTag]: "Uint8Array" },
    proto(Uint8Array),
    proto(ArrayBuffer),
    proto(DataView),
    proto(Blob),
    new Proxy(new Uint8Array(32), {}),
    new Proxy(new ArrayBuffer(32), {}),
    new URL("http://x/"),
    new URLSearchParams(),
    new WebAssembly.Memory({ initial: 1 }),
    class {},
    globalThis,
    ...detached(),
  ];
}

const label = (name, value, at) => `${name} ${at}: ${Object.prototype.toString.call(value)}`;

export async function given(pkg) {
  const key = await pkg.DataKey.importRaw(pattern(32));
  const pair = await pkg.KeyPair.generate();
  const { publicKey } = pair;
  const sealed = key.encryptSync(DATA);
  const wrapped = await pkg.wrapKey(key, [publicKey]);
  const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST });
  return { key, pair, publicKey, sealed, wrapped, backup };
}

/** A clothing for other bytes. */
function dress(name, bytes) {
  const around = new Uint8Array(bytes.length + 40).fill(0xee);
  around.set(bytes, 16);
  if (name === "ArrayBuffer") return bytes.slice().buffer;
  if (name === "DataView") return new DataView(around.buffer, 16, bytes.length);
  if (name === "shared") {
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
    const view = new Uint8Array(shared, 16, bytes.length);
    view.set(bytes);
    return view;
  }
  return around.subarray(16, 16 + bytes.length);
}

export default {
  "every view is read by its own offset and length": async (pkg) => {
    const { key } = await given(pkg);
    for (const [name, view] of views()) {
      equal(await key.decrypt(await key.encrypt(view)), DATA, `encrypt, ${name}`);
      equal(key.decryptSync(key.encryptSync(view)), DATA, `encryptSync, ${name}`);
      const [sealed] = await key.encryptMany([{ data: view }]);
      equal(key.decryptSync(sealed), DATA, `encryptMany, ${name}`);
      await fails(pkg, "invalid-argument", () => pkg.DataKey.importRaw(view), `64 bytes as a key, ${name}`);
    }
    const raw = new Uint16Array(pattern(70).slice(4, 70).buffer, 2, 16);
    equal((await pkg.DataKey.importRaw(raw)).dangerouslyExportRaw(), pattern(70).slice(6, 38), "importRaw");
  },

  "what is sealed, wrapped and backed up too": async (pkg) => {
    const { key, pair, sealed, wrapped, backup } = await given(pkg);
    for (const name of ["ArrayBuffer", "DataView", "shared", "Uint8Array"]) {
      equal(await key.decrypt(dress(name, sealed)), DATA, `decrypt, ${name}`);
      equal(key.decryptSync(dress(name, sealed)), DATA, `decryptSync, ${name}`);
      const [result] = await key.decryptMany([{ sealed: dress(name, sealed) }]);
      equal(result.value, DATA, `decryptMany, ${name}`);
      equal(pkg.keyIdOf(dress(name, sealed)), key.id, `keyIdOf, ${name}`);
      equal((await pkg.unwrapKey(dress(name, wrapped), pair)).id, key.id, `unwrapKey, ${name}`);
      const restored = await pkg.openBackup(dress(name, backup), PASSWORD, { userId: USER });
      equal(restored.publicKey.fingerprint, pair.publicKey.fingerprint, `openBackup, ${name}`);
    }
  },

  "inputs keep their bytes": async (pkg) => {
    const { key, pair, sealed, wrapped } = await given(pkg);
    const [data, raw] = [pattern(100), pattern(32)];
    const before = [sealed.slice(), wrapped.slice()];
    await key.encrypt(data);
    await key.encryptMany([{ data }]);
    await pkg.DataKey.importRaw(raw);
    await key.decrypt(sealed);
    await pkg.unwrapKey(wrapped, pair);
    equal([data, raw, sealed, wrapped].map(String), [pattern(100), pattern(32), ...before].map(String), "unchanged");
  },

  "what isn't bytes": async (pkg) => {
    const { key, pair } = await given(pkg);
    const open = (bytes) => pkg.openBackup(bytes, PASSWORD, { userId: USER });
    const calls = {
      importRaw: (bytes) => pkg.DataKey.importRaw(bytes),
      encrypt: (data) => key.encrypt(data),
      encryptSync: (data) => key.encryptSync(data),
      encryptMany: (data) => key.encryptMany([{ data }]),
      decrypt: (sealed) => key.decrypt(sealed),
      decryptSync: (sealed) => key.decryptSync(sealed),
      keyIdOf: (sealed) => pkg.keyIdOf(sealed),
      unwrapKey: (wrapped) => pkg.unwrapKey(wrapped, pair),
      openBackup: open,
      importRsa: (key) => pkg.KeyPair.importRsa(key),
    };
    const cases = [];
    for (const [name, call] of Object.entries(calls)) {
      for (const [at, value] of notBytes().entries()) cases.push([label(name, value, at), () => call(value)]);
      for (const [at, value] of [key, pair, pair.publicKey].entries())
        cases.push([`${name}, an object of ours ${at}`, () => call(value)]);
    }
    for (const name of ["importRaw", "decrypt", "decryptSync", "keyIdOf", "unwrapKey", "openBackup"]) {
      cases.push([`${name}, text`, () => calls[name]("text")], [`${name}, empty text`, () => calls[name]("")]);
    }
    for (const name of [
      "importRaw",
      "encryptSync",
      "decryptSync",
      "encryptMany",
      "keyIdOf",
      "unwrapKey",
      "openBackup",
      "importRsa",
    ]) {
      cases.push([`${name}, a Blob`, () => calls[name](new Blob([DATA]))]);
    }
    await allFail(pkg, cases);
  },

  "subclasses that lie about their bytes": async (pkg) => {
    const { key } = await given(pkg);
    const lies = [
      { buffer: { get: () => 1000 } },
      { buffer: { get: () => ({ length: 5 }) } },
      { buffer: { get: () => new ArrayBuffer(64) } },
      { byteOffset: { get: () => 0 } },
      { byteOffset: { get: () => -1 } },
      { byteLength: { get: () => 1e9 } },
      { byteLength: { get: () => Number.NaN } },
      { length: { get: () => 3 } },
      {
        buffer: {
          get: () => {
            throw new Error("mine");
          },
        },
      },
      { subarray: { value: () => "x" } },
      { slice: { value: () => "x" } },
      { constructor: { value: null } },
    ];
    const unlike = [];
    for (const [at, lie] of lies.entries()) {
      const around = new Uint8Array(100).fill(0xee);
      around.set(DATA, 18);
      const view = Object.defineProperties(new Uint8Array(around.buffer, 18, 64), lie);
      for (const [name, run] of [
        ["encrypt", () => key.encrypt(view)],
        ["encryptSync", () => key.encryptSync(view)],
        ["encryptMany", async () => (await key.encryptMany([{ data: view }]))[0]],
      ]) {
        let sealed;
        const found = await outcome(pkg, async () => {
          sealed = await run();
        });
        if (found === "invalid-argument") continue;
        if (found !== "ok") unlike.push(`${name} ${at}: ${found}`);
        else if (String(key.decryptSync(sealed)) !== String(DATA))
          unlike.push(`${name} ${at}: other bytes were encrypted`);
      }
    }
    equal(unlike, [], "its own bytes, or refused");
  },

  "bytes that are taken away while a call runs": async (pkg) => {
    const { key, pair, sealed, wrapped, backup } = await given(pkg);
    const long = await key.encrypt(pattern(1_500_000));
    const calls = {
      importRaw: [pattern(32), (bytes) => pkg.DataKey.importRaw(bytes)],
      encrypt: [pattern(100), (bytes) => key.encrypt(bytes)],
      "encrypt, long": [pattern(1_500_000), (bytes) => key.encrypt(bytes)],
      decrypt: [sealed, (bytes) => key.decrypt(bytes)],
      "decrypt, long": [long, (bytes) => key.decrypt(bytes)],
      encryptMany: [pattern(100), (data) => key.encryptMany([{ data: "x" }, { data }])],
      decryptMany: [sealed, (sealed) => key.decryptMany([{ sealed }])],
      unwrapKey: [wrapped, (bytes) => pkg.unwrapKey(bytes, pair)],
      openBackup: [backup, (bytes) => pkg.openBackup(bytes, PASSWORD, { userId: USER })],
      importRsa: [pattern(100), (bytes) => pkg.KeyPair.importRsa(bytes)],
    };
    const allowed = ["ok", "invalid-argument"];
    const unlike = [];
    for (const [name, [bytes, call]] of Object.entries(calls)) {
      for (const soon of [
        (view) => detachSoon(view),
        (view) => queueMicrotask(() => detachSoon(view)),
        (view) => setTimeout(detachSoon, 0, view),
      ]) {
        const copy = bytes.slice();
        const running = call(copy);
        running.catch(() => {});
        soon(copy);
        const found = await outcome(pkg, () => running);
        // Whatever was read before it went is judged as it was.
        if (!(allowed.includes(found) || (name === "importRsa" && found === "invalid-format")))
          unlike.push(`${name}: ${found}`);
      }
    }
    equal(unlike, [], "a result, or invalid-argument");
    equal(text(key.decryptSync(key.encryptSync("still here"))), "still here", "afterwards");
  },

  "bytes that another argument takes away while it is read": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const taker = (bytes) => ({
      get record() {
        detachSoon(bytes);
        return "1";
      },
    });
    const taken = (length, run) => () => {
      const bytes = pattern(length);
      return run(bytes, taker(bytes));
    };
    const calls = {
      encryptSync: (data, context) => key.encryptSync(data, { context }),
      decryptSync: (sealed, context) => key.decryptSync(sealed, { context }),
      "encryptMany, its own context": (data, context) => key.encryptMany([{ data, context }]),
      "encryptMany, the next one's": (data, context) => key.encryptMany([{ data }, { data: "x", context }]),
      "decryptMany, the next one's": (sealed, context) => key.decryptMany([{ sealed }, { sealed: DATA, context }]),
    };
    const cases = [];
    for (const [name, run] of Object.entries(calls))
      for (const length of [100, 100_000]) cases.push([`${name}, ${length}`, taken(length, run)]);
    await allFail(pkg, cases);
  },

  "what was given instead of bytes is named, and nothing of its content": async (pkg) => {
    const { key, pair } = await given(pkg);
    const [gone] = detached();
    const { proxy, revoke } = Proxy.revocable(new Uint8Array(32), {});
    revoke();
    const rows = [
      [() => key.encrypt(7391), "the data is a number; expected text, bytes or a Blob"],
      [() => key.encryptSync(undefined), "the data is undefined; expected text or bytes"],
      [() => key.encryptMany([{ data: [7391] }]), "the data is an array; expected text or bytes"],
      [() => key.encrypt(proxy), "the data is an object; expected text, bytes or a Blob"],
      [() => key.encryptSync(gone), "the data is detached, transferred or shrunk; expected text or bytes"],
      [
        () => key.encryptSync(new Blob(["7391"])),
        "the data is a Blob: only encrypt() and decrypt() read Blobs; expected text or bytes",
      ],
      [() => key.decrypt("7391"), "the sealed data is a string: decode it first; expected bytes or a Blob"],
      [
        () => key.decrypt(key.encrypt("7391")),
        "the sealed data is a promise: await it first; expected bytes or a Blob",
      ],
      [() => key.decryptSync({ a: 7391 }), "the sealed data is an object; expected an ArrayBuffer or a view"],
      [() => pkg.keyIdOf(null), "the sealed data is null; expected an ArrayBuffer or a view"],
      [
        () => pkg.DataKey.importRaw("7391"),
        "the raw key is a string: decode it first; expected an ArrayBuffer or a view",
      ],
      [() => pkg.unwrapKey(7391, pair), "the wrapped key is a number; expected an ArrayBuffer or a view"],
      [
        () => pkg.openBackup(true, PASSWORD, { userId: USER }),
        "the backup is a boolean; expected an ArrayBuffer or a view",
      ],
      [() => pkg.KeyPair.importRsa(7391), "the key is a number; expected PEM text, bytes in PKCS#8 or a JWK"],
    ];
    for (const [call, expected] of rows) {
      const error = await Promise.resolve()
        .then(call)
        .catch((error) => error);
      equal([error.code, error.message], ["invalid-argument", expected], String(call));
    }
  },

  "contexts that are none": async (pkg) => {
    const { key, pair, publicKey, sealed, wrapped } = await given(pkg);
    const contexts = [
      null,
      0,
      1,
      true,
      "",
      "x",
      1n,
      Symbol("x"),
      () => {},
      [],
      ["a", "b"],
      [["a", "b"]],
      new Map([["a", "b"]]),
      new Map(),
      new Set(["a"]),
      new Date(0),
      /x/,
      new URLSearchParams("a=b"),
      new Uint8Array(2),
      new Uint8Array(),
      new ArrayBuffer(2),
      new String("ab"),
      new Error("x"),
      Promise.resolve({}),
      key,
      publicKey,
      new Blob(["x"]),
      { a: 1 },
      { a: null },
      { a: undefined },
      { a: true },
      { a: {} },
      { a: ["b"] },
      { a: new String("b") },
      { a: Symbol("x") },
      { a: () => "b" },
      { a: "b", c: 1n },
    ];
    const calls = {
      encrypt: (context) => key.encrypt("x", { context }),
      encryptSync: (context) => key.encryptSync("x", { context }),
      decrypt: (context) => key.decrypt(sealed, { context }),
      decryptSync: (context) => key.decryptSync(sealed, { context }),
      encryptMany: (context) => key.encryptMany([{ data: "x", context }]),
      wrapKey: (context) => pkg.wrapKey(key, [publicKey], { context }),
      unwrapKey: (context) => pkg.unwrapKey(wrapped, pair, { context }),
    };
    const cases = [];
    for (const [name, call] of Object.entries(calls))
      for (const [at, value] of contexts.entries()) cases.push([label(name, value, at), () => call(value)]);
    await allFail(pkg, cases);
  },

  "keys that are none": async (pkg) => {
    const { key, pair, publicKey, wrapped } = await given(pkg);
    class Sub extends pkg.DataKey {}
    const lookalike = { ...key, encrypt: key.encrypt, free: key.free };
    const values = [
      null,
      undefined,
      0,
      "x",
      {},
      [],
      () => {},
      lookalike,
      pattern(32),
      pkg.DataKey,
      pkg.KeyPair,
      pkg.PublicKey,
      Object.create(pkg.DataKey.prototype),
      Object.create(pkg.KeyPair.prototype),
      Object.create(pkg.PublicKey.prototype),
      Object.create(Sub.prototype),
      Object.create(key),
      Object.create(pair),
      Object.create(publicKey),
      new Proxy(key, {}),
      new Proxy(pair, {}),
      new Proxy(publicKey, {}),
    ];
    const cases = [];
    for (const [at, value] of values.entries()) {
      cases.push([label("wrapKey", value, at), () => pkg.wrapKey(value, [publicKey])]);
      cases.push([label("wrapKey, a recipient", value, at), () => pkg.wrapKey(key, [publicKey, value])]);
      cases.push([label("unwrapKey", value, at), () => pkg.unwrapKey(wrapped, value)]);
      cases.push([label("sealBackup", value, at), () => pkg.sealBackup(value, PASSWORD, { userId: USER, kdf: FAST })]);
    }
    for (const value of [pair, publicKey]) cases.push(["wrapKey, another kind", () => pkg.wrapKey(value, [publicKey])]);
    for (const value of [key, pair]) cases.push(["a recipient of another kind", () => pkg.wrapKey(key, [value])]);
    for (const value of [key, publicKey]) {
      cases.push(["unwrapKey, another kind", () => pkg.unwrapKey(wrapped, value)]);
      cases.push(["sealBackup, another kind", () => pkg.sealBackup(value, PASSWORD, { userId: USER, kdf: FAST })]);
    }
    await allFail(pkg, cases);
    equal((await Sub.importRaw(pattern(32))).id, key.id, "a static method of a subclass");
  },

  "texts that are none": async (pkg) => {
    await pkg.init();
    const values = [
      undefined,
      null,
      0,
      1n,
      true,
      {},
      [],
      ["x"],
      () => "x",
      Symbol("x"),
      utf8("x"),
      new String("x"),
      new Date(0),
      { toString: () => "x" },
    ];
    await allFail(
      pkg,
      values.map((value, at) => [label("PublicKey.parse", value, at), () => pkg.PublicKey.parse(value)]),
    );
    ok(values.length > 10, "values");
  },
  "long data in memory that is shared, or can change its size": async (pkg) => {
    const key = await pkg.DataKey.generate();
    const data = pattern(100_000);
    const buffers = [() => new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true }).buffer];
    if (ArrayBuffer.prototype.resize) buffers.push((length) => new ArrayBuffer(length, { maxByteLength: 2 * length }));
    for (const make of buffers) {
      const view = (bytes) => {
        const same = new Uint8Array(make(bytes.length), 0, bytes.length);
        same.set(bytes);
        return same;
      };
      const sealed = view(await key.encrypt(view(data)));
      equal(await key.decrypt(sealed), data, "decrypt");
      const read = async (start, end) => sealed.subarray(start, end);
      const range = await key.decryptRange({ size: sealed.length, read }, 10, 50_000);
      equal(range, data.slice(10, 50_000), "decryptRange");
    }
  },
};
