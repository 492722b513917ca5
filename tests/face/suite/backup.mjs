import { allFail, equal, FAST, fails, ok, owns, PASSWORD, pattern, soonest, text, USER } from "./tools.mjs";

const FAST_OPTIONS = { userId: USER, kdf: FAST };

/** A byte string in the backup: the one that begins with this. */
function find(bytes, part) {
  for (let at = 0; at + part.length <= bytes.length; at += 1)
    if (part.every((byte, index) => bytes[at + index] === byte)) return at;
  throw new Error("not there");
}

export default {
  "seal and open, with each kdf": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const key = await pkg.DataKey.generate();
    const wrapped = await pkg.wrapKey(key, [pair.publicKey]);
    const kdfs = [undefined, FAST, { name: "argon2id" }, { name: "argon2id", memoryKiB: undefined, passes: 2 }];
    kdfs.push({ name: "pbkdf2-sha256" }, { name: "pbkdf2-sha256", iterations: 600_001 });
    for (const kdf of kdfs) {
      const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf });
      owns(backup, "backup");
      const restored = await pkg.openBackup(backup, PASSWORD, { userId: USER });
      equal(
        [restored.suite, restored.publicKey.fingerprint],
        ["hybrid", pair.publicKey.fingerprint],
        JSON.stringify(kdf),
      );
      equal((await pkg.unwrapKey(wrapped, restored)).id, key.id, "it unwraps");
    }
  },

  "an RSA key pair": async (pkg, tools) => {
    for (const bits of ["2048", "4096"]) {
      const pair = await pkg.KeyPair.importRsa(await tools.text(`testdata/rsa/${bits}.pem`));
      const backup = await pkg.sealBackup(pair, PASSWORD, FAST_OPTIONS);
      const restored = await pkg.openBackup(backup, PASSWORD, { userId: USER });
      equal([restored.suite, restored.publicKey.fingerprint], [`rsa-${bits}`, pair.publicKey.fingerprint], bits);
    }
  },

  "two backups of one pair differ": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const [one, two] = [
      await pkg.sealBackup(pair, PASSWORD, FAST_OPTIONS),
      await pkg.sealBackup(pair, PASSWORD, FAST_OPTIONS),
    ];
    ok(
      one.length === two.length && text(one.map((byte) => byte & 0x7f)) !== text(two.map((byte) => byte & 0x7f)),
      "they differ",
    );
  },

  "B1: a kdf out of bounds is kdf-policy, and quickly": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const argon2id = (memoryKiB, passes) => ({ name: "argon2id", memoryKiB, passes });
    const pbkdf2 = (iterations) => ({ name: "pbkdf2-sha256", iterations });
    const kdfs = [
      ...[0, 1, 19_455, 262_145, 4_194_304, 2 ** 32, 2 ** 32 + 65_536, 2 ** 40, 2 ** 53].map((memory) =>
        argon2id(memory, 3),
      ),
      ...[0, 1, 11, 2 ** 32, 2 ** 32 + 3, 2 ** 53].map((passes) => argon2id(65_536, passes)),
      ...[0, 1, 599_999, 5_000_001, 2 ** 32, 2 ** 32 + 600_000, 2 ** 53].map(pbkdf2),
      argon2id(-0, 3),
    ];
    const refused = () =>
      allFail(
        pkg,
        kdfs.map((kdf) => [
          JSON.stringify(kdf),
          () => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf }),
          "kdf-policy",
        ]),
      );
    ok((await soonest(refused)) < 2000, "nothing was derived");
  },

  "kdf nonsense is invalid-argument": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const numbers = [
      Number.NaN,
      -1,
      1.5,
      65_536.5,
      Number.POSITIVE_INFINITY,
      2 ** 54,
      "65536",
      "",
      null,
      true,
      {},
      [65_536],
      65_536n,
      new Number(65_536),
      () => 65_536,
      Symbol("x"),
    ];
    const kdfs = [
      null,
      0,
      1,
      "",
      "argon2id",
      true,
      [],
      ["argon2id"],
      {},
      () => ({ name: "argon2id" }),
      1n,
      Symbol("x"),
      new Date(),
      new Map([["name", "argon2id"]]),
      { name: undefined },
      { name: null },
      { name: 1 },
      { name: "" },
      { name: "Argon2id" },
      { name: "argon2i" },
      { name: "scrypt" },
      { name: "pbkdf2" },
      { name: new String("argon2id") },
      { name: "argon2id", iterations: 600_000 },
      { name: "pbkdf2-sha256", passes: 3 },
      { name: "pbkdf2-sha256", memoryKiB: 65_536 },
      { name: "argon2id", memory: 65_536 },
      { name: "argon2id", parallelism: 1 },
      { name: "argon2id", salt: "x" },
      { name: "pbkdf2-sha256", iteration: 600_000 },
      ...numbers.flatMap((number) => [
        { name: "argon2id", memoryKiB: number },
        { name: "argon2id", passes: number },
        { name: "pbkdf2-sha256", iterations: number },
      ]),
    ];
    await allFail(
      pkg,
      kdfs.map((kdf, at) => [`kdf ${at}`, () => pkg.sealBackup(pair, PASSWORD, { userId: USER, kdf })]),
    );
  },

  "B4: passwords": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const seal = (password) => pkg.sealBackup(pair, password, FAST_OPTIONS);
    const open = async (backup, password) =>
      (await pkg.openBackup(backup, password, { userId: USER })).publicKey.fingerprint;
    const { fingerprint } = pair.publicKey;
    equal(
      await open(await seal("Zu\u0308rich\u00a0\u2003x"), "Z\u00fcrich  x"),
      fingerprint,
      "NFC = NFD, spaces are spaces",
    );
    const long = `${"x".repeat(72)}a`;
    const backup = await seal(`${long} `);
    equal(await open(backup, `${long} `), fingerprint, "itself");
    for (const other of [long, `${"x".repeat(72)}b `, `${long}  `, ` ${long} `, `${long} `.toUpperCase()]) {
      await fails(pkg, "wrong-password", () => open(backup, other), other);
    }
    equal(await open(await seal("é".repeat(512)), "é".repeat(512)), fingerprint, "1,024 bytes");
  },

  "passwords that are none": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const backup = await pkg.sealBackup(pair, PASSWORD, FAST_OPTIONS);
    const formats = [
      "",
      "\ud800",
      "a\udc00b",
      "a\u0000",
      "a\n",
      "\u007f",
      "\u0085",
      "x".repeat(1025),
      "é".repeat(513),
      "x".repeat(1_000_000),
    ];
    const types = [
      undefined,
      null,
      0,
      123456,
      true,
      {},
      [],
      ["x"],
      new String("x"),
      pattern(8),
      () => "x",
      Symbol("x"),
      1n,
    ];
    const cases = (list, code) =>
      list.flatMap((password, at) => [
        [`seal ${code} ${at}`, () => pkg.sealBackup(pair, password, FAST_OPTIONS), code],
        [`open ${code} ${at}`, () => pkg.openBackup(backup, password, { userId: USER }), code],
      ]);
    await allFail(pkg, [...cases(formats, "password-format"), ...cases(types, "invalid-argument")]);
  },

  "user ids that are none": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const backup = await pkg.sealBackup(pair, PASSWORD, FAST_OPTIONS);
    const ids = [
      "",
      "x".repeat(129),
      "é".repeat(65),
      "a\u0000",
      "a\nb",
      "\u0085",
      "a→b",
      "A".repeat(43),
      `${"a".repeat(42)}-`,
      "e\u0301",
      "\ud800",
    ];
    const types = [undefined, null, 0, {}, [], ["x"], new String("x"), Symbol("x")];
    const cases = [...ids, ...types].flatMap((userId, at) => [
      [`seal ${at}`, () => pkg.sealBackup(pair, PASSWORD, { userId, kdf: FAST })],
      [`open ${at}`, () => pkg.openBackup(backup, PASSWORD, { userId })],
    ]);
    const options = [undefined, null, 0, "x", true, () => ({}), Symbol("x"), {}].flatMap((options, at) => [
      [`seal, options ${at}`, () => pkg.sealBackup(pair, PASSWORD, options)],
      [`open, options ${at}`, () => pkg.openBackup(backup, PASSWORD, options)],
    ]);
    await allFail(pkg, [...cases, ...options]);
    for (const userId of ["x".repeat(128), "é", "a b", "A".repeat(42), "A".repeat(44), `${"A".repeat(42)}+`]) {
      const own = await pkg.sealBackup(pair, PASSWORD, { userId, kdf: FAST });
      equal((await pkg.openBackup(own, PASSWORD, { userId })).suite, "hybrid", userId);
    }
  },

  "what is changed doesn't open": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const backup = await pkg.sealBackup(pair, PASSWORD, FAST_OPTIONS);
    const open = (bytes, password = PASSWORD, userId = USER) => pkg.openBackup(bytes, password, { userId });
    const changed = (at, value = backup[at] ^ 1) => backup.map((byte, index) => (index === at ? value : byte));
    const kdf = find(backup, [0x84, 0x01, 0x19, 0x4c, 0x00, 0x02]);
    const root = find(backup, [0x05, 0x58, 0x68]) + 3;
    await allFail(pkg, [
      ["empty", () => open(new Uint8Array()), "invalid-format"],
      ["random", () => open(pattern(500)), "invalid-format"],
      ["magic", () => open(changed(3)), "invalid-format"],
      ["magic alone", () => open(backup.subarray(0, 4)), "truncated"],
      ["version", () => open(changed(4)), "unsupported-version"],
      ["cut", () => open(backup.subarray(0, -1)), "invalid-format"],
      ["a byte more", () => open(Uint8Array.of(...backup, 0)), "invalid-format"],
      ["too long", () => open(new Uint8Array(1024 * 1024 + 1)), "limit"],
      ["another user", () => open(backup, PASSWORD, "bert@example.org"), "key-mismatch"],
      ["another password", () => open(backup, `${PASSWORD}.`), "wrong-password"],
      ["algorithm", () => open(changed(kdf + 1, 3)), "kdf-policy"],
      ["memory", () => open(changed(kdf + 3, 0x4b)), "kdf-policy"],
      ["passes: 1", () => open(changed(kdf + 5, 1)), "kdf-policy"],
      ["passes: 3", () => open(changed(kdf + 5, 3)), "wrong-password"],
      ["salt", () => open(changed(kdf + 20)), "wrong-password"],
      ["root", () => open(changed(root + 60)), "wrong-password"],
      ["keys", () => open(changed(root + 104 + 100)), "decryption-failed"],
      ["state", () => open(changed(backup.length - 1)), "decryption-failed"],
      [
        "a wrap set",
        async () => open(await pkg.wrapKey(await pkg.DataKey.generate(), [pair.publicKey])),
        "invalid-format",
      ],
    ]);
    equal((await open(backup)).publicKey.fingerprint, pair.publicKey.fingerprint, "afterwards");
  },

  "another user is told before anything is derived": async (pkg) => {
    const pair = await pkg.KeyPair.generate();
    const backup = await pkg.sealBackup(pair, PASSWORD, { userId: USER });
    const refused = async () => {
      for (let count = 0; count < 20; count += 1) {
        await fails(pkg, "key-mismatch", () => pkg.openBackup(backup, PASSWORD, { userId: "bert@example.org" }));
      }
    };
    ok((await soonest(refused)) < 1000, "quickly");
  },
};
