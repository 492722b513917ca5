// Its format 5, the one of a whole message under a key that is used again: XChaCha20-Poly1305 of libsodium in WebAssembly, synchronous.
import { EncryptionV5, random, ready, tcrypto } from "@tanker/crypto";

export async function make() {
  await ready;
  const key = random(tcrypto.SYMMETRIC_KEY_SIZE);
  const id = random(tcrypto.RESOURCE_ID_SIZE);
  return {
    encrypt: (data) => EncryptionV5.serialize(EncryptionV5.encrypt(key, data, id)),
    decrypt: (sealed) => EncryptionV5.decrypt(() => key, EncryptionV5.unserialize(sealed)),
  };
}
