// The report of npm run bench: rows, tables, Markdown, plots.
import { bars, lines } from "./plot.mjs";

const KB = 1000;
const MIB = 1 << 20;
/** From this share of the processors' time on that others take, the machine counts as busy. */
const BUSY = 0.1;
const OURS = "Wardkey, auto";
const BARE = "bare WebCrypto loop";

const fixed = (value, digits) => value.toFixed(digits);
const ms = (value) => `${fixed(value, value < 10 ? 2 : 0)} ms`;
const kb = (bytes) => `${fixed(bytes / KB, 1)} KB`;
const mib = (bytes) => `${fixed(bytes / MIB, bytes < 10 * MIB ? 1 : 0)} MiB`;
const size = (bytes) =>
  bytes >= MIB << 10 ? `${bytes / (MIB << 10)} GiB` : bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / 1024} KiB`;
const perSecond = (bytes, time) => bytes / 1e3 / time;
const speed = (bytes, time) => `${fixed(perSecond(bytes, time), 0)} MB/s`;

/** A line of the table; what isn't compared or has no target is left out. */
const row = (what, figure, { beside = "", ratio = null, target = "", met = null } = {}) => ({
  what,
  figure,
  beside,
  ratio,
  target,
  met,
});

/** A ratio of speeds that is to be at least so much. */
const atLeast = (ratio, least) => ({ ratio, target: `speed ≥ ${least}`, met: ratio >= least });

function inMemory(what, { bytes, ours, beside, ratio }, name, least) {
  const other = `${name}: ${speed(bytes, beside)}`;
  return row(`${what} ${size(bytes)}`, speed(bytes, ours), { beside: other, ...atLeast(1 / ratio, least) });
}

function stream(what, { bytes, bytesBeside, ours, beside, ratio }) {
  const other = `in memory, ${size(bytesBeside)}: ${speed(bytesBeside, beside)}`;
  const speeds = bytes / bytesBeside / ratio;
  return row(`${what}Stream, ${size(bytes)}`, speed(bytes, ours), { beside: other, ...atLeast(speeds, 0.8) });
}

function range({ bytes, of, ours, beside, ratio, fromBlob }) {
  const what = `decryptRange, ${size(bytes)} of ${size(of)}`;
  return [
    row(`${what}, RangeSource`, ms(ours), { beside: `bare WebCrypto loop: ${ms(beside)}`, ratio: 1 / ratio }),
    row(`${what}, Blob`, ms(fromBlob), { beside: `bare WebCrypto loop: ${ms(beside)}`, ratio: beside / fromBlob }),
  ];
}

function workers(what, { bytes, ours, one, page, cores }) {
  const name = `${what} ${size(bytes)}, engine "wasm", two workers`;
  const beside = (side, { time, ratio }) => ({ beside: `${side}: ${speed(bytes, time)}`, ratio });
  // Two workers on one core have nothing to win.
  const faster = cores < 2 ? {} : { target: "speed > 1", met: one.ratio > 1 };
  return [
    row(name, speed(bytes, ours), { ...beside("one worker", one), ...faster }),
    row(name, speed(bytes, ours), beside("the page alone", page)),
  ];
}

function wasmMemory({ bytes, sizes: { start, auto, wasm } }) {
  const memory = (engine, value) =>
    row(`WebAssembly memory, ${size(bytes)} in memory, engine "${engine}"`, mib(value), {
      beside: `at the start: ${mib(start)}`,
      target: "< 16 MiB",
      met: value < 16 * MIB,
    });
  return [memory("auto", auto), memory("wasm", wasm)];
}

function peak(what, { ours, beside, wasm, runs }) {
  const name = `most memory of a renderer, ${what} a stream of ${size(runs.ours[0].bytes)}`;
  if (ours === null || beside === null) return [row(name, "not measured: this system has no /proc")];
  const added = ours - beside;
  return [
    row(name, mib(ours), {
      beside: `bare TransformStream: ${mib(beside)}; adds ${fixed(added / MIB, 0)} MiB`,
      target: "adds ≤ 64 MiB",
      met: added <= 64 * MIB,
    }),
    row(`WebAssembly memory after that`, mib(wasm.after), {
      beside: `before: ${mib(wasm.before)}`,
      target: "nothing lasting",
      met: wasm.after === wasm.before,
    }),
  ];
}

function longPeers(what, { bytes, times, best, ratio }) {
  return row(`${what} ${size(bytes)}`, speed(bytes, times[OURS]), {
    beside: `best peer, ${best}: ${speed(bytes, times[best])}`,
    ...atLeast(ratio, 1.5),
  });
}

const each = (records, time) => `${fixed((1000 * time) / records, 1)} µs each`;

function recordPeers(what, { records, times, best, ratio }) {
  const other = `best peer, ${best}: ${each(records, times[best])}`;
  const figure = each(records, times[OURS]);
  return row(`${what}, 2,000 records of 256 bytes`, figure, { beside: other, ratio: 1 / ratio });
}

const records = (what, form, { records, ours, beside, ratio }) =>
  row(`${what}, 2,000 records of 256 bytes`, each(records, ours), {
    beside: `WebCrypto, importKey and a call each, ${form}: ${each(records, beside)}`,
    ratio,
    target: "time < 1",
    met: ratio < 1,
  });

const unwrap = ({ ours, beside, ratio }) =>
  row("unwrapKey, hybrid", ms(ours), {
    beside: `WebCrypto, RSA-OAEP 4096: ${ms(beside)}`,
    ratio,
    target: "< 1 ms",
    met: ours < 1,
  });

function wrap({ perRecipient, ratios }) {
  const per = (size) => `${fixed(perRecipient[size], 0)} µs each`;
  const linear = { target: "linear: 0.9 to 1.1", met: Math.abs(ratios["1000/100"] - 1) <= 0.1 };
  return [
    row("wrapKey for 10, hybrid", per(10)),
    row("wrapKey for 100", per(100), { beside: "for 10", ratio: ratios["100/10"] }),
    row("wrapKey for 1,000", per(1000), { beside: "for 100", ratio: ratios["1000/100"], ...linear }),
  ];
}

const backup = (what, bare, { ours, beside, ratio }) =>
  row(`openBackup, ${what}`, ms(ours), {
    beside: `bare ${bare} in wasm: ${ms(beside)}`,
    ratio,
    target: "time ≤ 1.15",
    met: ratio <= 1.15,
  });

const cache = ({ ours, beside, ratio, entries, save, openAll, again }) => {
  const count = entries.toLocaleString("en");
  return [
    row(`KeyCache.open, ${count} entries in IndexedDB`, ms(ours), {
      beside: `raw getAll: ${ms(beside)}`,
      ratio,
      target: "time ≤ 2",
      met: ratio <= 2,
    }),
    row(`its set of ${count}`, ms(save)),
    row(`its getMany of ${count}, sealed`, ms(openAll), { beside: `once they are open: ${ms(again)}` }),
  ];
};

function sessions({ count, half, all, warm }) {
  const each = (run) => run.ms / count;
  const linear = all.ms / half.ms / 2;
  const n = count.toLocaleString("en");
  return [
    row(`openSessions, ${n}, nothing in the cache`, `${fixed(each(all), 2)} ms each`, {
      beside: `the key server, apart from that: ${fixed(all.server / count, 2)} ms each`,
      target: "< 2 ms",
      met: each(all) < 2,
    }),
    row("its requests", String(all.requests), { target: "1", met: all.requests === 1 }),
    row("for each of half as many", `${fixed((2 * half.ms) / count, 2)} ms`, {
      beside: "for all",
      ratio: linear,
      target: "linear: 0.9 to 1.1",
      met: Math.abs(linear - 1) <= 0.1,
    }),
    row("its longest task", ms(all.longest), {
      target: "≤ 50 ms",
      met: all.longest <= 50,
    }),
    row(`openSessions, ${n}, from IndexedDB`, `${fixed(each(warm), 3)} ms each`, {
      beside: `its requests: ${warm.requests}`,
      target: "< 0.1 ms",
      met: each(warm) < 0.1,
    }),
  ];
}

const linearTo = (ratio) => ({ ratio, target: "linear: 0.9 to 1.1", met: Math.abs(ratio - 1) <= 0.1 });

function manyPeople({ users, groups, removal }) {
  const { small, large, size } = groups;
  const n = removal.count.toLocaleString("en");
  return [
    ...manyRecipients(users),
    row(`createSession for 2 groups of ${size}, heads known`, `${fixed(large, 2)} ms`, {
      target: "< 5 ms",
      met: large < 5,
    }),
    row(`the same, beside 2 groups of ${size / 10}`, `${fixed(large, 2)} ms`, {
      beside: `${fixed(small, 2)} ms`,
      ratio: large / small,
      target: "independent of the size: 0.9 to 1.1",
      met: Math.abs(large / small - 1) <= 0.1,
    }),
    row(`removeMembers, one of ${n}`, ms(removal.all.ms), {
      beside: `the key server, apart from that: ${ms(removal.all.server)}`,
      target: "< 1 s",
      met: removal.all.ms < 1000,
    }),
    row("for each of half as many", `${fixed((2 * removal.half.ms) / removal.count, 2)} ms`, {
      beside: "for all",
      ...linearTo(removal.all.ms / removal.half.ms / 2),
    }),
    row("its longest task", ms(removal.all.longest), { target: "≤ 50 ms", met: removal.all.longest <= 50 }),
  ];
}

function groupSessions({ count, epochs, ms: all, requests, longest }) {
  return [
    row(
      `openSessions, ${count.toLocaleString("en")} of a group, after ${epochs - 1} epochs, cold`,
      `${fixed(all / count, 2)} ms each`,
      {
        beside: `the longest task: ${ms(longest)}`,
        target: "< 2 ms",
        met: all / count < 2,
      },
    ),
    row("its requests", String(requests), { target: "1", met: requests === 1 }),
  ];
}

function groupLog({ count, all, half, next, longest }) {
  return [
    row(`group(), a log of ${count.toLocaleString("en")} operations`, ms(all), {
      beside: `the longest task: ${ms(longest)}`,
      target: "< 0.5 s",
      met: all < 500,
    }),
    row("for each of half as many", `${fixed((2 * half) / count, 2)} ms`, {
      beside: "for all",
      ...linearTo(all / half / 2),
    }),
    row("after one operation more", ms(next), { target: "incremental: a tenth of it", met: next < all / 10 }),
  ];
}

function entities({ count, bytes, each, longest, requests, share, grows }) {
  const n = count.toLocaleString("en");
  return [
    row(`entities.decryptMany, ${n} of ${bytes.toLocaleString("en")} bytes, warm`, `${fixed(each, 1)} µs each`, {
      target: "< 50 µs",
      met: each < 50,
    }),
    row("its longest task", ms(longest), { target: "≤ 50 ms", met: longest <= 50 }),
    row("its requests, of 20 parties, cold", String(requests), { target: "1", met: requests === 1 }),
    row("entities.share with one more party", `${fixed(share, 2)} ms`, {
      beside: `it grows by ${grows} characters`,
      target: "< 0.5 ms",
      met: share < 0.5,
    }),
  ];
}

function manyRecipients({ count, first, tenth, all, longest }) {
  const linear = all / tenth / 10;
  return [
    row(`createSession for ${count.toLocaleString("en")} users`, `${fixed(all / count, 2)} ms each`, {
      beside: `for a tenth: ${fixed((10 * tenth) / count, 2)} ms each`,
      ratio: linear,
      target: "linear: 0.9 to 1.1",
      met: Math.abs(linear - 1) <= 0.1,
    }),
    row("when they are met for the first time", `${fixed(first / count, 2)} ms each`, {
      beside: `the longest task: ${ms(longest)}`,
    }),
  ];
}

function signed(what, { bytes, ours, beside, ratio }, least) {
  const other = { beside: `DataKey.${what}: ${speed(bytes, beside)}` };
  const compared = least === undefined ? { ratio: 1 / ratio } : atLeast(1 / ratio, least);
  return row(`Session.${what}, signed, ${size(bytes)}`, speed(bytes, ours), { ...other, ...compared });
}

const bundles = (sizes) => [
  row("wardkey, bundled, gzip: what a page loads at its start", kb(sizes.default), {
    target: "≤ 200 KB",
    met: sizes.default <= 200 * KB,
  }),
  row("the client's part, loaded by the first Wardkey.open", kb(sizes.client)),
  row("the entities' part, loaded by the first call of wardkey.entities", kb(sizes.entities)),
  row("wardkey/slim, bundled, gzip", kb(sizes.slim)),
  row("wardkey.wasm, gzip", kb(sizes.wasm)),
];

/** How the results of a case become rows. A case that wasn't run has none. */
const ROWS = {
  "loop encrypt 16": (result) => inMemory("encrypt", result, BARE, 0.85),
  "loop decrypt 16": (result) => inMemory("decrypt", result, BARE, 0.85),
  "loop encrypt 256": (result) => inMemory("encrypt", result, BARE, 0.85),
  "loop decrypt 256": (result) => inMemory("decrypt", result, BARE, 0.85),
  "peers encrypt 16": (result) => longPeers("encrypt", result),
  "peers decrypt 16": (result) => longPeers("decrypt", result),
  "peers encrypt 256": (result) => longPeers("encrypt", result),
  "peers decrypt 256": (result) => longPeers("decrypt", result),
  "stream encrypt": (result) => stream("encrypt", result),
  "stream decrypt": (result) => stream("decrypt", result),
  range,
  "wasm memory": wasmMemory,
  "peak encrypt": (result) => peak("encrypt", result),
  "peak encrypt and decrypt": (result) => peak("encrypt and decrypt again", result),
  "wasm encrypt": (result) => inMemory('encrypt, engine "wasm",', result, "bare aes-gcm in wasm", 0.9),
  "wasm decrypt": (result) => inMemory('decrypt, engine "wasm",', result, "bare aes-gcm in wasm", 0.9),
  "workers encrypt": (result) => workers("encrypt", result),
  "workers decrypt": (result) => workers("decrypt", result),
  "records encrypt one by one": (result) => records("encryptMany", "one after another", result),
  "records encrypt at once": (result) => records("encryptMany", "all at once, Promise.all", result),
  "records decrypt one by one": (result) => records("decryptMany", "one after another", result),
  "records decrypt at once": (result) => records("decryptMany", "all at once, Promise.all", result),
  "peers encrypt records": (result) => recordPeers("encryptMany", result),
  "peers decrypt records": (result) => recordPeers("decryptMany", result),
  unwrap,
  wrap,
  cache,
  sessions,
  "many people": manyPeople,
  "group sessions": groupSessions,
  "group log": groupLog,
  entities,
  "signed encrypt": (result) => signed("encrypt", result, 0.5),
  "signed decrypt": (result) => signed("decrypt", result),
  "backup argon2id": (result) => backup("Argon2id 64 MiB × 3", "argon2", result),
  "backup pbkdf2": (result) => backup("PBKDF2 600,000", "pbkdf2", result),
};

export function rows(results, sizes) {
  const measured = Object.entries(ROWS).flatMap(([name, make]) => (results[name] ? make(results[name]) : []));
  return [...measured, ...bundles(sizes)];
}

const HEAD = ["what", "figure", "beside it", "ratio", "target", "met"];
const cells = ({ what, figure, beside, ratio, target, met }) => [
  what,
  figure,
  beside,
  ratio === null ? "" : fixed(ratio, 2),
  target,
  met === null ? "" : met ? "yes" : "no",
];

function aligned(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  const padded = (line) => line.map((cell, column) => cell.padEnd(widths[column])).join("  ");
  return table.map((line) => padded(line).trimEnd()).join("\n");
}

/** Both engines by size. */
function engines({ points }) {
  const directions = ["encrypt", "decrypt"];
  const head = directions.flatMap((direction) => [`${direction}: wasm`, "webcrypto", '"auto"']);
  const line = (point) => [
    size(point.size),
    ...directions.flatMap((direction) =>
      ["wasm", "webcrypto", "auto"].map((engine) => `${fixed(1000 * point[direction][engine], 0)} µs`),
    ),
  ];
  return [["size", ...head], ...points.map(line)];
}

/** The smallest size from which on WebCrypto is always the faster. */
function crossing({ points }, direction) {
  const slower = points.findLastIndex(({ [direction]: { wasm, webcrypto } }) => webcrypto >= wasm);
  return points[slower + 1]?.size;
}

function crossings(result) {
  const from = (direction) => {
    const found = crossing(result, direction);
    return found ? `from ${size(found)} on` : "at none of these sizes";
  };
  return `WebCrypto is the faster: to encrypt, ${from("encrypt")}; to decrypt, ${from("decrypt")}.`;
}

/** All sides of the comparison with peers, the fastest first. */
function standings(encrypt, decrypt, figure) {
  const names = Object.keys(encrypt.times).sort((a, b) => encrypt.times[a] - encrypt.times[b]);
  const cell = (result, name) => {
    if (!(name in result.times)) return result.missing[name] ?? "–";
    return figure(result, result.times[name]);
  };
  return [["", "encrypt", "decrypt"], ...names.map((name) => [name, cell(encrypt, name), cell(decrypt, name)])];
}

const ofBytes = ({ bytes }, time) => speed(bytes, time);
const ofRecords = ({ records }, time) => each(records, time);

/** The tables beside the main one: `[title, table, note]`. */
function tables(results) {
  const list = [];
  for (const mibs of [16, 256]) {
    const [encrypt, decrypt] = [results[`peers encrypt ${mibs}`], results[`peers decrypt ${mibs}`]];
    if (encrypt && decrypt) list.push([`${mibs} MiB, everyone`, standings(encrypt, decrypt, ofBytes), ""]);
  }
  const [encrypt, decrypt] = [results["peers encrypt records"], results["peers decrypt records"]];
  if (encrypt && decrypt)
    list.push(["2,000 records of 256 bytes, everyone", standings(encrypt, decrypt, ofRecords), ""]);
  if (results.crossover) list.push(["Engines by size", engines(results.crossover), crossings(results.crossover)]);
  return list;
}

/** What to think of the figures. */
function verdict({ others }) {
  const share = `Between the measurements other programs took ${fixed(100 * others, 0)} % of the processors' time`;
  return others < BUSY
    ? `${share}.`
    : `${share}: the figures and, less so, the ratios are worse than on an idle machine.`;
}

