/** Wardkey, with its WebAssembly module inside; the client's part of it is loaded by the first `Wardkey.open`. */
import { provide } from "./core.js";
import { packed } from "./inlined-data.js";
import * as slim from "./slim.js";
import { unpack } from "./unpack.js";

// These names are bindings of this file, not re-exports: a bundler that is told of no side effects would pass over a file that only
// re-exports, and the module with it. Aliases, not constants: an editor shows what is said of the classes and functions themselves.
provide({
  base: () => unpack(packed),
  // A bundler makes files of their own of these: a page that opens no client, or has no entities, doesn't load them.
  client: async () => unpack((await import("./inlined-client.js")).packed),
  entities: async () => unpack((await import("./inlined-entities.js")).packed),
});

export import init = slim.init;
export import version = slim.version;
export import WardkeyError = slim.WardkeyError;
export import isWardkeyError = slim.isWardkeyError;
export import DataKey = slim.DataKey;
export import keyIdOf = slim.keyIdOf;
export import plaintextSize = slim.plaintextSize;
export import setEngine = slim.setEngine;
export import setWorker = slim.setWorker;
export import KeyPair = slim.KeyPair;
export import PublicKey = slim.PublicKey;
export import KeyCache = slim.KeyCache;
export import Wardkey = slim.Wardkey;
export import Session = slim.Session;
export import Group = slim.Group;
export import httpBackend = slim.httpBackend;
export import wrapKey = slim.wrapKey;
export import unwrapKey = slim.unwrapKey;
export import sealBackup = slim.sealBackup;
export import openBackup = slim.openBackup;
export type {
  AuditEntry,
  Author,
  Backend,
  Bytes,
  CacheOptions,
  CacheStats,
  Context,
  Data,
  DataOptions,
  Decrypted,
  DelegationMap,
  EncryptedEntity,
  EncryptOptions,
  Engine,
  Entities,
  ErrorCode,
  FieldManifest,
  HttpBackendOptions,
  Json,
  Kdf,
  KeyStore,
  KnownErrorCode,
  ManyOptions,
  Padding,
  Plain,
  Progress,
  RangeSource,
  Recipient,
  Rights,
  Sealed,
  Settled,
  StorageHealth,
  Suite,
  WardkeyEventMap,
  WardkeyOptions,
  WrapOptions,
} from "./slim.js";
