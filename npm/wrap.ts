import { copyAtMost, toEntries, toOptions } from "./arguments.js";
import { call, core, release } from "./core.js";
import { DataKey } from "./data-key.js";
import { invalid, WardkeyError } from "./errors.js";
import { KeyPair, PublicKey } from "./key-pair.js";
import { Pace } from "./pace.js";
import { unwrapRsa } from "./rsa.js";
import type { Bytes, Context, Out, WrapOptions } from "./types.js";

/** docs/SPEC.md, section 6 */
const MAX_WRAPPED = 16 << 20;
const MAX_RECIPIENTS = 10_000;
const OPTIONS = ["context", "allowLegacy"];

/** Wraps a data key for each of 1 to 10,000 public keys; one that is given twice gets one stanza. docs/SPEC.md, section 6.
 *  @throws `invalid-argument`, `key-policy` for rsa-2048 unless allowLegacy, `limit`, `rng` */
export async function wrapKey(key: DataKey, recipients: readonly PublicKey[], options?: WrapOptions): Promise<Out> {
  DataKey.toCore(key);
  if (!Array.isArray(recipients)) throw invalid("the recipients are not an array");
  const keys = new Map(
    Array.from(recipients, (recipient) => {
      const inner = PublicKey.toCore(recipient);
      return [recipient.fingerprint, inner];
    }),
  );
  const { context, allowLegacy = false } = toOptions(options, OPTIONS);
  if (typeof allowLegacy !== "boolean") throw invalid("allowLegacy is not a boolean");
  const entries = toEntries(context);
  // What the core would refuse in the end is refused before the work.
  if (keys.size > MAX_RECIPIENTS) throw new WardkeyError("limit", "more than 10,000 recipients");
  if (!allowLegacy && recipients.some(({ suite }) => suite === "rsa-2048")) {
    throw new WardkeyError("key-policy", "rsa-2048 only with allowLegacy");
  }
  const { CoreWrapper } = await core();
  const wrapper = call(() => new CoreWrapper(DataKey.toCore(key), entries, allowLegacy));
  try {
    const pace = new Pace();
    for (const recipient of keys.values()) {
      call(() => wrapper.add(recipient));
      await pace.breathe();
    }
    return call(() => wrapper.finish()) as Out;
  } finally {
    release(wrapper);
  }
}

/** Opens what was wrapped for this key pair. RSA: by WebCrypto or in a worker, under the engine that setEngine() chose.
 *  @throws `invalid-format`: no wrap set. `not-a-recipient`: no stanza for this key pair. `key-mismatch`: the opened key isn't the one named. All else: `unwrap-failed`. */
export async function unwrapKey(wrapped: Bytes, keyPair: KeyPair, options?: { context?: Context }): Promise<DataKey> {
  const bytes = copyAtMost(MAX_WRAPPED, wrapped, "the wrapped key");
  KeyPair.toCore(keyPair);
  const entries = toEntries(toOptions(options, OPTIONS).context);
  const wasm = await core();
  const pair = KeyPair.toCore(keyPair);
  if (keyPair.suite === "hybrid") return DataKey.fromCore(call(() => wasm.unwrapKey(bytes, pair, entries)));
  const unwrapping = call(() => new wasm.CoreUnwrapping(bytes, pair, entries));
  try {
    const opened = await unwrapRsa(KeyPair.holder(keyPair), unwrapping.label(), unwrapping.body());
    try {
      return DataKey.fromCore(call(() => unwrapping.finish(opened)));
    } finally {
      opened.fill(0);
    }
  } finally {
    release(unwrapping);
  }
}
