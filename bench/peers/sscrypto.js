// README, "For use with the WebCrypto back-end": AES-256-CBC and HMAC-SHA-256. Buffers in and out.
import { Buffer } from "buffer";
import SymKey from "sscrypto/webcrypto/aes.js";

export async function make() {
  const key = await (SymKey.default ?? SymKey).generate(256);
  const buffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    encrypt: (data) => key.encryptAsync(buffer(data)),
    decrypt: (sealed) => key.decryptAsync(sealed),
  };
}
