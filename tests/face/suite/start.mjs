import { allFail, equal, FAST, fails, ok, PASSWORD, pattern, USER } from "./tools.mjs";

const DELIVERED = [
  "DataKey",
  "Group",
  "KeyCache",
  "KeyPair",
  "PublicKey",
  "Session",
  "Wardkey",
  "WardkeyError",
  "httpBackend",
  "init",
  "isWardkeyError",
  "keyIdOf",
  "openBackup",
  "plaintextSize",
  "sealBackup",
  "setEngine",

  "setWorker",
  "unwrapKey",
  "version",
  "wrapKey",
];
/** Magic and version: a module without anything in it. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

async function works(pkg, message) {
  const key = await pkg.DataKey.importRaw(pattern(32));
  equal(key.decryptSync(key.encryptSync(pattern(100))), pattern(100), message);
  key.free();
}

/** Before init() nothing works in the slim entry, and afterwards everything does. */
async function startsWith(tools, source, message) {
  const slim = await tools.fresh().slim();
  await fails(slim, "not-initialised", () => slim.DataKey.generate(), message);
  await slim.init(await source());
  await works(slim, message);
}

export default {
  "both entries export what is delivered": async (pkg, tools) => {
    equal(Object.keys(pkg).sort(), DELIVERED, "index");
    equal(Object.keys(await tools.slim()).sort(), DELIVERED, "slim");
  },

  "version is the package's": async (pkg, tools) => {
    const { version } = await tools.json("pkg.json");
    equal(pkg.version, version, "version");
    equal((await tools.json("pkg/package.json")).version, version, "pkg/package.json");
  },

  "nothing synchronous works before init()": async (_pkg, tools) => {
    const fresh = await tools.fresh().index();
    await allFail(fresh, [
      ["PublicKey.parse", () => fresh.PublicKey.parse("V0tQSwG"), "not-initialised"],
      ["keyIdOf", () => fresh.keyIdOf(new Uint8Array(100)), "not-initialised"],
    ]);
    await fresh.init();
    await works(fresh, "after init()");
  },

  "an async call of the default entry initialises by itself": async (_pkg, tools) => {
    await works(await tools.fresh().index(), "importRaw first");
    const second = await tools.fresh().index();
    const pair = await second.KeyPair.generate();
    equal(second.PublicKey.parse(String(pair.publicKey)).fingerprint, pair.publicKey.fingerprint, "generate first");
  },

  "wrong arguments are refused before init() too": async (_pkg, tools) => {
    const slim = await tools.fresh().slim();
    await allFail(slim, [
      ["importRaw(null)", () => slim.DataKey.importRaw(null)],
      ["wrapKey(null)", () => slim.wrapKey(null, [])],
      ["openBackup(null)", () => slim.openBackup(null, "x", { userId: USER })],
    ]);
  },

  "the slim entry is not-initialised until a source is given": async (_pkg, tools) => {
    const slim = await tools.fresh().slim();
    await allFail(slim, [
      ["init()", () => slim.init(), "not-initialised"],
      ["DataKey.generate", () => slim.DataKey.generate(), "not-initialised"],
      ["DataKey.importRaw", () => slim.DataKey.importRaw(pattern(32)), "not-initialised"],
      ["KeyCache.open", () => slim.KeyCache.open({ name: "keys", userId: USER }), "not-initialised"],
      ["KeyPair.generate", () => slim.KeyPair.generate(), "not-initialised"],
      ["KeyPair.importRsa", () => slim.KeyPair.importRsa("x"), "not-initialised"],
      ["openBackup", () => slim.openBackup(pattern(10), "x", { userId: USER }), "not-initialised"],
      ["PublicKey.parse", () => slim.PublicKey.parse("x"), "not-initialised"],
      ["keyIdOf", () => slim.keyIdOf(pattern(100)), "not-initialised"],
    ]);
    await slim.init(await tools.bytes("pkg/wardkey.wasm"));
    await works(slim, "with its source");
  },

  "every kind of source": async (_pkg, tools) => {
    const wasm = () => tools.bytes("pkg/wardkey.wasm");
    const url = `${tools.url}pkg/wardkey.wasm?asked`;
    await startsWith(tools, wasm, "Uint8Array");
    await startsWith(tools, async () => (await wasm()).buffer, "ArrayBuffer");
    const inside = async () => {
      const bytes = await wasm();
      const larger = new Uint8Array(bytes.length + 20).fill(0xff);
      larger.set(bytes, 7);
      return new DataView(larger.buffer, 7, bytes.length);
    };
    await startsWith(tools, inside, "DataView of a part");
    await startsWith(tools, () => url, "string");
    await startsWith(tools, () => new URL(url), "URL");
    await startsWith(tools, () => fetch(url), "Response");
    await startsWith(tools, async () => new Response(await wasm()), "Response without a type");
    await startsWith(tools, async () => WebAssembly.compile(await wasm()), "WebAssembly.Module");
    const index = await tools.fresh().index();
    await index.init(await wasm());
    await works(index, "the default entry takes one too");
  },

  "what is no source": async (_pkg, tools) => {
    const slim = await tools.fresh().slim();
    const wasm = await tools.bytes("pkg/wardkey.wasm");
    const flipped = wasm.slice();
    flipped[0] ^= 1;
    const { buffer } = wasm.slice();
    structuredClone(buffer, { transfer: [buffer] });
    const values = [null, 0, 1, true, {}, [], () => wasm, Symbol("x"), 1n, new Blob([wasm]), Promise.resolve(wasm)];
    await allFail(slim, [
      ...values.map((value, at) => [`value ${at}`, () => slim.init(value)]),
      ["no bytes", () => slim.init(new Uint8Array())],
      ["random bytes", () => slim.init(pattern(1000))],
      ["a flipped bit of the magic", () => slim.init(flipped)],
      ["cut", () => slim.init(wasm.subarray(0, wasm.length - 1))],
      ["a detached buffer", () => slim.init(buffer)],
      ["a 404", () => slim.init(`${tools.url}pkg/none.wasm`), "network"],
      ["a 404 as a Response", async () => slim.init(await fetch(`${tools.url}pkg/none.wasm`)), "network"],
      ["a file that is no module", () => slim.init(`${tools.url}pkg/index.js`)],
      ["no address", () => slim.init("http://[")],
    ]);
    await slim.init(wasm);
    await works(slim, "after all those failures");
  },

  "null is no source of the default entry either": async (_pkg, tools) => {
    const index = await tools.fresh().index();
    await fails(index, "invalid-argument", () => index.init(null), "init(null)");
  },

  "another WebAssembly module is refused, and doesn't take the place of the right one": async (_pkg, tools) => {
    const slim = await tools.fresh().slim();
    await fails(slim, "invalid-argument", () => slim.init(EMPTY_MODULE), "an empty module");
    await fails(slim, "not-initialised", () => slim.DataKey.generate(), "after it");
    await slim.init(await tools.bytes("pkg/wardkey.wasm"));
    await works(slim, "the right one");
  },

  "init() concurrently and again": async (_pkg, tools) => {
    const copy = tools.fresh();
    const [index, slim] = [await copy.index(), await copy.slim()];
    await Promise.all([index.init(), index.init(), slim.init(), index.DataKey.generate(), index.KeyPair.generate()]);
    await Promise.all([index.init(), slim.init(), index.init(pattern(10))]);
    await works(index, "index");
    await works(slim, "slim");
  },

  "the first source counts, whatever comes while it loads": async (_pkg, tools) => {
    const slim = await tools.fresh().slim();
    const wasm = await tools.bytes("pkg/wardkey.wasm");
    await Promise.all([slim.init(wasm), slim.init(pattern(5)), slim.DataKey.generate()]);
    await works(slim, "after both");
    const other = await tools.fresh().slim();
    const both = await Promise.allSettled([other.init(pattern(5)), other.init(wasm)]);
    equal(both[0].status, "rejected", "the bad one");
    await other.init(wasm);
    await works(other, "after a bad one");
  },

  "both entries share one instance, and its objects": async (pkg, tools) => {
    const slim = await tools.slim();
    await pkg.init();
    for (const name of DELIVERED) equal(slim[name] === pkg[name], true, name);
    const pair = await slim.KeyPair.generate();
    const key = await pkg.DataKey.generate();
    const opened = await pkg.unwrapKey(await slim.wrapKey(key, [pair.publicKey]), pair);
    equal(opened.id, key.id, "id");
  },

  "objects of another copy are invalid-argument": async (pkg, tools) => {
    const other = await tools.fresh().index();
    const [key, pair] = [await other.DataKey.generate(), await other.KeyPair.generate()];
    const own = await pkg.KeyPair.generate();
    await allFail(pkg, [
      ["DataKey", () => pkg.wrapKey(key, [own.publicKey])],
      ["PublicKey", async () => pkg.wrapKey(await pkg.DataKey.generate(), [pair.publicKey])],
      ["KeyPair", () => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf: FAST })],
      ["KeyCache", async () => (await pkg.KeyCache.open({ name: "keys", userId: USER })).set([key])],
      ["KeyPair to unwrap", () => pkg.unwrapKey(pattern(10), pair)],
    ]);
  },

  "a module that can't start is no mistake of an application that gave none": async (_pkg, tools) => {
    const { compile, Instance } = WebAssembly;
    const index = await tools.fresh().index();
    const wasm = await tools.bytes("pkg/wardkey.wasm");
    const replaced = async (name, value, code, ...source) => {
      WebAssembly[name] = value;
      try {
        await fails(index, code, () => index.init(...source), `${name}, ${source.length} sources`);
      } finally {
        Object.assign(WebAssembly, { compile, Instance });
      }
    };
    const failing = (error) =>
      function Instance() {
        throw error;
      };
    const other = () => compile(EMPTY_MODULE);
    const link = failing(new WebAssembly.LinkError("another import"));
    const memory = failing(new RangeError("out of memory"));
    await replaced("compile", other, "unsupported-environment");
    await replaced("compile", other, "invalid-argument", wasm);
    await replaced("Instance", link, "unsupported-environment");
    await replaced("Instance", link, "invalid-argument", wasm);
    await replaced("Instance", memory, "unsupported-environment");
    await replaced("Instance", memory, "unsupported-environment", wasm);
    await index.init();
    await works(index, "after all those failures");
  },

  "the default entry's names are those of the slim one, with what is said of them": async (_pkg, tools) => {
    const types = await tools.text("pkg/index.d.ts");
    equal(types.match(/export declare .*/g), null, "declarations of its own");
    const aliases = [...types.matchAll(/export import (\w+) = slim\.\1;/g)].map(([, name]) => name);
    equal(aliases.sort(), DELIVERED, "aliases");
    ok(/Default 3\. \*\/\s+passes\?:/.test(await tools.text("pkg/types.d.ts")), "a default stands above its property");
  },

  "P1: a flipped byte of the inlined module ends init()": async (_pkg, tools) => {
    const copies = tools.damaged();
    ok(copies.length === 4, "damaged copies");
    for (const copy of copies) {
      const index = await copy.index();
      await fails(index, "unsupported-environment", () => index.init(), "init()");
      await fails(index, "unsupported-environment", () => index.DataKey.generate(), "generate()");
      await fails(index, "not-initialised", () => index.keyIdOf(pattern(100)), "keyIdOf()");
    }
  },
};
