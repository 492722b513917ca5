// RSA where the private key is: by WebCrypto under a non-extractable CryptoKey, or by the module, blinded.

import type { Core } from "./chunks.js";
import type { CoreKeyPair } from "./core/wardkey_core.js";
import { call, Handle } from "./core.js";
import { webCrypto } from "./engine.js";
import { WardkeyError } from "./errors.js";
import { isStrict } from "./oaep-check.js";
import type { Out } from "./types.js";
import { run } from "./workers.js";

const OAEP = { name: "RSA-OAEP", hash: "SHA-256" };
const PUBLIC_EXPONENT = /* @__PURE__ */ Uint8Array.of(1, 0, 1);

export type RsaSuite = "rsa-3072" | "rsa-4096";

/** PKCS#8 of a new key pair, whichever engine makes it; the caller's to wipe. */
export async function newRsa(wasm: Core, suite: RsaSuite): Promise<Uint8Array> {
  call(() => wasm.checkRandom());
  const subtle = webCrypto();
  const made = subtle && (await generateNative(subtle, suite));
  return made ?? run("rsaGenerate", () => [suite]);
}

/** A new key pair. */
export async function generateRsa(wasm: Core, suite: RsaSuite): Promise<CoreKeyPair> {
  const pkcs8 = await newRsa(wasm, suite);
  try {
    return call(() => wasm.CoreKeyPair.fromPkcs8(pkcs8));
  } finally {
    pkcs8.fill(0);
  }
}

/** PKCS#8; nothing where WebCrypto won't. */
async function generateNative(subtle: SubtleCrypto, suite: RsaSuite): Promise<Uint8Array | undefined> {
  const algorithm = { ...OAEP, modulusLength: suite === "rsa-3072" ? 3072 : 4096, publicExponent: PUBLIC_EXPONENT };
  try {
    const { privateKey } = await subtle.generateKey(algorithm, true, ["encrypt", "decrypt"]);
    return new Uint8Array(await subtle.exportKey("pkcs8", privateKey));
  } catch {
    return undefined;
  }
}

/** A key pair from elsewhere, once its primes were tested; otherwise it is wiped. WebCrypto tests none. */
export async function withPrimes(key: CoreKeyPair): Promise<CoreKeyPair> {
  const held = new Handle(key);
  try {
    await run("rsaCheck", () => [call(() => key.pkcs8())]);
    return key;
  } catch (e) {
    held.free();
    throw e;
  }
}

/** The private key as WebCrypto uses it; nothing where it won't. */
export async function importNative(subtle: SubtleCrypto, key: CoreKeyPair): Promise<CryptoKey | undefined> {
  return importPkcs8(subtle, call(() => key.pkcs8()) as Out);
}

/** The same of PKCS#8, which is wiped. */
export async function importPkcs8(subtle: SubtleCrypto, pkcs8: Out): Promise<CryptoKey | undefined> {
  try {
    return await subtle.importKey("pkcs8", pkcs8, OAEP, false, ["decrypt"]);
  } catch {
    return undefined;
  } finally {
    pkcs8.fill(0);
  }
}

/** WebCrypto, if it is one that may open what is wrapped. */
export async function strictCrypto(): Promise<SubtleCrypto | undefined> {
  const subtle = webCrypto();
  return subtle && (await isStrict(subtle)) ? subtle : undefined;
}

/** What a private key is used through. */
export interface Holder {
  core(): CoreKeyPair;
  native(subtle: SubtleCrypto): Promise<CryptoKey | undefined>;
}

/** Opens an OAEP ciphertext; the caller wipes what comes out. Whatever fails inside is the same `unwrap-failed`, by whichever engine, and is tried by no other. */
export async function unwrapRsa(holder: Holder, label: Uint8Array, body: Uint8Array): Promise<Uint8Array> {
  const subtle = webCrypto();
  const native = subtle && (await holder.native(subtle));
  if (!subtle || !native) return run("rsaUnwrap", () => [holder.core().pkcs8(), label.slice(), body.slice()]);
  return openNative(subtle, native, label, body);
}

/** Opens an OAEP ciphertext with a private key of WebCrypto. */
export async function openNative(
  subtle: SubtleCrypto,
  native: CryptoKey,
  label: Uint8Array,
  body: Uint8Array,
): Promise<Uint8Array> {
  try {
    const algorithm = { name: OAEP.name, label: label as BufferSource };
    return new Uint8Array(await subtle.decrypt(algorithm, native, body as BufferSource));
  } catch {
    throw new WardkeyError("unwrap-failed", "the wrapped key does not open");
  }
}
