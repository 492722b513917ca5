// Cuts the core's WebAssembly in parts: the base, which every page loads; the client, which is loaded when a page first opens one; and what entities need beyond it,
// loaded by the first call that has to do with one. Each part is an instance beside the base's: it takes over the base's memory and tables, calls functions of the
// base and of the parts before it, and puts its own into slots of the table, through which the base's exports call them. The text format is that of the pinned
// wasm-dis: one form of the module to a line that begins with one space.
import { createHash } from "node:crypto";

/** What JavaScript calls that is each part's; of two that claim it, the later one's. */
const PARTS = [
  { part: "client", calls: /^(__wbg_)?core(client|session|message|reading|writing|leaf)(_|$)/ },
  { part: "entities", calls: /^coreclient_(\w+Entit(y|ies)|secretForeignKeys|parentIds)$/ },
];
/** Functions that aren't the base's, by their names. */
const CLIENT = /\bwardkey::(js::(client|entities|session|session_data)|client|delegation|session|identity|backend)::/;
/** What calls a closure for its vtable. */
const SHIM = /\bcore(\[\w+\])?::ops::function::Fn/;
/** What is called by a vtable alone: closures, their shims, and what drops them. Any other may also be a function pointer, a number in code like all others. */
const BOUND = /\{\{(closure|vtable\.shim)\}\}|\bdrop_in_place</;

const ID = String.raw`\$(?:"(?:[^"\\]|\\.)*"|[^\s()"]+)`;
const ids = (text) => [...text.matchAll(new RegExp(ID, "g"))].map(([id]) => id);
const all = (expression, text) => [...text.matchAll(new RegExp(expression, "g"))].map(([, found]) => found);
const found = (expression, text, what) => {
  const match = new RegExp(expression).exec(text);
  if (!match) throw new Error(`split: ${what} is not found in ${text.slice(0, 100)}`);
  return match[1];
};

/** The forms of a module, by their keyword. */
function read(wat) {
  const forms = {
    type: [],
    rec: [],
    import: [],
    global: [],
    memory: [],
    data: [],
    table: [],
    elem: [],
    export: [],
    func: [],
  };
  let current;
  for (const line of wat.split("\n")) {
    const keyword = /^ \((\w+)/.exec(line)?.[1];
    if (keyword) {
      if (!forms[keyword]) throw new Error(`split: nothing is known of (${keyword} …)`);
      current = [line];
      forms[keyword].push(current);
    } else if (line.startsWith("  ") || line === " )") current.push(line);
    else if (!/^(\(module.*|\)| ;;.*|)$/.test(line)) throw new Error(`split: nothing is known of ${line.slice(0, 80)}`);
  }
  return Object.fromEntries(
    Object.entries(forms).map(([keyword, found]) => [keyword, found.map((lines) => lines.join("\n"))]),
  );
}

/** Functions by their ids: text, parameters, result, what they call or refer to, and their constants. */
function functions(texts) {
  return new Map(
    texts.map((text) => {
      const id = found(`^ \\(func (${ID})`, text, "a function's id");
      const [head] = text.split("\n");
      const params = [...head.matchAll(new RegExp(String.raw`\(param ${ID} (\w+)\)`, "g"))].map(([, type]) => type);
      const calls = all(String.raw`\((?:return_call|call|ref\.func) (${ID})`, text);
      // Also two that are stored as one.
      const pairs = all(String.raw`\(i64\.const (-?\d+)\)`, text).map((pair) => BigInt.asUintN(64, BigInt(pair)));
      const halves = pairs.flatMap((pair) => [Number(pair & 0xffffffffn), Number(pair >> 32n)]);
      const constants = [...new Set([...all(String.raw`\(i32\.const (\d+)\)`, text).map(Number), ...halves])];
      return [id, { text, params, result: /\(result ([^)]*)\)/.exec(head)?.[1], calls, constants }];
    }),
  );
}

const signature = ({ params, result }) =>
  [...params.map((type) => ` (param ${type})`), result ? ` (result ${result})` : ""].join("");

/** The words of the data segments, by their addresses. */
function words(segments) {
  const escapes = { t: 9, n: 10, r: 13 };
  const words = new Map();
  for (const text of segments) {
    const start = Number(found(String.raw`\(i32\.const (\d+)\)`, text, "a segment's address"));
    const string = found(String.raw`"((?:[^"\\]|\\.)*)"\)$`, text, "a segment's bytes");
    const bytes = Buffer.from(
      [...string.matchAll(/\\([0-9a-f]{2}|.)|./g)].map(([char, escaped]) => {
        if (escaped === undefined) return char.charCodeAt(0);
        return escaped.length === 2 ? Number.parseInt(escaped, 16) : (escapes[escaped] ?? escaped.charCodeAt(0));
      }),
    );
    for (let at = -start & 3; at + 4 <= bytes.length; at += 4) words.set(start + at, bytes.readUInt32LE(at));
  }
  return words;
}

