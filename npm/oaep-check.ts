// Does this WebCrypto check the padding of RSA-OAEP as RFC 8017, section 7.1.2, asks? WebKitGTK's takes ciphertexts whose padding is wrong, and drops
// zeros at the beginning of what it opens. Such a one is not used.
import type { Out } from "./types.js";

/** A published key and a ciphertext whose padding string has a changed byte: Wycheproof, rsa_oaep_2048_sha256_mgf1sha256, "first byte of ps modified". */
const KEY =
  "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCitFGgfQql+W5FVnFRNVBRSopbRi6+9xcJT6H+6CIk5jf5dG0/fK/TGHjYAyW271oXAPZZA7RpQp6J1urIhFCXtas5MYnbklEu2KdxGhJT+s0g95wV6CR/PT5C5G5IyY4lSi/pdlMToD7/jxfhoCk5eh+iao3OJvSQ7YEplhXZgUwi2mEEKOCcfZZYWUJm9cAh0PzsoI2UWhK+gt5NHs5rTAMUW100ldTtVBHrh42vBf16/D4JraDxEmQi9ZCXWhlpgW9IaYvLuhtNnK551GDY+fheeXUAXZvCLE5awPfBpF0SVppigH07mgLlpTDncwZvRT0fW0wunPeCAoP3QrnVAgMBAAECggEAJM3GIxf11ypva6bMljKJmwHR/yiGfXL2FoiZW8hVpOQgqEBSUAib2xPPjglUOCe3SLnSf7srTZ4gr4xaaoYnltGkzBitFupni8G9SoO7vpxeV0U7XOc4jkGjukzit3tEOKIp6VT3INrgNT3AiKyKdrJtwnb44beFHd1jmK0W/y54GVEjubA26UXDjJ0SQ09t92/iI1nrPhrJwBFnj8km+tOuR1pP//9V/rLRR+nIlPTA4ppZnnYkYkgtlov0J4CUX8DSwxxXPEQxuPT+i4xnvsgVq9RPeobtyhwjCHNzWNLCrl4uDi2t9zCYAmI3flixO32ZkgYKC8hwzP20qTGe4QKBgQDcQxBQ94LolPtSSCR9mMt9WLjR4k87VdBBxW5N4Iaw1bsCi9pC7rXSNNVoHlgJ1BXmoomtTPv3j5ePbDWBT1Duv/HFuApp94joHmurXdqng2nWWdFD7G8X55gTpXXPrZxWkVa5ARPi6REK2ee0ihyTSKbmUzIRkSkOo2z7OlsY8QKBgQC9GoHnl3+YmBIic64yIrWY6l+xnrTqvDgwil4yGWYDsuUA/7efW4hoFmEd68Ry+sRVRAcL6wV8lBN4poaK87egPT+YgOxH1eCJuU+95UKrqa6NcsVwiNer9bEx85CY97wWD5BTaryUkv1OBvPtcpnUuXuwNncgfZVmnxQM+8IPJQKBgQCpS1KLKPKRWZEh2RlS/9HH8h18FHnZnUeIhfsWGHDuEhi/CEcmEtvlSX6NnGUGiOCceGlhrj4sNU3EiuNFFHWcTCPEWISIlh3Aa0FOYcDh5/u9KSPTFTL+KJ+W2iIHEeWMFAGYCOAEFCdpM7sH5O+5tKmzdlaRcgUgnzPwlRXXwQKBgDrw5yqTOu8J/yUD33i6/tUxwC/xorxDfFQM3L1K01Q1z1EXY1llQ0gGKbEUyn94D/fvoy6gy24ADW2eofLvcf2c+ZSEIqFlVX4351Xt/nDZC5IFAutHi8mKY/eIzjoPhW1u3nJRo4O/qPpICoGpJa97PMU4xLq4yfdZf/toAR2NAoGAJkD7+8/vsWPueoe2SDpm7kH5VtkPqKeTm/wELuCSSxt5k9BEX3WNUZM+hRecAyCwyWi0ipHDi1vpI+EJfAxWL4jUIpS2onWbr6VCinTxJwh05F9vzGDyFgLeXszRQ88xJB9ZIbWtOYP7VO8XvjsoU2flDJmcZyR7VS/kv86UX3s=";
const CIPHERTEXT =
  "UlguECZGMOFYQVX16XC47akQioc3CGHNoS7nc0Ec9VbbMoyKKhZdEPb5aaxhsXCnWXX735MZ0TyVNfMNYh2xnkHaOgT+QIdMr3ecjwO9XRiS5SklsYPBGERu2aM16cHcRRn7ElMhXl+NjubUnAFnr51cpbGs4GevVz4L6aYb7szaw3sOVPaw9wV2y4pADQETY1eoV26BwRnT3ZHHtcs0NpKoEDYuHm3AbBdG4HGpA6KFa0RG8Q94xnDWF+XiTcXA5Fyq+/j/xK9rPvmY/hv7WarLFtmNfjiWeZOYYaZyLE4pr3MdqZ0XBY16EurQ09V23nlq0q1Zb+raTAkfEHSFNg==";

let answer: Promise<boolean> | undefined;

/** Found out once. */
export function isStrict(subtle: SubtleCrypto): Promise<boolean> {
  answer ??= refuses(subtle);
  return answer;
}

async function refuses(subtle: SubtleCrypto): Promise<boolean> {
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256" };
  let key: CryptoKey;
  try {
    key = await subtle.importKey("pkcs8", bytes(KEY), algorithm, false, ["decrypt"]);
  } catch {
    return false;
  }
  return subtle.decrypt(algorithm, key, bytes(CIPHERTEXT)).then(
    () => false,
    () => true,
  );
}

function bytes(base64: string): Out {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
