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

  // The client's part of the module comes when the first one is opened.
  const backend = testing.memoryBackend();
  const kdf = { name: "argon2id", memoryKiB: 19_456, passes: 2 };
  const register = async (userId) => {
    const client = await wardkey.Wardkey.open({ appId: "sample.example", backend, userId, kdf });
    await client.register({ userId, password: `${userId} and three blue herons` });
    return client;
  };
  const [anna, ben] = await Promise.all(["anna", "ben"].map(register));
  const session = await anna.createSession({ recipients: [{ user: "ben" }] });
  const read = await ben.decrypt(await session.encrypt(text));
  equal(`${read.text()} from ${read.author?.userId}`, `${text} from anna`);
  // And what entities need by the first call that has to do with one.
  const patient = await anna.entities.encrypt("Patient", { id: "1", name: "Ada" }, ["name"], { shareWith: ["ben"] });
  equal((await ben.entities.decrypt(patient)).name, "Ada");
  await Promise.all([anna.close(), ben.close()]);
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
