// How things are timed: turn by turn, so that a slow moment of the machine meets every side, and none always goes first.

export const MIB = 1 << 20;
/** `quick` only shows that everything runs: a round of each, less data where it is much. */
export const settings = { quick: false };

export const roundsOf = (rounds) => (settings.quick ? 1 : rounds);

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function randomBytes(length) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

/** Threads of the browser's are still sweeping when gc() has returned. */
const SWEEP_MS = 100;
/** What one side left behind is not to be tidied up in the time of the next. */
async function tidy() {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, SWEEP_MS));
}

async function timed({ run, prepare, repeat = 1 }, clean) {
  prepare?.();
  if (clean) await tidy();
  const start = performance.now();
  for (let i = 0; i < repeat; i += 1) await run();
  return (performance.now() - start) / repeat;
}

/**
 * Milliseconds of every side in every round; each round begins with the next side. A side is `{ run, prepare?, repeat?, warm? }`: `prepare` goes before it and
 * is not timed. Each is warmed up, by `warm` where it has one. A side that needs more than `patience` ms in its first round has no further one; one that
 * fails is left out where `failed` is told of it.
 */
export async function turns(all, { rounds, clean = false, patience = Number.POSITIVE_INFINITY, failed }) {
  const sides = { ...all };
  const times = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  const attempt = async (name, work) => {
    try {
      await work(sides[name]);
    } catch (error) {
      if (!failed) throw error;
      failed(name, error);
      delete sides[name];
      delete times[name];
    }
  };
  for (const name of Object.keys(sides)) {
    await attempt(name, (side) => timed({ ...side, run: side.warm ?? side.run, repeat: 1 }, clean));
  }
  for (let round = 0; round < roundsOf(rounds); round += 1) {
    const names = Object.keys(sides);
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      if (times[name][0] > patience) continue;
      await attempt(name, async (side) => times[name].push(await timed(side, clean)));
    }
  }
  return times;
}

/** The median of the rounds' ratios a / b. */
export function ratio(a, b) {
  return median(a.slice(0, Math.min(a.length, b.length)).map((value, round) => value / b[round]));
}

/** Medians of two sides in ms, and the median of the rounds' ratios. */
export async function compare(ours, beside, options) {
  const times = await turns({ ours, beside }, options);
  return {
    ours: median(times.ours),
    beside: median(times.beside),
    ratio: ratio(times.ours, times.beside),
    rounds: times.ours.length,
  };
}
