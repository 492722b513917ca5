/** Wardkey, with its WebAssembly module inside. */
import { provide } from "./core.js";
import { inlined } from "./inlined.js";
import * as slim from "./slim.js";

// These names are bindings of this file, not re-exports: a bundler that is told of no side effects would pass over a file that only
// re-exports, and the module with it.
provide(inlined);

export const init = slim.init;
export const version = slim.version;
export const WardkeyError = slim.WardkeyError;
export type WardkeyError = slim.WardkeyError;
export const isWardkeyError = slim.isWardkeyError;
export const DataKey = slim.DataKey;
export type DataKey = slim.DataKey;
export const keyIdOf = slim.keyIdOf;
export const KeyPair = slim.KeyPair;
export type KeyPair = slim.KeyPair;
export const PublicKey = slim.PublicKey;
export type PublicKey = slim.PublicKey;
export const KeyCache = slim.KeyCache;
export type KeyCache = slim.KeyCache;
export const wrapKey = slim.wrapKey;
export const unwrapKey = slim.unwrapKey;
export const sealBackup = slim.sealBackup;
export const openBackup = slim.openBackup;
export type {
  Bytes,
  CacheOptions,
  CacheStats,
  Context,
  Data,
  DataOptions,
  EncryptOptions,
  ErrorCode,
  Kdf,
  KeyStore,
  KnownErrorCode,
  ManyOptions,
  Padding,
  Plain,
  Progress,
  Sealed,
  Settled,
  Suite,
  WrapOptions,
} from "./slim.js";
