// The recorded vectors, through the public API as far as it goes.
import { base64url, equal, FAST, ok, outcome, PASSWORD, text, USER, unhex } from "./tools.mjs";

/** Each entry of `invalid` ends in its error; all that don't are named at once. */
async function refused(pkg, rows, run) {
  ok(rows.length > 0, "there are entries");
  const unlike = [];
  for (const row of rows) {
    const found = await outcome(pkg, () => run(row));
    if (found !== row.error) unlike.push(`${row.name}: ${found} instead of ${row.error}`);
  }
  equal(unlike, [], `of ${rows.length}`);
}

export default {
  "derive.json": async (pkg, tools) => {
    const { vectors } = await tools.json("testdata/derive.json");
    ok(vectors.length >= 8, "entries");
    for (const row of vectors) {
      const key = await pkg.DataKey.importRaw(unhex(row.key));
      equal(key.id, base64url(unhex(row.id)), row.name);
      equal(key.dangerouslyExportRaw(), unhex(row.key), row.name);
    }
  },

  "message.json": async (pkg, tools) => {
    const { vectors, invalid } = await tools.json("testdata/message.json");
    ok(vectors.length >= 60, "entries");
    for (const row of vectors) {
      const key = await pkg.DataKey.importRaw(unhex(row.key));
      const [sealed, { context }] = [unhex(row.sealed), row];
      equal(pkg.keyIdOf(sealed), key.id, row.name);
      const expected = unhex(row.plaintext);
      equal(await key.decrypt(sealed, { context }), expected, row.name);
      equal(key.decryptSync(sealed, { context }), expected, row.name);
      const [result] = await key.decryptMany([{ sealed, context }]);
      equal(result.value, expected, row.name);
    }
    ok(invalid.length >= 110, "entries");
    const open = async (row) =>
      (await pkg.DataKey.importRaw(unhex(row.key))).decrypt(unhex(row.sealed), { context: row.context });
    await refused(
      pkg,
      invalid.filter(({ author }) => author === null),
      open,
    );
    const many = async (row) => {
      const key = await pkg.DataKey.importRaw(unhex(row.key));
      const [result] = await key.decryptMany([{ sealed: unhex(row.sealed), context: row.context }]);
      if (!result.ok) throw result.error;
    };
    await refused(
      pkg,
      invalid.filter(({ author }) => author === null),
      many,
    );
    // Of these only the author is in question, who isn't looked at here.
    for (const row of invalid.filter(({ author }) => author !== null))
      equal(await open(row), unhex(row.plaintext), row.name);
  },

  "public_key.json": async (pkg, tools) => {
    const { vectors, invalid } = await tools.json("testdata/public_key.json");
    ok(vectors.length >= 10 && invalid.length >= 90, "entries");
    await pkg.init();
    for (const row of vectors) {
      const parsed = pkg.PublicKey.parse(row.text);
      equal([parsed.suite, parsed.fingerprint], [row.suite, base64url(unhex(row.fingerprint))], row.name);
      if (!row.text.startsWith("-----")) equal(parsed.toString(), row.text, row.name);
      if (row.suite === "hybrid") continue;
      const pair = await pkg.KeyPair.importRsa(unhex(row.private));
      equal(pair.publicKey.fingerprint, parsed.fingerprint, row.name);
    }
    await refused(pkg, invalid, (row) => pkg.PublicKey.parse(row.text));
  },

  "wrap.json": async (pkg, tools) => {
    const { vectors, invalid } = await tools.json("testdata/wrap.json");
    ok(vectors.length >= 8 && invalid.length >= 70, "entries");
    const pairs = new Map();
    const pairOf = async ({ private: der, text: publicKey }) => {
      if (!pairs.has(der)) pairs.set(der, await pkg.KeyPair.importRsa(unhex(der)));
      equal(String(pairs.get(der).publicKey), publicKey, "the recipient");
      return pairs.get(der);
    };
    const hybrid = await pkg.KeyPair.generate();
    let opened = 0;
    for (const { name, key, context, recipients, wrapped } of vectors) {
      for (const recipient of recipients.filter(({ suite }) => suite !== "hybrid")) {
        const found = await pkg.unwrapKey(unhex(wrapped), await pairOf(recipient), { context });
        equal(found.dangerouslyExportRaw(), unhex(key), name);
        opened += 1;
      }
      equal(await outcome(pkg, () => pkg.unwrapKey(unhex(wrapped), hybrid, { context })), "not-a-recipient", name);
    }
    ok(opened >= 3, `${opened} opened`);
    // A hybrid private key comes in by a backup only. But what is wrong with the form shows with any key pair.
    const form = ["invalid-format", "truncated", "unsupported-version", "limit"];
    const rows = invalid.filter(({ recipient, error }) => recipient.suite !== "hybrid" || form.includes(error));
    ok(rows.length >= 45, `${rows.length} entries`);
    await refused(pkg, rows, async ({ recipient, wrapped, context }) =>
      pkg.unwrapKey(unhex(wrapped), recipient.suite === "hybrid" ? hybrid : await pairOf(recipient), { context }),
    );
  },

  "backup.json": async (pkg, tools) => {
    const { vectors, invalid } = await tools.json("testdata/backup.json");
    let opened = 0;
    for (const { name, app_id, user_id: userId, keys, signing, backup, password } of vectors) {
      if (app_id !== "") {
        equal(await outcome(pkg, () => pkg.openBackup(unhex(backup), password, { userId })), "key-mismatch", name);
        continue;
      }
      if (keys.length !== 1 || signing.length > 0) continue;
      const pair = await pkg.openBackup(unhex(backup), password, { userId });
      equal([pair.suite, pair.publicKey.fingerprint], [keys[0].suite, base64url(unhex(keys[0].fingerprint))], name);
      opened += 1;
    }
    ok(opened >= 5, `${opened} opened`);
    const own = invalid.filter(({ app_id }) => app_id === "");
    ok(own.length >= 90, `${own.length} entries`);
    await refused(pkg, own, (row) => pkg.openBackup(unhex(row.backup), row.password, { userId: row.user_id }));
  },

  "password.json": async (pkg, tools) => {
    const { vectors, invalid } = await tools.json("testdata/password.json");
    ok(vectors.length >= 20 && invalid.length >= 15, "entries");
    const pair = await pkg.KeyPair.generate();
    const options = { userId: USER, kdf: FAST };
    for (const { name, password, prepared } of vectors) {
      const backup = await pkg.sealBackup(pair, password, options);
      const restored = await pkg.openBackup(backup, text(unhex(prepared)), { userId: USER });
      equal(restored.publicKey.fingerprint, pair.publicKey.fingerprint, name);
    }
    await refused(pkg, invalid, ({ password }) => pkg.sealBackup(pair, password, options));
    const backup = await pkg.sealBackup(pair, PASSWORD, options);
    await refused(pkg, invalid, ({ password }) => pkg.openBackup(backup, password, { userId: USER }));
  },
};