export function terminal({ rows, results, machine }) {
  const more = tables(results).map(([title, table, note]) => `${title}\n${aligned(table)}${note && `\n${note}`}`);
  return [aligned([HEAD, ...rows.map(cells)]), ...more, verdict(machine)].join("\n\n");
}

function throughput(results, mibs) {
  const [encrypt, decrypt] = [results[`peers encrypt ${mibs}`], results[`peers decrypt ${mibs}`]];
  if (!encrypt || !decrypt) return undefined;
  const value = (result, name) => (name in result.times ? perSecond(result.bytes, result.times[name]) : null);
  return bars({
    id: `throughput-${mibs}`,
    title: `${mibs} MiB in memory: Wardkey, other libraries, and a bare WebCrypto loop`,
    axis: "MB per second, longer is better",
    series: ["encrypt", "decrypt"],
    rows: sides(encrypt).map((name) => ({
      label: name,
      own: name.startsWith("Wardkey"),
      values: [value(encrypt, name), value(decrypt, name)],
    })),
  });
}

function recordBars(results) {
  const [encrypt, decrypt] = [results["peers encrypt records"], results["peers decrypt records"]];
  if (!encrypt || !decrypt) return undefined;
  const value = (result, name) => (name in result.times ? result.records / result.times[name] : null);
  return bars({
    id: "records",
    title: "Records of 256 bytes, 2,000 of them",
    axis: "thousand records per second, longer is better",
    series: ["encrypt", "decrypt"],
    rows: sides(encrypt).map((name) => ({
      label: name === OURS ? "Wardkey" : name,
      own: name === OURS,
      values: [value(encrypt, name), value(decrypt, name)],
    })),
  });
}

