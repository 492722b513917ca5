// How scripts/split.mjs cuts a module in parts, seen at a small one:  node --test tests/package/split.test.mjs
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { split } from "../../scripts/split.mjs";
import { command, ROOT } from "./pack.mjs";

const folder = mkdtempSync(join(tmpdir(), "wardkey-split-"));
after(() => rmSync(folder, { recursive: true }));

/** As wasm-dis writes it. Three vtables: of a client's object at 16, whose method is slot 1; at 32 of an object of anybody's, whose method, slot 2, bears a client's name; at 48 of what
 *  is made for an entity alone, whose method, slot 4, bears a client's name, and calls the client's. */
const MODULE = String.raw`(module $small.wasm
 (type $0 (func (param i32) (result i32)))
 (type $1 (func (param i32) (result i32 i32)))
 (import "./glue.js" "twice" (func $twice (type $0) (param i32) (result i32)))
 (global $__stack_pointer (mut i32) (i32.const 64))
 (memory $0 1)
 (data $.rodata (i32.const 16) "\00\00\00\00\04\00\00\00\04\00\00\00\01\00\00\00\00\00\00\00\04\00\00\00\04\00\00\00\02\00\00\00\00\00\00\00\04\00\00\00\04\00\00\00\04\00\00\00")
 (table $0 6 6 funcref)
 (elem (table $0) (i32.const 1) func $"<wardkey::client::Own as Trait>::method" $"<wardkey::client::Alike as Trait>::method" $core::fmt::other $"wardkey::js::client::CoreClient::task::{{closure}}" $wardkey::client::pointed_at)
 (export "memory" (memory $0))
 (export "data" (func $data))
 (export "coreclient_new" (func $"coreclient_new multivalue shim"))
 (export "coreclient_close" (func $coreclient_close))
 (export "coreclient_decryptEntity" (func $coreclient_decryptEntity))
 (func $data (param $0 i32) (result i32)
  (call $call
   (i32.const 32)
   (local.get $0)
  )
 )
 (func $call (param $0 i32) (param $1 i32) (result i32)
  (call_indirect $0 (type $0)
   (local.get $1)
   (i32.load offset=12
    (local.get $0)
   )
  )
 )
 (func $"coreclient_new multivalue shim" (param $0 i32) (result i32 i32)
  (tuple.make 2
   (call $call
    (i32.const 16)
    (local.get $0)
   )
   (call $twice
    (global.get $__stack_pointer)
   )
  )
 )
 (func $coreclient_decryptEntity (param $0 i32) (result i32)
  (call $call
   (i32.const 48)
   (call $wardkey::client::pointed_at
    (local.get $0)
   )
  )
 )
 (func $coreclient_close (param $0 i32) (result i32)
  (call_indirect $0 (type $0)
   (local.get $0)
   (i32.const 5)
  )
 )
 (func $wardkey::client::pointed_at (param $0 i32) (result i32)
  (local.get $0)
 )
 (func $"wardkey::js::client::CoreClient::task::{{closure}}" (param $0 i32) (result i32)
  (call $twice
   (call $"<wardkey::client::Own as Trait>::method"
    (local.get $0)
   )
  )
 )
 (func $"<wardkey::client::Own as Trait>::method" (param $0 i32) (result i32)
  (i32.add
   (local.get $0)
   (i32.const 1000)
  )
 )
 (func $"<wardkey::client::Alike as Trait>::method" (param $0 i32) (result i32)
  (call $twice
   (local.get $0)
  )
 )
 (func $core::fmt::other (param $0 i32) (result i32)
  (local.get $0)
 )
)
`;

async function assemble(name, text) {
  const [from, to] = ["wat", "wasm"].map((extension) => join(folder, `${name}.${extension}`));
  writeFileSync(from, text);
  const features = ["--enable-multivalue", "--enable-mutable-globals", "--enable-reference-types"];
  await command(ROOT, "node", ["node_modules/binaryen/bin/wasm-as", ...features, from, "-o", to]);
  return new WebAssembly.Module(readFileSync(to));
}

test("a part alone has what it needs, and all together all", async () => {
  const parts = split(MODULE);
  const [base, client, entities] = await Promise.all(
    ["base", "client", "entities"].map((part) => assemble(part, parts[part])),
  );
  const { exports } = new WebAssembly.Instance(base, { "./glue.js": { twice: (x) => 2 * x } });
  assert.match(parts.client, /^ \(func \$"<wardkey::client::Own/m, "the client's own method");
  assert.doesNotMatch(parts.base, /^ \(func \$"<wardkey::client::Own/m);
  assert.equal(exports.data(21), 42, "an object of the base, whose method has a client's name");
  assert.throws(() => exports.coreclient_new(1), WebAssembly.RuntimeError, "without the client's part");
  const { exports: given } = new WebAssembly.Instance(client, { base: exports });
  assert.deepEqual(exports.coreclient_new(1), [1001, 128], "through the base");
  assert.equal(exports.coreclient_close(7), 7, "by a function's number");
  assert.match(
    parts.entities,
    /^ \(func \$"wardkey::js::client::CoreClient::task/m,
    "what only an entity's call makes",
  );
  assert.doesNotMatch(parts.client, /^ \(func \$"wardkey::js::client::CoreClient::task/m);
  assert.throws(() => exports.coreclient_decryptEntity(1), WebAssembly.RuntimeError, "without the entities' part");
  new WebAssembly.Instance(entities, { base: exports, client: given });
  assert.equal(exports.coreclient_decryptEntity(1), 2002, "through the base and the client");
  assert.equal(exports.data(21), 42, "as before");
});

test("parts of two builds don't fit", async () => {
  const { base } = split(MODULE);
  const { client } = split(MODULE.replace("1000", "2000"));
  const { exports } = new WebAssembly.Instance(await assemble("base", base), { "./glue.js": { twice: (x) => x } });
  const module = await assemble("client", client);
  assert.throws(() => new WebAssembly.Instance(module, { base: exports }), WebAssembly.LinkError);
});

test("what it doesn't know of a module is an error", () => {
  assert.throws(() => split(MODULE.replace("(memory $0 1)", "(tag $0)")), /nothing is known of \(tag/);
  assert.throws(() => split(MODULE.replace("(table $0 6 6 funcref)", "(table $0 9 9 funcref)")), /slots/);
});