/** The slots in each vtable, by its address: `drop` or 0, size, alignment, methods. What looks like one is one if code or data has its address. */
function vtables(words, slots, functions) {
  const isSlot = (word) => word !== undefined && word >= slots.first && word < slots.end;
  const looksLikeOne = (at) => {
    const [drop, size, align] = [words.get(at), words.get(at + 4), words.get(at + 8)];
    return (drop === 0 || isSlot(drop)) && [1, 2, 4, 8, 16].includes(align) && size < 0x10000 && size % align === 0;
  };
  const inData = new Set(words.values());
  const named = new Set([...inData, ...functions.flatMap(({ constants }) => constants)]);
  const starts = new Set([...words.keys()].filter((at) => named.has(at) && looksLikeOne(at)));
  const found = new Map();
  for (const start of starts) {
    const slots = [words.get(start)].filter(isSlot);
    for (let at = start + 12; isSlot(words.get(at)) && !starts.has(at); at += 4) slots.push(words.get(at));
    if (slots.length > 0) found.set(start, slots);
  }
  return { found, inData };
}

/** The ids in a table from its first slot on, as element segments of what one of the parts has. */
function segments(table, first, isHere) {
  const runs = [];
  for (const [at, id] of table.entries()) {
    if (!isHere(id)) continue;
    const last = runs.at(-1);
    if (last && last.at + last.ids.length === first + at) last.ids.push(id);
    else runs.push({ at: first + at, ids: [id] });
  }
  return runs.map(({ at, ids }) => ` (elem (table $0) (i32.const ${at}) func ${ids.join(" ")})`);
}

/** @param {string} wat the whole module with the names of its functions, as wasm-dis writes it
 *  @returns {{ base: string, client: string, entities: string }} its parts, for wasm-as */