/** Wardkey and what is bare above, the others by their speed. */
function sides({ times }) {
  const first = ["Wardkey, auto", "Wardkey, wasm", BARE].filter((name) => name in times);
  const others = Object.keys(times).filter((name) => !first.includes(name));
  return [...first, ...others.sort((a, b) => times[a] - times[b])];
}

function crossoverLines({ crossover }) {
  if (!crossover) return undefined;
  const { points } = crossover;
  const speeds = (direction, engine) => points.map((point) => perSecond(point.size, point[direction][engine]));
  return lines({
    id: "crossover",
    title: "Engines by size of the data",
    xAxis: "size",
    yAxis: "MB per second",
    sizes: points.map((point) => size(point.size).replace(" KiB", "K").replace(" MiB", "M")),
    ring: 'engine "auto"',
    panels: ["encrypt", "decrypt"].map((direction) => ({
      label: direction,
      lines: ["webcrypto", "wasm"].map((engine) => ({ name: `engine "${engine}"`, values: speeds(direction, engine) })),
      rings: speeds(direction, "auto"),
    })),
  });
}

/** File names and contents. */
export function plots(results) {
  const all = {
    "throughput-16.svg": throughput(results, 16),
    "throughput-256.svg": throughput(results, 256),
    "crossover.svg": crossoverLines(results),
    "records.svg": recordBars(results),
  };
  return Object.fromEntries(Object.entries(all).filter(([, svg]) => svg !== undefined));
}

