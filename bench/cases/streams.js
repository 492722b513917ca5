// A stream that is longer than anyone would hold in memory, and memory itself.
import { initSync } from "../../pkg/core/wardkey_core.js";
import { DataKey, init, setEngine } from "../../pkg/index.js";
import { bareStreams } from "../page/bulk.js";
import { compare, MIB, randomBytes, settings } from "../page/measure.js";
import { counting, held, keeping, PIECE, repeated } from "../page/streams.js";

const long = () => (settings.quick ? 64 : 1024) * MIB;
const inMemory = () => (settings.quick ? 16 : 256) * MIB;

/** Through this and into nothing. */
async function pass(source, transform, expected) {
  const sink = counting();
  await source.pipeThrough(transform).pipeTo(sink.stream);
  if (sink.length < expected) throw new Error(`the stream gave ${sink.length} bytes of ${expected}`);
}

/** Beside the in-memory call of the same key. What is decrypted stands ready in memory: the source is not what is measured. */
export async function stream(direction) {
  const key = await DataKey.generate();
  const piece = randomBytes(PIECE);
  const data = randomBytes(inMemory());
  const sides = {
    encrypt: async () => {
      const through = (length) => pass(repeated(piece, length), key.encryptStream(), length);
      return {
        ours: { warm: () => through(inMemory()), run: () => through(long()) },
        beside: { run: () => key.encrypt(data) },
      };
    },
    decrypt: async () => {
      const ready = async (length) => {
        const { stream, buffers } = keeping();
        await repeated(piece, length).pipeThrough(key.encryptStream()).pipeTo(stream);
        return buffers;
      };
      const [short, sealed, whole] = [await ready(inMemory()), await ready(long()), await key.encrypt(data)];
      const through = (buffers, length) => pass(held(buffers), key.decryptStream(), length);
      return {
        ours: { warm: () => through(short, inMemory()), run: () => through(sealed, long()) },
        beside: { run: () => key.decrypt(whole) },
      };
    },
  };
  const { ours, beside } = await sides[direction]();
  const result = await compare(ours, beside, { rounds: 5, clean: true });
  key.free();
  return { ...result, bytes: long(), bytesBeside: inMemory() };
}

/** A stream through `ours` or `bare` in a renderer that has done nothing else; `both`: encrypted and decrypted again. */
export async function peak(side, both) {
  const piece = randomBytes(PIECE);
  const length = long();
  if (side === "ours") await init();
  const steps = side === "ours" ? await DataKey.generate() : await bareStreams();
  const before = side === "ours" ? wasmBytes() : 0;
  const start = performance.now();
  const sealed = repeated(piece, length).pipeThrough(steps.encryptStream());
  const sink = counting();
  await (both ? sealed.pipeThrough(steps.decryptStream()) : sealed).pipeTo(sink.stream);
  const ms = performance.now() - start;
  if (sink.length < length || (both && sink.length !== length)) throw new Error(`the stream gave ${sink.length} bytes`);
  return { ms, bytes: length, wasm: side === "ours" ? { before, after: wasmBytes() } : undefined };
}

/** The one instance: it has been started. WebAssembly memory never shrinks, so that what it has is the most it had. */
const wasmBytes = () => initSync({}).memory.buffer.byteLength;

export async function wasmMemory() {
  const sizes = { start: wasmBytes() };
  const key = await DataKey.generate();
  const data = randomBytes(inMemory());
  for (const engine of ["auto", "wasm"]) {
    setEngine(engine);
    const opened = await key.decrypt(await key.encrypt(data));
    if (opened.length !== data.length) throw new Error("decrypts to something else");
    sizes[engine] = wasmBytes();
  }
  key.free();
  return { sizes, bytes: data.length };
}
