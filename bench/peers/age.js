// Its files under a symmetric key, by its interfaces for recipients and identities of one's own: a passphrase would cost a second of scrypt, an X25519
// recipient a key agreement for each file. ChaCha20-Poly1305 in JavaScript.
import { Decrypter, Encrypter, Stanza } from "age-encryption";

const TYPE = "wardkey.example/bench";
const name = "AES-GCM";

export async function make() {
  const key = await crypto.subtle.generateKey({ name, length: 256 }, false, ["encrypt", "decrypt"]);
  const encrypter = new Encrypter();
  encrypter.addRecipient({
    async wrapFileKey(fileKey) {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const wrapped = new Uint8Array(await crypto.subtle.encrypt({ name, iv }, key, fileKey));
      const body = new Uint8Array(iv.length + wrapped.length);
      body.set(iv);
      body.set(wrapped, iv.length);
      return [new Stanza([TYPE], body)];
    },
  });
  const decrypter = new Decrypter();
  decrypter.addIdentity({
    async unwrapFileKey(stanzas) {
      const body = stanzas.find(({ args }) => args[0] === TYPE)?.body;
      if (!body) return null;
      const fileKey = await crypto.subtle.decrypt({ name, iv: body.subarray(0, 12) }, key, body.subarray(12));
      return new Uint8Array(fileKey);
    },
  });
  return { encrypt: (data) => encrypter.encrypt(data), decrypt: (sealed) => decrypter.decrypt(sealed) };
}
