/** Wardkey without the WebAssembly module inside: `await init(source)` first, with `wardkey/wardkey.wasm` as a URL, bytes, a Response or a compiled module. */
export type { Backend, Json } from "./backend.js";
export { openBackup, sealBackup } from "./backup.js";
export { type CacheOptions, type CacheStats, KeyCache } from "./cache.js";
export type { WardkeyOptions } from "./client-options.js";
export { init } from "./core.js";
export { DataKey, keyIdOf, plaintextSize } from "./data-key.js";
export { type Engine, setEngine } from "./engine.js";
export type { DelegationMap, EncryptedEntity, Entities, FieldManifest } from "./entities.js";
export { type ErrorCode, isWardkeyError, type KnownErrorCode, WardkeyError } from "./errors.js";
export { Group } from "./group.js";
export type { StorageHealth } from "./health.js";
export { type HttpBackendOptions, httpBackend } from "./http-backend.js";
export type { Settled } from "./items.js";
export { KeyPair, PublicKey } from "./key-pair.js";
export type { KeyStore } from "./key-store.js";
export type { Recipient, Rights } from "./recipient.js";
export { Session } from "./session.js";
export type { Author, Decrypted } from "./session-data.js";
export type {
  Bytes,
  Context,
  Data,
  DataOptions,
  EncryptOptions,
  Kdf,
  ManyOptions,
  Padding,
  Plain,
  Progress,
  RangeSource,
  Sealed,
  Suite,
  WrapOptions,
} from "./types.js";
export { version } from "./version.js";
export { type AuditEntry, Wardkey, type WardkeyEventMap } from "./wardkey.js";
export { setWorker } from "./workers.js";
export { unwrapKey, wrapKey } from "./wrap.js";
