// What the package publishes is assignable to the contract, name by name. A name too many, or one too few, doesn't compile.
import type * as Contract from "wardkey";
import type * as Published from "wardkey-published";
import type * as Slim from "wardkey-published/slim";
import type * as Testing from "wardkey-published/testing";

const assignable = <Target, _Source extends Target>(): void => {};
/** Not never, which is assignable to everything. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

// ---------------------------------------------------------------- no name more, none less
assignable<true, Same<keyof typeof Contract, keyof typeof Published | keyof typeof Testing>>();
assignable<true, Same<keyof typeof Testing, "memoryBackend">>();
assignable<true, Same<keyof typeof Published & keyof typeof Testing, never>>();
assignable<true, Same<keyof typeof Published, keyof typeof Slim>>();
assignable<true, Same<keyof Contract.DataKey, keyof Published.DataKey>>();
assignable<true, Same<keyof Contract.Wardkey, keyof Published.Wardkey>>();
assignable<true, Same<keyof Contract.Session, keyof Published.Session>>();
assignable<true, Same<keyof Contract.Group, keyof Published.Group>>();

// ---------------------------------------------------------------- functions and values
assignable<typeof Contract.init, typeof Published.init>();
assignable<typeof Contract.version, typeof Published.version>();
assignable<typeof Contract.isWardkeyError, typeof Published.isWardkeyError>();
assignable<typeof Contract.WardkeyError, typeof Published.WardkeyError>();
assignable<typeof Contract.keyIdOf, typeof Published.keyIdOf>();
assignable<typeof Contract.httpBackend, typeof Published.httpBackend>();
assignable<typeof Contract.setEngine, typeof Published.setEngine>();
assignable<typeof Contract.setWorker, typeof Published.setWorker>();
assignable<typeof Contract.memoryBackend, typeof Testing.memoryBackend>();
assignable<
  true,
  // The contract lets the package have more: escrowKey() is.
  Same<keyof ReturnType<typeof Contract.memoryBackend> | "escrowKey", keyof ReturnType<typeof Testing.memoryBackend>>
>();

/** The contract's classes, of which only the public side counts: private members make classes differ that look the same. */
declare namespace Seen {
  type DataKey = Pick<Contract.DataKey, keyof Contract.DataKey>;
  type KeyPair = Pick<Contract.KeyPair, keyof Contract.KeyPair>;
  type KeyCache = Omit<Contract.KeyCache, "get" | "getMany" | "set"> & {
    get(id: string): Promise<DataKey | undefined>;
    getMany(ids: readonly string[]): Promise<(DataKey | undefined)[]>;
    set(keys: readonly Published.DataKey[]): Promise<void>;
  };
  type PublicKey = Pick<Contract.PublicKey, keyof Contract.PublicKey>;
  type Session = Pick<Contract.Session, keyof Contract.Session>;
  type Group = Pick<Contract.Group, keyof Contract.Group>;
  type Making = "createSession" | "openSession" | "openSessions" | "deserializeSession";
  type MakingGroups = "createGroup" | "group" | "groups";
  type Wardkey = Omit<Contract.Wardkey, Making | MakingGroups> & {
    [K in Exclude<Making, "openSessions">]: (...given: Parameters<Contract.Wardkey[K]>) => Promise<Session>;
  } & {
    [K in Exclude<MakingGroups, "groups">]: (...given: Parameters<Contract.Wardkey[K]>) => Promise<Group>;
  } & {
    groups(): Promise<Group[]>;
    openSessions(...given: Parameters<Contract.Wardkey["openSessions"]>): Promise<Contract.Settled<Session>[]>;
  };
}

/** The contract's parameters, with the published classes in the place of the contract's. */
type Ours<T> = [T] extends [Contract.DataKey]
  ? Published.DataKey
  : [T] extends [Contract.DataKey | undefined]
    ? Published.DataKey | undefined
    : [T] extends [Contract.KeyPair]
      ? Published.KeyPair
      : [T] extends [readonly Contract.PublicKey[]]
        ? readonly Published.PublicKey[]
        : T;
type Mapped<T extends unknown[]> = { [K in keyof T]: Ours<T[K]> };
type OurParameters<F extends (...given: never[]) => unknown> = Mapped<Parameters<F>>;

// ---------------------------------------------------------------- classes
assignable<Seen.DataKey, Published.DataKey>();
assignable<Seen.KeyPair, Published.KeyPair>();
assignable<Seen.KeyCache, Published.KeyCache>();
assignable<true, Same<keyof Contract.KeyCache, keyof Published.KeyCache>>();
assignable<Seen.PublicKey, Published.PublicKey>();
assignable<Seen.Session, Published.Session>();
assignable<Seen.Group, Published.Group>();
assignable<Seen.Wardkey, Published.Wardkey>();

/** Applications construct none of them. */
type IsClosed<C> = C extends abstract new (...given: never[]) => unknown ? false : true;
assignable<true, IsClosed<typeof Published.DataKey>>();
assignable<true, IsClosed<typeof Published.KeyCache>>();
assignable<true, IsClosed<typeof Published.KeyPair>>();
assignable<true, IsClosed<typeof Published.PublicKey>>();
assignable<true, IsClosed<typeof Published.Session>>();
assignable<true, IsClosed<typeof Published.Group>>();
assignable<true, IsClosed<typeof Published.Wardkey>>();

