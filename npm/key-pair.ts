/// <reference lib="esnext.disposable" preserve="true" />
import { copyBytes, isPlain, shortText, toBytes, toOptions, wellFormed } from "./arguments.js";
import type { CoreKeyPair, CorePublicKey } from "./core/wardkey_core.js";
import { call, core, coreNow, Handle } from "./core.js";
import { invalid, WardkeyError } from "./errors.js";
import { isStrict } from "./oaep-check.js";
import { generateRsa, type Holder, importNative, withPrimes } from "./rsa.js";
import type { Bytes, Suite } from "./types.js";

/** Characters of a public key: docs/SPEC.md, section 5. */
const MAX_PUBLIC = 8192;
/** More than any private key has, with attributes, in PEM. */
const MAX_PRIVATE = 65_536;
const SECRET: unique symbol = Symbol("construct");

/** The half of a key pair that others wrap data keys for. Not secret; but whose it is must be known. */
export class PublicKey {
  readonly #key: CorePublicKey;
  readonly suite: Suite;
  /** SHA-256 of the whole encoded key, base64url. */
  readonly fingerprint: string;

  private constructor(secret: typeof SECRET, key: CorePublicKey) {
    if (secret !== SECRET) throw invalid("a PublicKey comes from parse() or a KeyPair");
    this.#key = key;
    this.suite = key.suite() as Suite;
    this.fingerprint = key.fingerprint();
  }

  /** What toString() gave; also SPKI PEM (RFC 7468) for RSA. Needs init() done.
   *  @throws `invalid-format`, `key-policy`, `unsupported-version`, `limit`, `invalid-argument`, `not-initialised` */
  static parse(text: string): PublicKey {
    const { CorePublicKey } = coreNow();
    const given = shortText(text, "the public key", MAX_PUBLIC, "limit");
    return PublicKey.fromCore(call(() => CorePublicKey.parse(given)));
  }

  /** @internal */
  static fromCore(key: CorePublicKey): PublicKey {
    return new PublicKey(SECRET, key);
  }

  /** @internal */
  static toCore(key: PublicKey): CorePublicKey {
    if (!(typeof key === "object" && key !== null && #key in key)) throw invalid("not a PublicKey");
    return key.#key;
  }

  /** One line, URL-safe. */
  toString(): string {
    return this.#key.text();
  }
}

/** A private key and its public half. The private one stays in the WebAssembly memory until free(), which may be called twice;
 *  use after it is `invalid-argument`. */
export class KeyPair {
  readonly #key: Handle<CoreKeyPair>;
  /** The same key as WebCrypto's, from its first use there on. */
  #native: Promise<CryptoKey | undefined> | undefined;
  readonly suite: Suite;
  readonly publicKey: PublicKey;

  private constructor(secret: typeof SECRET, key: CoreKeyPair) {
    if (secret !== SECRET) throw invalid("a KeyPair comes from generate(), importRsa() or openBackup()");
    this.publicKey = PublicKey.fromCore(call(() => key.publicKey()));
    this.suite = this.publicKey.suite;
    this.#key = new Handle(key);
  }

  /** A new key pair; default suite "hybrid". RSA takes a second or more, but not of this thread: WebCrypto makes it, or a worker.
   *  @throws `rng`, `invalid-argument`, `key-policy` for "rsa-2048" */
  static async generate(options?: { suite?: Exclude<Suite, "rsa-2048"> }): Promise<KeyPair> {
    const suite = wellFormed(suiteOf(options), "the suite");
    const wasm = await core();
    if (suite === "rsa-3072" || suite === "rsa-4096") return KeyPair.fromCore(await generateRsa(wasm, suite));
    return KeyPair.fromCore(call(() => wasm.CoreKeyPair.generate(suite)));
  }

  /** RSA private key from elsewhere: PKCS#8 (PEM or DER, RFC 5958) or JWK (RFC 7518). 2048, 3072 or 4096 bits, e = 65537; otherwise `key-policy`.
   *  Its primes are tested, which takes a while, but not of this thread: a worker does it.
   *  @throws `invalid-format`, `key-policy`, also for primes that are none; `key-mismatch` if its parts don't belong together; `rng` */
  static async importRsa(key: string | Bytes | JsonWebKey): Promise<KeyPair> {
    return KeyPair.fromCore(await withPrimes(await KeyPair.#readRsa(key)));
  }

  static async #readRsa(key: string | Bytes | JsonWebKey): Promise<CoreKeyPair> {
    if (typeof key === "string") {
      const pem = shortText(key, "the key", MAX_PRIVATE, "invalid-format");
      const { CoreKeyPair } = await core();
      if (!pem.includes("-----BEGIN PRIVATE KEY-----")) {
        throw new WardkeyError("invalid-format", 'expected PEM with the label "PRIVATE KEY": PKCS#8, not encrypted');
      }
      return call(() => CoreKeyPair.fromPem(pem));
    }
    if (isPlain(key)) {
      const { kty } = key;
      if (typeof kty !== "string") throw invalid("a JWK has a kty");
      // A copy: what throws while it is read must not throw inside of the WebAssembly module.
      const jwk = { ...key };
      const { CoreKeyPair } = await core();
      return call(() => CoreKeyPair.fromJwk(jwk));
    }
    const expected = "PEM text, bytes in PKCS#8 or a JWK";
    if (toBytes(key, "the key", expected).length > MAX_PRIVATE) {
      throw new WardkeyError("invalid-format", "the key is longer than any");
    }
    const der = copyBytes(key, "the key", expected);
    try {
      const { CoreKeyPair } = await core();
      return call(() => CoreKeyPair.fromPkcs8(der));
    } finally {
      der.fill(0);
    }
  }

  /** @internal */
  static fromCore(key: CoreKeyPair): KeyPair {
    return new KeyPair(SECRET, key);
  }

  /** @internal */
  static toCore(key: KeyPair): CoreKeyPair {
    if (!(typeof key === "object" && key !== null && #key in key)) throw invalid("not a KeyPair");
    return key.#key.inner;
  }

  /** What a private RSA operation needs, for as long as free() isn't called.
   *  @internal */
  static holder(key: KeyPair): Holder {
    KeyPair.toCore(key);
    return {
      core: () => KeyPair.toCore(key),
      native: async (subtle) => {
        const strict = await isStrict(subtle);
        const inner = KeyPair.toCore(key);
        if (strict) key.#native ??= importNative(subtle, inner);
        return key.#native;
      },
    };
  }

  /** Wipes the private key. May be called twice. */
  free(): void {
    this.#native = undefined;
    this.#key.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

function suiteOf(options: { suite?: Suite } | undefined): unknown {
  const { suite } = toOptions(options, ["suite"]);
  return suite === undefined ? "hybrid" : suite;
}
