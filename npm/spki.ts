// The SubjectPublicKeyInfo (RFC 5280) of an RSA key, for who knows nothing of Wardkey's own form.
import { fromBase64url, toBase64 } from "./base64.js";
import { WardkeyError } from "./errors.js";
import { PublicKey } from "./key-pair.js";

/** Magic and version, array of two, suite, and the head of a byte string of 256 bytes or more: docs/SPEC.md, section 5. */
const BEFORE = 4 + 1 + 1 + 1 + 3;

/** @throws `invalid-argument` for what is no PublicKey; `key-policy` for one that isn't RSA's */
export function spkiOf(key: PublicKey): Uint8Array {
  PublicKey.toCore(key);
  if (key.suite === "hybrid") throw new WardkeyError("key-policy", "not an RSA key");
  return (fromBase64url(key.toString()) as Uint8Array).subarray(BEFORE);
}

/** The text of an RSA public key that any other program reads: SubjectPublicKeyInfo in PEM (RFC 7468), which PublicKey.parse() takes too.
 *  @throws `invalid-argument` for what is no PublicKey; `key-policy` for a hybrid key, which no other program knows */
export function toPem(key: PublicKey): string {
  const lines = toBase64(spkiOf(key)).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join("\n");
}
