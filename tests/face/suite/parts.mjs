// The parts of the default entry's module: the base; the client's, which the first Wardkey.open loads; the entities', which the first call that has to do with one loads.
import { breathing, equal, fails, mapStore, ok, pattern } from "./tools.mjs";

const names = (list) => list.map(({ name }) => name);
const exportsOf = (bytes) => names(WebAssembly.Module.exports(new WebAssembly.Module(bytes)));
const marker = (list) => list.find((name) => name.startsWith("client-"));

/** A fresh copy of the package, the parts that it is given counted or replaced, and a way to open a client. */
async function scene(tools, replaced = {}) {
  const copy = tools.fresh();
  const [index, { provide }] = [await copy.index(), await copy.core()];
  const parts = await unpacked(tools);
  const loads = { base: 0, client: 0, entities: 0 };
  const give = (part) => async () => {
    loads[part] += 1;
    return replaced[part] ? replaced[part](parts[part], loads[part], copy) : parts[part];
  };
  provide({ base: give("base"), client: give("client"), entities: give("entities") });
  const { memoryBackend } = await copy.testing();
  const backend = memoryBackend();
  return { index, loads, open: (userId) => index.Wardkey.open({ appId: "parts", backend, userId }) };
}

async function unpacked(tools) {
  const { unpack } = await tools.internal("unpack");
  const part = async (file) => unpack((await tools.internal(file)).packed);
  const [base, client, entities] = await Promise.all(["data", "client", "entities"].map((of) => part(`inlined-${of}`)));
  return { base, client, entities };
}

/** The base's part of everything: a slot of the table that only the client fills would end it. */
async function useData({ DataKey, KeyCache, KeyPair, sealBackup, unwrapKey, wrapKey }) {
  const [key, pair] = await Promise.all([DataKey.generate(), KeyPair.generate()]);
  equal(await key.decrypt(await key.encrypt(pattern(40_000))), pattern(40_000), "data");
  const found = await unwrapKey(await wrapKey(key, [pair.publicKey]), pair);
  equal(found.id, key.id, "a wrapped key");
  const kdf = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
  await sealBackup(pair, "three blue herons at dawn", { userId: "anna", kdf });
  const piped = new Blob([pattern(40_000)]).stream().pipeThrough(key.encryptStream()).pipeThrough(key.decryptStream());
  equal(new Uint8Array(await new Response(piped).arrayBuffer()), pattern(40_000), "streams");
  for (const sealedBy of [key, pair]) {
    const cache = await KeyCache.open({ store: mapStore(), name: "parts", userId: "anna", sealedBy });
    await cache.set([found]);
    const cached = await cache.get(found.id);
    equal(cached?.id, found.id, "a cached key");
    await cache.clear();
    cache.close();
    cached.free();
  }
  for (const one of [key, pair, found]) one.free();
}

/** Both at once, before their part is there. */
async function readEntities(anna, ben) {
  const encrypt = (user, id) => user.entities.encrypt("Patient", { id, name: "Ada" }, ["name"], { shareWith: ["ben"] });
  const made = await Promise.all([encrypt(anna, "1"), encrypt(ben, "2")]);
  const read = await ben.entities.decryptMany(made);
  equal(
    read.map(({ value }) => value),
    [
      { id: "1", name: "Ada" },
      { id: "2", name: "Ada" },
    ],
    "entities",
  );
}

