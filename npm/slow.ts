// The slow step of a backup: by WebCrypto, in a worker, or here.
import { webCrypto } from "./engine.js";
import { run } from "./workers.js";

/** A backup before the slow step. */
interface Step {
  derivation(): Uint8Array;
  salt(): Uint8Array;
  iterations(): number | undefined;
  password(): Uint8Array;
}

/** 32 bytes, the caller's to wipe. */
export async function derive(step: Step): Promise<Uint8Array> {
  const iterations = step.iterations();
  // WebCrypto has no Argon2id.
  const subtle = iterations === undefined ? undefined : webCrypto();
  const derived = subtle && (await pbkdf2(subtle, step, iterations as number));
  return derived ?? run("derive", () => [step.derivation(), step.password()]);
}

/** Nothing where WebCrypto won't. */
async function pbkdf2(subtle: SubtleCrypto, step: Step, iterations: number): Promise<Uint8Array | undefined> {
  const password = step.password() as Uint8Array<ArrayBuffer>;
  const salt = step.salt() as Uint8Array<ArrayBuffer>;
  try {
    const key = await subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    return new Uint8Array(await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, 256));
  } catch {
    return undefined;
  } finally {
    password.fill(0);
  }
}