const PLOTS = {
  "throughput-16.svg": "Bars: megabytes per second of 16 MiB, encrypt and decrypt; the figures stand in a table below",
  "throughput-256.svg":
    "Bars: megabytes per second of 256 MiB, encrypt and decrypt; the figures stand in a table below",
  "crossover.svg":
    "Lines: megabytes per second of both engines from 1 KiB to 1 MiB; the figures stand in a table below",
  "records.svg": "Bars: records per second, encrypt and decrypt; the figures stand in a table below",
};

/** How each peer is used: bench/peers/. */
const USE = [
  ["sscrypto", "`SymKey` of its WebCrypto back-end, `encryptAsync` and `decryptAsync`: AES-256-CBC, then HMAC-SHA-256"],
  ["@icure/api", "its `AES` with a `CryptoKey`: AES-256-CBC, without authentication"],
  ["@tanker/crypto", "`EncryptionV5` with a key of its own: XChaCha20-Poly1305, libsodium in WebAssembly"],
  [
    "openpgp",
    "binary messages with a session key: AES-256-CFB with a hash, the default; and AES-256-GCM, its `aeadProtect`",
  ],
  [
    "age-encryption",
    "`Encrypter` and `Decrypter` with a recipient of one's own, AES-GCM around the file key: ChaCha20-Poly1305 in JavaScript",
  ],
];