export function split(wat) {
  const forms = read(wat);
  const own = functions(forms.func);
  const imported = new Map(
    forms.import
      .filter((text) => text.includes("(func "))
      .map((text) => [
        found(String.raw`\(func (${ID})`, text, "an imported function"),
        {
          params: (/\(param ([^)]*)\)/.exec(text)?.[1] ?? "").split(" ").filter(Boolean),
          result: /\(result ([^)]*)\)/.exec(text)?.[1],
        },
      ]),
  );
  if (imported.size !== forms.import.length) throw new Error("split: the module imports more than functions");
  const exported = forms.export.map((text) => ({
    name: found(`"(.*?)"`, text, "a name"),
    id: /\(func (.*)\)\)$/.exec(text)?.[1],
  }));

  const [elements, ...more] = forms.elem;
  if (more.length > 0) throw new Error("split: there is more than one element segment");
  const first = Number(found(String.raw`\(i32\.const (\d+)\)`, elements, "the first slot"));
  const table = ids(elements.slice(elements.indexOf(" func ")));
  const isTable = (text) => text.startsWith(" (table $0 ");
  const size = Number(found(String.raw`\(table \$0 (\d+) `, forms.table.find(isTable) ?? "", "the table's size"));
  if (first + table.length !== size) throw new Error("split: the table has other slots than those of its segment");

  // A part's is what its exports call, what they make objects of, by their vtables, and of the table what isn't known as a later one's: by its name, where it is not
  // the base's; and where it is not the client's, because what JavaScript calls of a later part leads to it, and nothing of the client's. A function of a later part's
  // name may be an earlier one's: the compiler makes one of two that are alike.
  const objects = vtables(words(forms.data), { first, end: size }, [...own.values()]);
  const methods = [...objects.found.values()].flat().map((slot) => table[slot - first]);
  const bound = new Set(methods.filter((id) => BOUND.test(id)));
  const isClient = (id) =>
    CLIENT.test(id) || (SHIM.test(id) && own.get(id).calls.some((called) => CLIENT.test(called)));
  const places = new Map();
  const reach = (id, reached) => {
    if (places.has(id) || reached.has(id) || !own.has(id)) return;
    reached.add(id);
    const { calls, constants } = own.get(id);
    for (const called of calls) reach(called, reached);
    for (const address of constants) reachObject(address, reached);
  };
  const reachObject = (address, reached) => {
    for (const slot of objects.found.get(address) ?? []) reach(table[slot - first], reached);
  };
  const claimed = exported.filter(({ id }) => id);
  const claimOf = ({ name }) => PARTS.findLastIndex(({ calls }) => calls.test(name)) + 1;
  for (let place = 0; place <= PARTS.length; place += 1) {
    const [here, later] = [new Set(), new Set()];
    for (const one of claimed) if (claimOf(one) > place) reach(one.id, later);
    for (const one of claimed) if (claimOf(one) === place) reach(one.id, here);
    for (const id of table) if (place === 0 ? !isClient(id) : !(later.has(id) && bound.has(id))) reach(id, here);
    if (place === 0) for (const address of objects.inData) reachObject(address, here);
    for (const id of here) places.set(id, place);
  }
  // What nothing is seen to call goes with the last.
  const placeOf = (id) => (imported.has(id) ? 0 : (places.get(id) ?? PARTS.length));
  const functionsOf = (place) => [...own].filter(([id]) => placeOf(id) === place);

  // What the parts take over from those before them, by short names.
  const parts = PARTS.map(({ part }, at) => {
    const functions = functionsOf(at + 1);
    const text = functions.map(([, { text }]) => text).join("\n");
    const taken = [...new Set(functions.flatMap(([, { calls }]) => calls))].filter((id) => placeOf(id) !== at + 1);
    return {
      part,
      place: at + 1,
      functions,
      text,
      taken,
      globals: [...new Set(all(String.raw`\(global\.(?:get|set) (${ID})`, text))],
    };
  });
  const taken = [...new Set(parts.flatMap(({ taken }) => taken))];
  const globals = [...new Set(parts.flatMap(({ globals }) => globals))];
  const names = new Map([...taken, ...globals].map((id, at) => [id, `_${at.toString(36)}`]));
  const globalType = (id) => {
    const form = forms.global.find((text) => text.startsWith(` (global ${id} `));
    return found(
      String.raw`^ \(global ${ID} (\(mut \w+\)|\w+)`,
      form?.replace(id, "$global") ?? "",
      `the type of ${id}`,
    );
  };
  const entries = exported.filter(({ id }) => id && placeOf(id) > 0).map(({ id }) => id);
  const slots = size + entries.length;
  const declaredTable = `(table $0 ${slots} ${slots} funcref)`;
  const entry = (id, at) => {
    const { params, result } = own.get(id);
    const args = params.map((_, index) => `(local.get ${index})`).join(" ");
    const type = signature({ params, result });
    return ` (func ${id}${type}\n  (call_indirect $0${type} ${args} (i32.const ${size + at})))`;
  };
  // Parts of different builds don't fit: the table is exported by a name that says of which it is.
  const build = `client-${createHash("sha256").update(wat).digest("hex").slice(0, 16)}`;
  const module = (lines) => `(module\n${lines.join("\n")}\n)\n`;
  const types = [...forms.type, ...forms.rec];
  const given = (place) =>
    taken.filter((id) => placeOf(id) === place).map((id) => ` (export "${names.get(id)}" (func ${id}))`);
  const from = (place) => (place === 0 ? "base" : PARTS[place - 1].part);

  const base = module([
    ...types,
    ...forms.import,
    ...forms.global,
    ...forms.memory,
    ...forms.data,
    ...forms.table.filter((text) => !isTable(text)),
    ` ${declaredTable}`,
    ...segments(table, first, (id) => placeOf(id) === 0),
    ...forms.export,
    ` (export "${build}" (table $0))`,
    ...given(0),
    ...globals.map((id) => ` (export "${names.get(id)}" (global ${id}))`),
    ...functionsOf(0).map(([, { text }]) => text),
    ...entries.map(entry),
  ]);
  const cut = parts.map(({ part, place, functions, text, taken, globals }) => {
    const isHere = (id) => placeOf(id) === place;
    const lines = [
      ...types,
      ...forms.memory.map((text) => ` (import "base" "memory" ${text.trim()})`),
      ` (import "base" "${build}" ${declaredTable})`,
      ...forms.table
        .filter((form) => !isTable(form) && text.includes(ids(form)[0]))
        .map((form) => ` (import "base" "${ids(form)[0].slice(1)}" ${form.trim()})`),
      ...taken.map((id) => {
        const type = signature(own.get(id) ?? imported.get(id));
        return ` (import "${from(placeOf(id))}" "${names.get(id)}" (func ${id}${type}))`;
      }),
      ...globals.map((id) => ` (import "base" "${names.get(id)}" (global ${id} ${globalType(id)}))`),
      ...given(place),
      ...segments(table, first, isHere),
      ...segments(entries, size, isHere),
      ...functions.map(([, { text }]) => text),
    ];
    return [part, module(lines)];
  });
  return { base, ...Object.fromEntries(cut) };
}
