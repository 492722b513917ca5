import { copyBytes, toEntries, toOptions } from "./arguments.js";
import { call, core } from "./core.js";
import { DataKey } from "./data-key.js";
import { invalid } from "./errors.js";
import { KeyPair, PublicKey } from "./key-pair.js";
import { Pace } from "./pace.js";
import type { Bytes, Context, Out, WrapOptions } from "./types.js";

const OPTIONS = ["context", "allowLegacy"];

/** Wraps a data key for each of 1 to 10,000 public keys; one that is given twice gets one stanza. docs/SPEC.md, section 6.
 *  @throws `invalid-argument`, `key-policy` for rsa-2048 unless allowLegacy, `limit`, `rng` */
export async function wrapKey(key: DataKey, recipients: readonly PublicKey[], options?: WrapOptions): Promise<Out> {
  DataKey.toCore(key);
  if (!Array.isArray(recipients)) throw invalid("the recipients are not an array");
  const keys = Array.from(recipients, (recipient) => PublicKey.toCore(recipient));
  const { context, allowLegacy = false } = toOptions(options, OPTIONS);
  if (typeof allowLegacy !== "boolean") throw invalid("allowLegacy is not a boolean");
  const entries = toEntries(context);
  const { CoreWrapper } = await core();
  const wrapper = call(() => new CoreWrapper(DataKey.toCore(key), entries, allowLegacy));
  try {
    const pace = new Pace();
    for (const recipient of keys) {
      call(() => wrapper.add(recipient));
      await pace.breathe();
    }
    return call(() => wrapper.finish()) as Out;
  } finally {
    wrapper.free();
  }
}

/** Opens what was wrapped for this key pair.
 *  @throws `invalid-format`: no wrap set. `not-a-recipient`: no stanza for this key pair. `key-mismatch`: the opened key isn't the one named. All else: `unwrap-failed`. */
export async function unwrapKey(wrapped: Bytes, keyPair: KeyPair, options?: { context?: Context }): Promise<DataKey> {
  const bytes = copyBytes(wrapped, "the wrapped key");
  KeyPair.toCore(keyPair);
  const entries = toEntries(toOptions(options, OPTIONS).context);
  const wasm = await core();
  return DataKey.fromCore(call(() => wasm.unwrapKey(bytes, KeyPair.toCore(keyPair), entries)));
}
