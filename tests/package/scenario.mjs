// What every sample does with the package, in whatever was made of it.
const equal = (found, expected) => {
  if (String(found) !== String(expected)) throw new Error(`found ${found}, expected ${expected}`);
};

/** Everything that an application begins with; gives what was used, for the test to look at. */
export async function scenario(wardkey, testing) {
  const { DataKey, KeyPair, openBackup, sealBackup, unwrapKey, wrapKey } = wardkey;
  const context = { record: "4567" };
  const text = "fracture of the left wrist";
  const pair = await KeyPair.generate();
  const key = await DataKey.generate();
  const sealed = await key.encrypt(text, { context });
  const large = await key.encrypt(new Uint8Array(1_000_000).fill(7));
  const wrapped = await wrapKey(key, [pair.publicKey], { context });
  const backup = await sealBackup(pair, "three blue herons at dawn", { userId: "ada" });

  const again = await openBackup(backup, "three blue herons at dawn", { userId: "ada" });
  equal(again.publicKey.fingerprint, pair.publicKey.fingerprint);
  const opened = await unwrapKey(wrapped, again, { context });
  equal(new TextDecoder().decode(await opened.decrypt(sealed, { context })), text);
  const bytes = await opened.decrypt(large);
  equal(bytes.length, 1_000_000);
  equal(
    bytes.every((byte) => byte === 7),
    true,
  );
  const wrong = await openBackup(backup, "not this one", { userId: "ada" }).catch((error) => error.code);
  equal(wrong, "wrong-password");

  const kdf = { name: "pbkdf2-sha256", iterations: 600_000 };
  const login = { appId: "sample.example", userId: "ada", kdf };
  const { keyServer } = await testing.memoryBackend().request("POST", "/v1/login", login, { public: true });
  equal(keyServer.length, 1);
  return { version: wardkey.version };
}

/** In a page: the test reads it there. */
export function report(result) {
  result.then(
    (done) => {
      globalThis.outcome = { done };
    },
    (error) => {
      globalThis.outcome = { error: `${error}\n${error?.stack}` };
    },
  );
}
