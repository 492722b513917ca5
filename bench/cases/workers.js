// Long data without WebCrypto: by two workers, by one, and in the page.
import { DataKey, setEngine } from "../../pkg/index.js";
import { setAtOnce, workerKind } from "../../pkg/workers.js";
import { MIB, median, randomBytes, ratio, turns } from "../page/measure.js";
import { sameBytes } from "./long.js";

/** Up to 64 MiB one worker helps the page, so `quick` makes it no shorter. */
const LENGTH = 128 * MIB;

export async function workers(direction) {
  setEngine("wasm");
  const key = await DataKey.generate();
  const data = randomBytes(LENGTH);
  const sealed = await key.encrypt(data);
  if (workerKind() !== "started") throw new Error("no worker was started");
  if (!sameBytes(await key.decrypt(sealed), data)) throw new Error("decrypts to something else");
  const input = direction === "encrypt" ? data : sealed;
  const run = () => key[direction](input);
  const sides = {
    two: { prepare: () => setAtOnce(2), run },
    one: { prepare: () => setAtOnce(1), run },
    page: { run: () => key[`${direction}Sync`](input) },
  };
  const times = await turns(sides, { rounds: 5, clean: true });
  key.free();
  const beside = (name) => ({ time: median(times[name]), ratio: ratio(times[name], times.two) });
  const cores = navigator.hardwareConcurrency;
  return { bytes: LENGTH, ours: median(times.two), one: beside("one"), page: beside("page"), cores };
}
