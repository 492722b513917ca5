import {
  allFail,
  base64url,
  equal,
  fails,
  hex,
  jwkOf,
  ok,
  outcome,
  owns,
  pattern,
  soonest,
  text,
  unhex,
  utf8,
} from "./tools.mjs";

const RSA = ["2048", "3072", "4096"];
const derOf = (pem) => Uint8Array.from(atob(pem.replaceAll(/-----[^-]+-----|\s/g, "")), (char) => char.charCodeAt(0));
const pemOf = (label, der) =>
  `-----BEGIN ${label}-----\n${btoa(String.fromCharCode(...der)).replaceAll(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;

/** A key pair made by WebCrypto, as it exports it. */
async function made(modulusLength, publicExponent = [1, 0, 1]) {
  const algorithm = {
    name: "RSA-OAEP",
    hash: "SHA-256",
    modulusLength,
    publicExponent: Uint8Array.from(publicExponent),
  };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["encrypt", "decrypt"]);
  return {
    pkcs8: new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    spki: new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
    jwk: await crypto.subtle.exportKey("jwk", pair.privateKey),
  };
}

const number = (text) =>
  BigInt(`0x${hex(Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)))}`);

function bytesOf(value) {
  const digits = value.toString(16);
  return unhex(digits.padStart(digits.length + (digits.length % 2), "0"));
}

/** a⁻¹ mod m, by Euclid. */
function inverse(a, m) {
  let [r, next, x, y] = [m, a % m, 0n, 1n];
  while (next > 0n) [r, next, x, y] = [next, r % next, y, x - (r / next) * y];
  return ((x % m) + m) % m;
}

/** The private key of these factors, with all that belongs to it, prime or not. */
function ofFactors(p, q) {
  const e = 65_537n;
  const d = inverse(e, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const tlv = (tag, ...parts) => {
    const content = parts.flatMap((part) => [...part]);
    return [tag, 0x82, content.length >> 8, content.length & 0xff, ...content];
  };
  const integer = (value) => {
    const bytes = bytesOf(value);
    const content = bytes[0] >= 0x80 ? [0, ...bytes] : [...bytes];
    if (content.length < 0x80) return [2, content.length, ...content];
    return content.length < 0x100 ? [2, 0x81, content.length, ...content] : tlv(2, content);
  };
  const key = tlv(0x30, [2, 1, 0], ...Object.values(numbers).map(integer));
  const algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
  const jwk = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, base64url(bytesOf(value))]));
  return { jwk: { kty: "RSA", ...jwk }, der: Uint8Array.from(tlv(0x30, [2, 1, 0], algorithm, tlv(4, key))) };
}

const rsa = async (pkg, tools, bits) => pkg.KeyPair.importRsa(await tools.text(`testdata/rsa/${bits}.pem`));

export default {
  "recipients that can't be are refused before the work": async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    const hybrid = [];
    for (let n = 0; n < 200; n += 1) hybrid.push((await pkg.KeyPair.generate()).publicKey);
    const { publicKey: old } = await pkg.KeyPair.importRsa(await tools.text("testdata/rsa/2048.pem"));
    const time = (recipients, code) =>
      soonest(async () => equal(await outcome(pkg, () => pkg.wrapKey(key, recipients)), code, code));
    const all = await time(hybrid, "ok");
    ok((await time([...hybrid, old], "key-policy")) < all / 2, "an old key at the end");
  },

  "what is longer than it can be isn't copied": async (pkg) => {
    const long = new Uint8Array(17 << 20);
    const pair = await pkg.KeyPair.generate();
    await fails(pkg, "limit", () => pkg.unwrapKey(long, pair), "a wrap set");
    await fails(pkg, "limit", () => pkg.openBackup(long, "password", { userId: "ada" }), "a backup");
    await fails(pkg, "invalid-argument", () => pkg.DataKey.importRaw(long), "a raw key");
  },

  "hybrid is the default, and what its text says": async (pkg) => {
    for (const options of [undefined, {}, { suite: undefined }, { suite: "hybrid" }]) {
      const pair = await pkg.KeyPair.generate(options);
      equal([pair.suite, pair.publicKey.suite], ["hybrid", "hybrid"], "suite");
      const string = pair.publicKey.toString();
      ok(/^[\w-]+$/.test(string), "one line, URL-safe");
      const parsed = pkg.PublicKey.parse(string);
      equal(
        [parsed.toString(), parsed.fingerprint, parsed.suite],
        [string, pair.publicKey.fingerprint, "hybrid"],
        "parsed",
      );
      const bytes = Uint8Array.from(atob(string.replaceAll("-", "+").replaceAll("_", "/")), (char) =>
        char.charCodeAt(0),
      );
      equal(
        base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))),
        parsed.fingerprint,
        "SHA-256 of the whole key",
      );
    }
  },

  "what no suite is": async (pkg) => {
    const suites = [
      "",
      "HYBRID",
      "rsa",
      "rsa-1024",
      "hybrid ",
      "\ud800",
      null,
      0,
      1,
      true,
      {},
      ["hybrid"],
      new String("hybrid"),
    ];
    await allFail(pkg, [
      ...suites.map((suite) => [`suite ${String(suite)}`, () => pkg.KeyPair.generate({ suite })]),
      ["rsa-2048", () => pkg.KeyPair.generate({ suite: "rsa-2048" }), "key-policy"],
    ]);
  },

  "a generated RSA key pair": async (pkg) => {
    const pair = await pkg.KeyPair.generate({ suite: "rsa-3072" });
    equal(pair.suite, "rsa-3072", "suite");
    const key = await pkg.DataKey.generate();
    equal((await pkg.unwrapKey(await pkg.wrapKey(key, [pair.publicKey]), pair)).id, key.id, "id");
  },

  "importRsa(): PEM, DER, JWK give the same": async (pkg, tools) => {
    for (const bits of RSA) {
      const pem = await tools.text(`testdata/rsa/${bits}.pem`);
      const der = derOf(pem);
      const jwk = jwkOf(der);
      const around = new Uint8Array(der.length + 9);
      around.set(der, 5);
      const bare = Object.assign(Object.create(null), jwk);
      const sources = [pem, `\n ${pem} \n`, pem.replaceAll("\n", "\r\n"), der, der.slice().buffer];
      sources.push(new DataView(around.buffer, 5, der.length), around.subarray(5, 5 + der.length), jwk, bare);
      const fingerprints = new Set();
      for (const source of sources) {
        const pair = await pkg.KeyPair.importRsa(source);
        equal(pair.suite, `rsa-${bits}`, "suite");
        fingerprints.add(pair.publicKey.fingerprint);
        equal(pkg.PublicKey.parse(String(pair.publicKey)).fingerprint, pair.publicKey.fingerprint, "its text");
      }
      equal(fingerprints.size, 1, bits);
    }
  },

  "keys that WebCrypto made; SPKI PEM": async (pkg) => {
    const { pkcs8, spki, jwk } = await made(3072);
    const pair = await pkg.KeyPair.importRsa(pkcs8);
    equal((await pkg.KeyPair.importRsa(jwk)).publicKey.fingerprint, pair.publicKey.fingerprint, "JWK");
    equal(pkg.PublicKey.parse(pemOf("PUBLIC KEY", spki)).fingerprint, pair.publicKey.fingerprint, "SPKI");
    const key = await pkg.DataKey.generate();
    equal(
      (await pkg.unwrapKey(await pkg.wrapKey(key, [pkg.PublicKey.parse(pemOf("PUBLIC KEY", spki))]), pair)).id,
      key.id,
      "id",
    );
  },

  "importRsa(): what is malformed": async (pkg, tools) => {
    const pem = await tools.text("testdata/rsa/3072.pem");
    const der = derOf(pem);
    const jwk = jwkOf(der);
    const without = (name) => Object.fromEntries(Object.entries(jwk).filter(([key]) => key !== name));
    const { jwk: other } = await made(3072);
    const formats = [
      ["empty text", ""],
      ["text", "hello"],
      ["PEM cut", pem.slice(0, 500)],
      ["PEM without its end", pem.split("-----END")[0]],
      ["another label", pemOf("RSA PRIVATE KEY", der)],
      ["a public key", pemOf("PUBLIC KEY", der)],
      ["encrypted", pemOf("ENCRYPTED PRIVATE KEY", der)],
      ["no bytes", new Uint8Array()],
      ["zeros", new Uint8Array(100)],
      ["random", pattern(1000)],
      ["cut", der.subarray(0, der.length - 1)],
      ["a byte more", Uint8Array.of(...der, 0)],
    ];
    const members = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
    await allFail(pkg, [
      ...formats.map(([label, source]) => [label, () => pkg.KeyPair.importRsa(source), "invalid-format"]),
      ...members.map((name) => [`JWK without ${name}`, () => pkg.KeyPair.importRsa(without(name)), "invalid-format"]),
      ...members.map((name) => [
        `JWK, ${name} a number`,
        () => pkg.KeyPair.importRsa({ ...jwk, [name]: 7 }),
        "invalid-format",
      ]),
      ...members.map((name) => [
        `JWK, ${name} not base64url`,
        () => pkg.KeyPair.importRsa({ ...jwk, [name]: "A+/=" }),
        "invalid-format",
      ]),
      ...["d", "p", "q", "dp", "dq", "qi"].map((name) => [
        `JWK, another ${name}`,
        () => pkg.KeyPair.importRsa({ ...jwk, [name]: other[name] }),
        "key-mismatch",
      ]),
      ["JWK, another n", () => pkg.KeyPair.importRsa({ ...jwk, n: other.n }), "key-mismatch"],
      ["JWK, primes swapped", () => pkg.KeyPair.importRsa({ ...jwk, p: jwk.q, q: jwk.p }), "key-mismatch"],
      ["JWK, e = 3", () => pkg.KeyPair.importRsa({ ...jwk, e: "Aw" }), "key-policy"],
      ["JWK, more primes", () => pkg.KeyPair.importRsa({ ...jwk, oth: [] }), "key-policy"],
      ["JWK, EC", () => pkg.KeyPair.importRsa({ kty: "EC" }), "key-policy"],
      ["JWK, oct", () => pkg.KeyPair.importRsa({ kty: "oct", k: "AAAA" }), "key-policy"],
      ["JWK, kty 7", () => pkg.KeyPair.importRsa({ ...jwk, kty: 7 })],
    ]);
  },

  "importRsa() says which PEM it reads": async (pkg, tools) => {
    const der = derOf(await tools.text("testdata/rsa/3072.pem"));
    for (const label of ["RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PUBLIC KEY", "CANARY"]) {
      const { code, message } = await pkg.KeyPair.importRsa(pemOf(label, der)).catch((error) => error);
      equal(code, "invalid-format", label);
      ok(/"PRIVATE KEY": PKCS#8, not encrypted/.test(message) && !message.includes("CANARY"), message);
    }
  },

  "W6: importRsa() and PublicKey.parse() refuse weak keys": async (pkg) => {
    const [small, odd, three] = await Promise.all([made(1024), made(2304), made(3072, [3])]);
    await allFail(pkg, [
      ...[small, odd, three].flatMap(({ pkcs8, spki, jwk }, at) => [
        [`PKCS#8 ${at}`, () => pkg.KeyPair.importRsa(pkcs8), "key-policy"],
        [`PEM ${at}`, () => pkg.KeyPair.importRsa(pemOf("PRIVATE KEY", pkcs8)), "key-policy"],
        [`JWK ${at}`, () => pkg.KeyPair.importRsa(jwk), "key-policy"],
        [`SPKI ${at}`, () => pkg.PublicKey.parse(pemOf("PUBLIC KEY", spki)), "key-policy"],
      ]),
    ]);
  },

  "W6: importRsa() refuses a key whose primes are none": async (pkg, tools) => {
    for (const bits of RSA) {
      const { p, q } = jwkOf(derOf(await tools.text(`testdata/rsa/${bits}.pem`)));
      const good = ofFactors(number(p), number(q));
      const pair = await pkg.KeyPair.importRsa(good.jwk);
      equal(pair.suite, `rsa-${bits}`, "made so, the key is the same");
      const { jwk, der } = ofFactors(number(p) + 2n, number(q));
      await allFail(pkg, [
        ["JWK", () => pkg.KeyPair.importRsa(jwk), "key-policy"],
        ["PKCS#8", () => pkg.KeyPair.importRsa(der), "key-policy"],
        ["PEM", () => pkg.KeyPair.importRsa(pemOf("PRIVATE KEY", der)), "key-policy"],
      ]);
    }
  },

  "PublicKey.parse(): what is malformed": async (pkg) => {
    const good = String((await pkg.KeyPair.generate()).publicKey);
    await allFail(pkg, [
      ["empty", () => pkg.PublicKey.parse(""), "invalid-format"],
      ["text", () => pkg.PublicKey.parse("no key"), "invalid-format"],
      ["a space", () => pkg.PublicKey.parse(` ${good}`), "invalid-format"],
      ["a line feed", () => pkg.PublicKey.parse(`${good}\n`), "invalid-format"],
      ["cut", () => pkg.PublicKey.parse(good.slice(0, -4)), "invalid-format"],
      ["magic alone", () => pkg.PublicKey.parse("V0tQSw"), "truncated"],
      ["another version", () => pkg.PublicKey.parse(base64url(utf8("WKPK\u0002"))), "unsupported-version"],
      [
        "another suite",
        () => pkg.PublicKey.parse(base64url(Uint8Array.of(0x57, 0x4b, 0x50, 0x4b, 1, 0x82, 0x09, 0x40))),
        "unsupported-version",
      ],
      [
        "a short hybrid key",
        () => pkg.PublicKey.parse(base64url(Uint8Array.of(0x57, 0x4b, 0x50, 0x4b, 1, 0x82, 1, 0x40))),
        "key-policy",
      ],
      ["long", () => pkg.PublicKey.parse("A".repeat(100_000)), "limit"],
      ["PEM", () => pkg.PublicKey.parse("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"), "invalid-format"],
      ["PEM of another thing", () => pkg.PublicKey.parse(pemOf("PUBLIC KEY", pattern(40))), "key-policy"],
      ["PEM, cut", () => pkg.PublicKey.parse("-----BEGIN PUBLIC KEY-----\nAAAA"), "invalid-format"],
      ["PEM, private", () => pkg.PublicKey.parse(pemOf("PRIVATE KEY", pattern(40))), "invalid-format"],
    ]);
  },

  "wrap and unwrap, for all suites at once": async (pkg, tools) => {
    const pairs = [await pkg.KeyPair.generate(), await pkg.KeyPair.generate()];
    for (const bits of RSA) pairs.push(await rsa(pkg, tools, bits));
    const key = await pkg.DataKey.generate();
    const context = { session: "7", b: "é" };
    const sealed = key.encryptSync("x");
    const recipients = pairs.map((pair) => pair.publicKey);
    const wrapped = await pkg.wrapKey(key, recipients, { context, allowLegacy: true });
    owns(wrapped, "wrapped");
    for (const pair of pairs) {
      const opened = await pkg.unwrapKey(wrapped, pair, { context: { b: "é", session: "7" } });
      equal([opened.id, text(await opened.decrypt(sealed))], [key.id, "x"], pair.suite);
      await fails(pkg, "unwrap-failed", () => pkg.unwrapKey(wrapped, pair), `${pair.suite}, another context`);
    }
    const stranger = await pkg.KeyPair.generate();
    await fails(pkg, "not-a-recipient", () => pkg.unwrapKey(wrapped, stranger, { context }), "a stranger");
  },

  "one that is given twice gets one stanza": async (pkg) => {
    const { publicKey } = await pkg.KeyPair.generate();
    const key = await pkg.DataKey.generate();
    const once = await pkg.wrapKey(key, [publicKey]);
    const twice = await pkg.wrapKey(key, [publicKey, pkg.PublicKey.parse(String(publicKey))]);
    equal(twice.length, once.length, "length");
  },

  "rsa-2048 only where it is allowed": async (pkg, tools) => {
    const pair = await rsa(pkg, tools, "2048");
    const key = await pkg.DataKey.generate();
    for (const options of [undefined, {}, { allowLegacy: false }, { allowLegacy: undefined }]) {
      await fails(pkg, "key-policy", () => pkg.wrapKey(key, [pair.publicKey], options), JSON.stringify(options));
    }
    const other = await pkg.KeyPair.generate();
    await fails(pkg, "key-policy", () => pkg.wrapKey(key, [other.publicKey, pair.publicKey]), "among others");
    const wrapped = await pkg.wrapKey(key, [pair.publicKey], { allowLegacy: true });
    equal((await pkg.unwrapKey(wrapped, pair)).id, key.id, "id");
    const legacies = [null, 0, 1, "", "true", {}, []];
    await allFail(
      pkg,
      legacies.map((allowLegacy) => [
        `allowLegacy ${String(allowLegacy)}`,
        () => pkg.wrapKey(key, [pair.publicKey], { allowLegacy }),
      ]),
    );
  },

  "recipients that are none, and too many": async (pkg) => {
    const { publicKey } = await pkg.KeyPair.generate();
    const key = await pkg.DataKey.generate();
    const lists = [
      [],
      undefined,
      null,
      publicKey,
      String(publicKey),
      {},
      new Set([publicKey]),
      [String(publicKey)],
      [publicKey, null],
      [{}],
    ];
    const holes = [publicKey];
    holes[2] = publicKey;
    await allFail(
      pkg,
      [...lists, holes].map((list, at) => [`list ${at}`, () => pkg.wrapKey(key, list)]),
    );
  },

  "unwrapKey(): what is changed": async (pkg, tools) => {
    const key = await pkg.DataKey.generate();
    for (const pair of [await pkg.KeyPair.generate(), await rsa(pkg, tools, "3072")]) {
      const wrapped = await pkg.wrapKey(key, [pair.publicKey]);
      const changed = (at) => wrapped.map((byte, index) => (index === at ? byte ^ 1 : byte));
      await allFail(pkg, [
        ["empty", () => pkg.unwrapKey(new Uint8Array(), pair), "invalid-format"],
        ["random", () => pkg.unwrapKey(pattern(500), pair), "invalid-format"],
        ["magic", () => pkg.unwrapKey(changed(0), pair), "invalid-format"],
        ["magic alone", () => pkg.unwrapKey(wrapped.subarray(0, 4), pair), "truncated"],
        ["version", () => pkg.unwrapKey(changed(4), pair), "unsupported-version"],
        ["cut", () => pkg.unwrapKey(wrapped.subarray(0, -1), pair), "invalid-format"],
        ["a byte more", () => pkg.unwrapKey(Uint8Array.of(...wrapped, 0), pair), "invalid-format"],
        ["key id", () => pkg.unwrapKey(changed(10), pair), "unwrap-failed"],
        ["commitment", () => pkg.unwrapKey(changed(40), pair), "unwrap-failed"],
        ["the last byte", () => pkg.unwrapKey(changed(wrapped.length - 1), pair), "unwrap-failed"],
        ["too long", () => pkg.unwrapKey(new Uint8Array(17 * 1024 * 1024), pair), "limit"],
        ["a message", () => pkg.unwrapKey(key.encryptSync("x"), pair), "invalid-format"],
      ]);
    }
  },
};