export default {
  "they are unpacked in short tasks, and fit each other alone": async (_pkg, tools) => {
    const { unpack } = await tools.internal("unpack");
    for (const file of ["inlined-data", "inlined-client", "inlined-entities"]) {
      const { packed } = await tools.internal(file);
      const turns = await breathing(() => unpack(packed));
      ok(turns > 2, `${file}: ${turns} turns for others`);
    }
    const { base, client, entities } = await unpacked(tools);
    const whole = exportsOf(await tools.bytes("pkg/wardkey.wasm"));
    const exported = exportsOf(base);
    equal(
      whole.filter((name) => !exported.includes(name)),
      [],
      "what the base lacks of the whole",
    );
    equal(marker(whole), undefined, "the whole needs no other part");
    const given = { base: exported, client: exportsOf(client) };
    for (const [part, bytes, of] of [
      ["the client's", client, ["base"]],
      ["the entities'", entities, ["base", "client"]],
    ]) {
      const imported = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
      ok(
        imported.every(({ module, name }) => of.includes(module) && given[module].includes(name)),
        `what ${part} imports`,
      );
      ok(names(imported).includes(marker(exported)), `${part} names its base`);
    }
  },

  "data, keys and backups don't load the client's; many clients at once load it once": async (_pkg, tools) => {
    const { index, loads, open } = await scene(tools);
    await useData(index);
    equal(loads, { base: 1, client: 0, entities: 0 }, "after data");
    const clients = await Promise.all(["anna", "ben", undefined].map(open));
    equal(loads, { base: 1, client: 1, entities: 0 }, "after clients");
    const [anna, ben] = clients;
    await anna.register({ userId: "anna", password: "three blue herons at dawn" });
    await ben.register({ userId: "ben", password: "three blue herons at dawn" });
    const session = await anna.createSession({ recipients: [{ user: "ben" }] });
    equal((await ben.decrypt(await session.encrypt("fever since monday"))).text(), "fever since monday", "a record");
    await useData(index);
    const group = await anna.createGroup({ name: "Ward 3", members: ["ben"] });
    await session.addRecipients([{ group: group.id }]);
    equal(loads, { base: 1, client: 1, entities: 0 }, "after sessions and groups");
    await readEntities(anna, ben);
    await useData(index);
    for (const client of clients) await client.close();
    equal(loads, { base: 1, client: 1, entities: 1 }, "at the end");
  },

  "the whole module, which the slim entry is given, has all parts": async (_pkg, tools) => {
    const copy = tools.fresh();
    const slim = await copy.slim();
    const { memoryBackend } = await copy.testing();
    const open = () => slim.Wardkey.open({ appId: "parts", backend: memoryBackend(), userId: "anna" });
    await fails(slim, "not-initialised", open, "before init()");
    await slim.init(await tools.bytes("pkg/wardkey.wasm"));
    const anna = await open();
    await anna.register({ userId: "anna", password: "three blue herons at dawn" });
    equal(anna.status, "ready", "status");
    const one = await anna.entities.encrypt("Patient", { id: "1", name: "Ada" }, ["name"]);
    equal(await anna.entities.decrypt(one), { id: "1", name: "Ada" }, "an entity");
    await anna.close();
  },

  "what can't be loaded is `network`, and is loaded by a later call": async (_pkg, tools) => {
    const client = (bytes, count) => {
      if (count < 3) throw new TypeError("no such file");
      return bytes;
    };
    const { index, open } = await scene(tools, { client, entities: client });
    await fails(index, "network", () => open("anna"), "the first");
    await useData(index);
    await fails(index, "network", () => open("anna"), "the second");
    const anna = await open("anna");
    await anna.register({ userId: "anna", password: "three blue herons at dawn" });
    const encrypt = () => anna.entities.encrypt("Patient", { id: "1", name: "Ada" }, ["name"]);
    for (const which of ["first", "second"]) await fails(index, "network", encrypt, `the entities', ${which}`);
    equal((await encrypt()).id, "1", "the third");
    await anna.close();
  },

  "a part of another build, or of nothing, never runs": async (_pkg, tools) => {
    const other = (bytes) => {
      const text = "client-";
      const at = bytes.findIndex((_, at) => [...text].every((char, n) => bytes[at + n] === char.charCodeAt(0)));
      ok(at > 0, "the name of the build");
      const copy = bytes.slice();
      copy[at + text.length] = copy[at + text.length] === 0x30 ? 0x31 : 0x30;
      return copy;
    };
    const cut = (bytes) => bytes.slice(0, -1);
    const empty = () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    for (const [client, code] of [
      [other, "unsupported-environment"],
      [empty, "unsupported-environment"],
      [cut, "unsupported-environment"],
    ]) {
      const { index, open } = await scene(tools, { client });
      await fails(index, code, () => open("anna"), client.name);
      await useData(index);
      const second = await scene(tools, { entities: client });
      const anna = await second.open("anna");
      await anna.register({ userId: "anna", password: "three blue herons at dawn" });
      await fails(second.index, code, () => anna.entities.decrypt({}), `${client.name}, the entities'`);
      await anna.createSession({ recipients: [{ user: "anna" }] });
      await anna.close();
    }
  },

  "P1: a flipped byte of the client's part ends Wardkey.open()": async (_pkg, tools) => {
    const { packed } = await tools.internal("inlined-client");
    for (const fraction of [0.0005, 0.3, 0.7, 0.9999]) {
      const at = Math.floor(packed.length * fraction);
      const damaged = `${packed.slice(0, at)}${packed[at] === "A" ? "B" : "A"}${packed.slice(at + 1)}`;
      const { index, open } = await scene(tools, {
        client: async (_bytes, _count, copy) => (await copy.unpack()).unpack(damaged),
      });
      await fails(index, "unsupported-environment", () => open("anna"), `at ${fraction}`);
    }
  },
};
