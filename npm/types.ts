/** Any view is read by its own offset and length. What comes back owns its buffer. */
export type Bytes = ArrayBuffer | ArrayBufferView;
/** What comes back. */
export type Out = Uint8Array<ArrayBuffer>;
/** A string is UTF-8; lone surrogates are `invalid-argument`. */
export type Data = Bytes | string | Blob;
/** Bound to the ciphertext, not stored in it: decryption needs the same entries. Order does not matter. At most 64 KiB. */
export type Context = Readonly<Record<string, string>>;
/** How far a call is; `bytesProcessed` counts bytes of the input. */
export interface Progress {
  bytesProcessed: number;
  totalBytes?: number;
}
export interface DataOptions {
  context?: Context;
  /** Ends the call with `aborted`. */
  signal?: AbortSignal;
  onProgress?: (p: Progress) => void;
}
/** "padme" hides the length: only its bucket shows (Padmé, PoPETs 2019), at least 256 bytes, at most 12 % longer. */
export type Padding = "none" | "padme";
export interface EncryptOptions extends DataOptions {
  /** Default "none". */
  padding?: Padding;
}
export interface ManyOptions {
  padding?: Padding;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}
/** Where decryptRange() and plaintextSize() read from: exactly the bytes [start, end), within `size`. */
export interface RangeSource {
  size: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Bytes>;
}
/** An item of encryptMany(): these members and no others. */
export interface Plain {
  data: Bytes | string;
  context?: Context;
}
/** An item of decryptMany(): these members and no others. */
export interface Sealed {
  sealed: Bytes;
  context?: Context;
}
/** "hybrid": X25519 + ML-KEM-768 (X-Wing) in HPKE (RFC 9180), the default. "rsa-…": RSAES-OAEP with SHA-256 (RFC 8017).
 *  "rsa-2048" can be imported and can unwrap what exists; wrapping to it is refused (`key-policy`) unless allowLegacy is set. */
export type Suite = "hybrid" | "rsa-3072" | "rsa-4096" | "rsa-2048";
export interface WrapOptions {
  context?: Context;
  allowLegacy?: boolean;
}
/** How a password becomes a key. Outside of the bounds (Argon2id: 19–256 MiB, 2–10 passes; PBKDF2: 600 000–5 000 000 iterations): `kdf-policy`. */
export type Kdf =
  | {
      /** RFC 9106, version 1.3, p = 1. */
      name: "argon2id";
      /** Default 65 536. */
      memoryKiB?: number;
      /** Default 3. */
      passes?: number;
    }
  | {
      /** RFC 8018. */
      name: "pbkdf2-sha256";
      /** Default 600 000. */
      iterations?: number;
    };
