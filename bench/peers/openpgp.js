// encrypt() and decrypt() of binary messages with a session key, which is its symmetric key; as it comes (AES-256-CFB with a modification detection code),
// and with the AES-GCM of RFC 9580, which an application turns on.
import { createMessage, decrypt, encrypt, readMessage } from "openpgp";

async function make(sessionKey, config) {
  const format = "binary";
  return {
    encrypt: async (data) => encrypt({ message: await createMessage({ binary: data }), sessionKey, format, config }),
    decrypt: async (sealed) => {
      const message = await readMessage({ binaryMessage: sealed });
      return (await decrypt({ message, sessionKeys: [sessionKey], format, config })).data;
    },
  };
}

const key = () => ({ data: crypto.getRandomValues(new Uint8Array(32)), algorithm: "aes256" });

export const makeDefault = () => make(key(), {});
export const makeAead = () => make({ ...key(), aeadAlgorithm: "gcm" }, { aeadProtect: true });