type Statics<C> = { [K in Exclude<keyof C, "prototype">]: C[K] };
assignable<true, Same<keyof Statics<typeof Contract.DataKey>, keyof Statics<typeof Published.DataKey>>>();
assignable<true, Same<keyof Statics<typeof Contract.KeyCache>, keyof Statics<typeof Published.KeyCache>>>();
assignable<true, Same<keyof Statics<typeof Contract.KeyPair>, keyof Statics<typeof Published.KeyPair>>>();
assignable<true, Same<keyof Statics<typeof Contract.PublicKey>, keyof Statics<typeof Published.PublicKey>>>();
assignable<true, Same<keyof Statics<typeof Contract.Session>, keyof Statics<typeof Published.Session>>>();
assignable<true, Same<keyof Statics<typeof Contract.Group>, keyof Statics<typeof Published.Group>>>();
assignable<true, Same<keyof Statics<typeof Contract.Wardkey>, keyof Statics<typeof Published.Wardkey>>>();
assignable<
  (...given: Parameters<typeof Contract.Wardkey.open>) => Promise<Seen.Wardkey>,
  typeof Published.Wardkey.open
>();
assignable<() => Promise<Seen.DataKey>, typeof Published.DataKey.generate>();
assignable<
  (...given: Parameters<typeof Contract.DataKey.importRaw>) => Promise<Seen.DataKey>,
  typeof Published.DataKey.importRaw
>();
/** The contract's options, with the published classes in the place of the contract's. */
type Opening = Omit<Parameters<typeof Contract.KeyCache.open>[0], "sealedBy"> & {
  sealedBy?: Published.DataKey | Published.KeyPair;
};
assignable<(options: Opening) => Promise<Seen.KeyCache>, typeof Published.KeyCache.open>();
assignable<
  (...given: Parameters<typeof Contract.KeyPair.generate>) => Promise<Seen.KeyPair>,
  typeof Published.KeyPair.generate
>();
assignable<
  (...given: Parameters<typeof Contract.KeyPair.importRsa>) => Promise<Seen.KeyPair>,
  typeof Published.KeyPair.importRsa
>();
assignable<
  (...given: Parameters<typeof Contract.PublicKey.parse>) => Seen.PublicKey,
  typeof Published.PublicKey.parse
>();

// ---------------------------------------------------------------- functions over classes
type Result<F extends (...given: never[]) => unknown> = Awaited<ReturnType<F>>;
assignable<
  (...given: OurParameters<typeof Contract.wrapKey>) => Promise<Result<typeof Contract.wrapKey>>,
  typeof Published.wrapKey
>();
assignable<(...given: OurParameters<typeof Contract.unwrapKey>) => Promise<Seen.DataKey>, typeof Published.unwrapKey>();
assignable<
  (...given: OurParameters<typeof Contract.plaintextSize>) => Promise<number>,
  typeof Published.plaintextSize
>();
assignable<(...given: Parameters<typeof Contract.openBackup>) => Promise<Seen.KeyPair>, typeof Published.openBackup>();
assignable<
  (...given: OurParameters<typeof Contract.sealBackup>) => Promise<Result<typeof Contract.sealBackup>>,
  typeof Published.sealBackup
>();

// ---------------------------------------------------------------- types, which say the same
assignable<true, Same<Contract.AuditEntry, Published.AuditEntry>>();
assignable<true, Same<Contract.Author, Published.Author>>();
assignable<true, Same<Contract.Backend, Published.Backend>>();
assignable<true, Same<Contract.Bytes, Published.Bytes>>();
assignable<true, Same<Contract.CacheOptions, Published.CacheOptions>>();
assignable<true, Same<Contract.CacheStats, Published.CacheStats>>();
assignable<true, Same<Contract.Context, Published.Context>>();
assignable<true, Same<Contract.Data, Published.Data>>();
assignable<true, Same<Contract.DataOptions, Published.DataOptions>>();
assignable<true, Same<Contract.Decrypted, Published.Decrypted>>();
assignable<true, Same<Contract.EncryptOptions, Published.EncryptOptions>>();
assignable<true, Same<Contract.RangeSource, Published.RangeSource>>();
assignable<true, Same<Contract.Engine, Published.Engine>>();
assignable<true, Same<Contract.ErrorCode, Published.ErrorCode>>();
assignable<true, Same<Contract.Json, Published.Json>>();
assignable<true, Same<Contract.Kdf, Published.Kdf>>();
assignable<true, Same<Contract.KeyStore, Published.KeyStore>>();
assignable<true, Same<Contract.KnownErrorCode, Published.KnownErrorCode>>();
assignable<true, Same<Contract.ManyOptions, Published.ManyOptions>>();
assignable<true, Same<Contract.Padding, Published.Padding>>();
assignable<true, Same<Contract.Plain, Published.Plain>>();
assignable<true, Same<Contract.Progress, Published.Progress>>();
assignable<true, Same<Contract.Recipient, Published.Recipient>>();
assignable<true, Same<Contract.Rights, Published.Rights>>();
assignable<true, Same<Contract.Sealed, Published.Sealed>>();
assignable<true, Same<Contract.Settled<string>, Published.Settled<string>>>();
assignable<true, Same<Contract.StorageHealth, Published.StorageHealth>>();
assignable<true, Same<Contract.Suite, Published.Suite>>();
assignable<true, Same<Contract.WardkeyError, Published.WardkeyError>>();
assignable<true, Same<Contract.WardkeyEventMap, Published.WardkeyEventMap>>();
assignable<true, Same<Contract.WardkeyOptions, Published.WardkeyOptions>>();
assignable<true, Same<Contract.WrapOptions, Published.WrapOptions>>();
