// The AES of its crypto: AES-256-CBC by WebCrypto, without authentication, a CryptoKey kept by the application.
import { AES } from "@icure/api/icc-x-api/crypto/AES.js";

export async function make() {
  const key = await AES.generateCryptoKey(false);
  return {
    encrypt: (data) => AES.encrypt(key, data),
    decrypt: async (sealed) => new Uint8Array(await AES.decrypt(key, sealed)),
  };
}
