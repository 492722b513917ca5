// Long data in memory, and parts of it.
import { DataKey, setEngine } from "../../pkg/index.js";
import { loadBare } from "../page/bare.js";
import { bareLoop, CHUNK, sealedLength, TAG } from "../page/bulk.js";
import { compare, MIB, median, randomBytes, settings, turns } from "../page/measure.js";

/** Comparing byte by byte in a callback would take seconds. */
export function sameBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

async function material(length) {
  const key = await DataKey.generate();
  const data = randomBytes(length);
  const sealed = await key.encrypt(data);
  if (!sameBytes(await key.decrypt(sealed), data)) throw new Error("decrypts to something else");
  return { key, data, sealed };
}

/** The WebAssembly engine beside the bare primitive in WebAssembly. */
export async function besideWasm(direction) {
  setEngine("wasm");
  const bare = await loadBare();
  const { key, data, sealed } = await material(16 * MIB);
  const length = sealedLength(data.length);
  const at = bare.alloc(length);
  const sides = {
    encrypt: [{ run: () => key.encrypt(data) }, { run: () => bare.seal(at, length) }],
    decrypt: [
      { run: () => key.decrypt(sealed) },
      { run: () => bare.open(at, length), prepare: () => bare.seal(at, length) },
    ],
  };
  const result = await compare(...sides[direction], { rounds: 11 });
  key.free();
  return { ...result, bytes: data.length };
}

/** The engine "auto" beside a bare WebCrypto loop. */
export async function besideLoop(direction, length) {
  const { key, data, sealed } = await material(length);
  const bare = await bareLoop();
  const input = direction === "encrypt" ? data : sealed;
  const theirs = direction === "encrypt" ? data : await bare.encrypt(data);
  const result = await compare(
    { run: () => key[direction](input) },
    { run: () => bare[direction](theirs) },
    { rounds: length > 64 * MIB ? 7 : 21, clean: true },
  );
  key.free();
  return { ...result, bytes: length, inFlight: bare.inFlight };
}

/** 1 MiB out of 256 MiB, beginning within a chunk, beside a bare loop over the chunks that hold it. */
export async function range() {
  const { key, data, sealed } = await material((settings.quick ? 16 : 256) * MIB);
  const blob = new Blob([sealed]);
  const source = { size: sealed.length, read: async (start, end) => sealed.subarray(start, end) };
  const start = (data.length >> 1) + 12_345;
  const end = start + MIB;
  if (!sameBytes(await key.decryptRange(source, start, end), data.subarray(start, end))) throw new Error("wrong range");
  const bare = await bareLoop();
  const chunks = Math.ceil(end / CHUNK) - Math.floor(start / CHUNK);
  const theirs = await bare.encrypt(randomBytes(chunks * CHUNK));
  const times = await turns(
    {
      source: { run: () => key.decryptRange(source, start, end), repeat: 10 },
      blob: { run: () => key.decryptRange(blob, start, end), repeat: 10 },
      bare: { run: () => bare.decrypt(theirs), repeat: 10 },
    },
    { rounds: 15, clean: true },
  );
  key.free();
  const [ours, besides, fromBlob] = [times.source, times.bare, times.blob].map(median);
  const ratios = times.source.map((ms, round) => ms / times.bare[round]);
  return { ours, beside: besides, fromBlob, ratio: median(ratios), bytes: MIB, chunks, of: data.length };
}

/** Both engines, and what "auto" makes of them, by size. Milliseconds. */
export async function crossover() {
  const key = await DataKey.generate();
  const points = [];
  for (let size = 1024; size <= MIB; size *= 2) {
    const data = randomBytes(size);
    const sealed = await key.encrypt(data);
    // A turn of some milliseconds, whatever the size.
    const repeat = Math.max(4, Math.min(128, (2 * MIB) / size));
    const point = { size };
    for (const [direction, input] of Object.entries({ encrypt: data, decrypt: sealed })) {
      const engine = (name) => ({ prepare: () => setEngine(name), run: () => key[direction](input), repeat });
      const sides = { wasm: engine("wasm"), webcrypto: engine("webcrypto"), auto: engine("auto") };
      const times = await turns(sides, { rounds: 9 });
      point[direction] = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
    }
    points.push(point);
  }
  key.free();
  return { points, tag: TAG };
}
