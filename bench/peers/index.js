// Other libraries that encrypt bytes in a page under a symmetric key, each used as its documentation says: encrypt() and decrypt() of one key.
import { make as age } from "./age.js";
import { make as icure } from "./icure.js";
import { makeAead, makeDefault } from "./openpgp.js";
import { make as sscrypto } from "./sscrypto.js";
import { make as tanker } from "./tanker.js";

export const peers = {
  sscrypto: { package: "sscrypto", make: sscrypto },
  "@icure/api": { package: "@icure/api", make: icure },
  "@tanker/crypto": { package: "@tanker/crypto", make: tanker },
  "OpenPGP.js": { package: "openpgp", make: makeDefault },
  "OpenPGP.js, AES-GCM": { package: "openpgp", make: makeAead },
  "age-encryption": { package: "age-encryption", make: age },
};