export function markdown({ rows, results, machine, browser, node, date, peers }) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const table = ([head, ...body]) => [head, head.map(() => "---"), ...body].map(line).join("\n");
  const sections = tables(results).map(
    ([title, lines, note]) => `### ${title}\n\n${table(lines)}${note && `\n\n${note}`}`,
  );
  const pictures = Object.keys(plots(results)).map((file) => `![${PLOTS[file]}](${file})`);
  const use = USE.map(([name, how]) => [`${name} ${peers[name]}`, how]);
  return `# Measurements

Written by \`npm run bench -- --save\`. Each figure is a median of several rounds, the ratio the median of the rounds' ratios; both sides of a ratio ran in the same page,
turn by turn. Figures move with the machine and what else it does; ratios hold better.

${machine.cpu}, ${machine.cores} cores, ${machine.system}; ${browser}, headless; Node ${node}; ${date}. 1 MB is 1,000,000 bytes, 1 KB 1,000.
${verdict(machine)}

${table([HEAD, ...rows.map(cells)])}

${pictures.join("\n\n")}

## Figures

${sections.join("\n\n")}

## How it is measured

- The bare loop encrypts or decrypts the same chunks of 16 KiB by \`crypto.subtle\`, as many at the same time as Wardkey does (counted in the page), and copies what comes out into one buffer.
- Long data: before each turn the garbage collector runs, and 100 ms pass, in which the browser's threads do what it left them.
- A stream's source gives pieces of 64 KiB: to encrypt, the same piece again and again; to decrypt, a message that stands ready in memory. Its sink only counts.
- The most memory of a renderer is its \`VmHWM\` after one stream, both ends of it in the page, in a browser that has done nothing else: the median of five. The bare
  \`TransformStream\` encrypts the chunks of a piece at the same time, and waits for them.
- 16 MiB by the engine "wasm": as in an application, in the page and in a worker that is there from the call before; bare aes-gcm in the page alone.
- Two workers and one: the package's own, started before; in the page alone, in one call of \`encryptSync()\` or \`decryptSync()\`.
- A side that needs more than 1.5 s in its first round of 256 MiB has that one round.
- 2,000 records: Wardkey's in one call and each with a context, a worker being there from calls before, as in an application that does so repeatedly, and after twelve calls that aren't timed, of WebCrypto too; the others' by a call each, all at once or one after another, whichever is the faster for them.

${table([["peer", "how it is used"], ...use])}
`;
}
