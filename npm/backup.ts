import { copyAtMost, copyKdf, MAX_NAME, passwordText, shortText, toOptions } from "./arguments.js";
import { call, core, release } from "./core.js";
import { KeyPair } from "./key-pair.js";
import { derive } from "./slow.js";
import type { Bytes, Kdf, Out } from "./types.js";

/** docs/SPEC.md, section 7 */
const MAX_BACKUP = 1 << 20;
const OPTIONS = ["userId", "kdf"];

/** Seals a key pair under a password: docs/SPEC.md, section 7. The parameters travel inside, authenticated, and are refused outside compiled-in bounds
 *  (`kdf-policy`), before deriving. Random 32-byte salt inside; the user id stands in clear and is compared before deriving (`key-mismatch`).
 *  Passwords are prepared as in RFC 8265 (OpaqueString): NFC, nothing trimmed or cut, 1 to 1,024 bytes.
 *  The derivation runs in WebCrypto (PBKDF2) or in a worker, and on the calling thread only where there is none.
 *  @throws `invalid-argument`, `password-format`, `kdf-policy`, `rng`, `limit` */
export async function sealBackup(
  keyPair: KeyPair,
  password: string,
  options: { userId: string; kdf?: Kdf },
): Promise<Out> {
  KeyPair.toCore(keyPair);
  const text = passwordText(password);
  const { userId, kdf } = toOptions(options, OPTIONS);
  const user = shortText(userId, "userId", MAX_NAME, "invalid-argument");
  const parameters = kdf === undefined ? undefined : copyKdf(kdf);
  const wasm = await core();
  const sealing = call(() => new wasm.CoreSealing(KeyPair.toCore(keyPair), text, user, parameters));
  return afterSlowStep(sealing, (derived) => sealing.finish(derived) as Out);
}

/** Opens what sealBackup() made. Derives where sealBackup() does.
 *  @throws `wrong-password`; before deriving: `invalid-format`, `kdf-policy`, `key-mismatch` (another user's), `password-format`; `decryption-failed` if it was changed */
export async function openBackup(backup: Bytes, password: string, options: { userId: string }): Promise<KeyPair> {
  const bytes = copyAtMost(MAX_BACKUP, backup, "the backup");
  const text = passwordText(password);
  const user = shortText(toOptions(options, OPTIONS).userId, "userId", MAX_NAME, "invalid-argument");
  const wasm = await core();
  const opening = call(() => new wasm.CoreOpening(bytes, text, user));
  return KeyPair.fromCore(await afterSlowStep(opening, (derived) => opening.finish(derived)));
}

async function afterSlowStep<T>(
  step: Parameters<typeof derive>[0] & { free(): void },
  finish: (derived: Uint8Array) => T,
): Promise<T> {
  try {
    const derived = await derive(step);
    try {
      return call(() => finish(derived));
    } finally {
      derived.fill(0);
    }
  } finally {
    release(step);
  }
}
