// Takes the text of Rust's panics out of the module. A panic is a trap there in any case: nobody reads the message, and the code that would format it takes
// 5 KB of the compressed module. Every function that never returns and only tells why becomes `unreachable`.

const FORMATTING =
  /^(core|std)(\[[0-9a-f]+\])?::panicking::|^std(\[[0-9a-f]+\])?::(alloc::rust_oom|sys::backtrace::__rust_end_short_backtrace)|::(rust_begin_unwind|rust_panic|__rust_start_panic|unwrap_failed|expect_failed|slice_index_fail|slice_error_fail|len_mismatch_fail|handle_error|capacity_overflow|handle_alloc_error|panic_access_error|panic_already_borrowed|panic_already_mutably_borrowed|panic_for_nonpositive_argument|panic_poisoned|panic_on_ord_violation)$/;
/** No locals; unreachable; end. */
const TRAP = Buffer.from([3, 0, 0x00, 0x0b]);
const [CUSTOM, IMPORT, CODE] = [0, 2, 10];
const FUNCTION_NAMES = 1;

/** LEB128, as all numbers of the format here. */
function encoded(number) {
  const bytes = [];
  for (let rest = number; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  byte() {
    return this.bytes[this.at++];
  }
  number() {
    for (let number = 0, shift = 0; ; shift += 7) {
      const byte = this.byte();
      number |= (byte & 0x7f) << shift;
      if (byte < 0x80) return number >>> 0;
    }
  }
  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  text() {
    return this.take(this.number()).toString();
  }
  get done() {
    return this.at >= this.bytes.length;
  }
}

function sections(module) {
  const reader = new Reader(module, 8);
  const found = [];
  while (!reader.done) found.push({ id: reader.byte(), body: reader.take(reader.number()) });
  return found;
}

function importedFunctions(body) {
  const reader = new Reader(body);
  let functions = 0;
  for (let left = reader.number(); left > 0; left -= 1) {
    reader.text();
    reader.text();
    if (reader.byte() !== 0) throw new Error("the module imports something else than functions");
    reader.number();
    functions += 1;
  }
  return functions;
}

function functionNames(body) {
  const reader = new Reader(body);
  const names = new Map();
  if (reader.text() !== "name") return names;
  while (!reader.done) {
    const kind = reader.byte();
    const part = new Reader(reader.take(reader.number()));
    if (kind !== FUNCTION_NAMES) continue;
    for (let left = part.number(); left > 0; left -= 1) names.set(part.number(), part.text());
  }
  return names;
}

/** The module, still with its names, without the text of its panics. */
export function withoutPanicMessages(module) {
  const all = sections(module);
  const imported = all.filter(({ id }) => id === IMPORT).reduce((sum, { body }) => sum + importedFunctions(body), 0);
  const names = new Map(all.filter(({ id }) => id === CUSTOM).flatMap(({ body }) => [...functionNames(body)]));
  let replaced = 0;
  const code = (body) => {
    const reader = new Reader(body);
    const count = reader.number();
    const functions = Array.from({ length: count }, (_, index) => {
      const length = reader.number();
      const own = reader.take(length);
      if (!FORMATTING.test(names.get(imported + index) ?? "")) return Buffer.concat([encoded(length), own]);
      replaced += 1;
      return TRAP;
    });
    return Buffer.concat([encoded(count), ...functions]);
  };
  const parts = all.map(({ id, body }) => {
    const written = id === CODE ? code(body) : body;
    return Buffer.concat([Buffer.from([id]), encoded(written.length), written]);
  });
  if (replaced < 20) throw new Error(`only ${replaced} panicking functions were found: have their names changed?`);
  return Buffer.concat([module.subarray(0, 8), ...parts]);
}
