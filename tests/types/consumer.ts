// A program that uses everything that is delivered, as an application would. It is compiled against the package and against the contract; it never runs.
import {
  type AuditEntry,
  type Author,
  type Backend,
  type Bytes,
  type CacheOptions,
  type CacheStats,
  type Context,
  type Data,
  DataKey,
  type DataOptions,
  type Decrypted,
  type DelegationMap,
  type EncryptedEntity,
  type EncryptOptions,
  type Engine,
  type Entities,
  type ErrorCode,
  type FieldManifest,
  type Group,
  httpBackend,
  init,
  isWardkeyError,
  type Json,
  type Kdf,
  KeyCache,
  KeyPair,
  type KeyStore,
  type KnownErrorCode,
  keyIdOf,
  type ManyOptions,
  openBackup,
  type Padding,
  type Plain,
  type Progress,
  PublicKey,
  type Recipient,
  type Rights,
  type Sealed,
  type Session,
  type Settled,
  type StorageHealth,
  type Suite,
  sealBackup,
  setEngine,
  setWorker,
  unwrapKey,
  version,
  Wardkey,
  WardkeyError,
  type WardkeyEventMap,
  type WardkeyOptions,
  type WrapOptions,
  wrapKey,
} from "wardkey";
import { memoryBackend } from "wardkey/testing";

type Out = Uint8Array<ArrayBuffer>;

/** Fails to compile unless both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_same: Same<A, B>): void => {};

export async function start(response: Response, module: WebAssembly.Module): Promise<string> {
  await init();
  await init("/wardkey.wasm");
  await init(new URL("https://example.org/wardkey.wasm"));
  await init(new Uint8Array(8));
  await init(new ArrayBuffer(8));
  await init(response);
  await init(module);
  return version;
}

export function settings(url: URL): void {
  const engine: Engine = "auto";
  setEngine(engine);
  // @ts-expect-error not an engine
  setEngine("native");
  setWorker("none");
  setWorker(() => new Worker(url, { type: "module" }));
  // @ts-expect-error not a function
  setWorker("inline");
}

export function errors(e: unknown): string {
  const own = new WardkeyError("network", "text", { cause: e, retryAfterMs: 5, attemptsLeft: 2 });
  // @ts-expect-error not a known code
  new WardkeyError("no-such-code");
  same<typeof own.name, "WardkeyError">(true);
  const known: KnownErrorCode = "rng";
  const later: ErrorCode = "a-code-of-a-later-version";
  if (isWardkeyError(e)) {
    const { code, retryAfterMs, attemptsLeft, stack } = e;
    const wait: number = (retryAfterMs ?? 0) + (attemptsLeft ?? 0);
    switch (code) {
      case "decryption-failed":
      case "aborted":
        return code;
      default:
        return `${code} ${wait} ${stack} ${known} ${later}`;
    }
  }
  return own instanceof Error ? own.message : "";
}

export async function data(blob: Blob, view: DataView, shared: Uint8Array<SharedArrayBuffer>): Promise<Out[]> {
  const context: Context = { record: "4567" };
  const padding: Padding = "padme";
  const seen: number[] = [];
  const onProgress = (p: Progress): void => {
    seen.push(p.bytesProcessed / (p.totalBytes ?? 1));
  };
  const { signal } = new AbortController();
  const options: EncryptOptions = { context, padding, signal, onProgress };
  const opening: DataOptions = { context, signal, onProgress };
  const key = await DataKey.generate();
  const imported = await DataKey.importRaw(new Uint8Array(32));
  const raw = imported.dangerouslyExportRaw();
  same<typeof raw, Out>(true);
  const inputs: Data[] = ["text", blob, view, shared, new ArrayBuffer(3), new Uint16Array(2)];
  const sealed: Out[] = [];
  for (const input of inputs) sealed.push(await key.encrypt(input, options));
  sealed.push(await key.encrypt("x"), key.encryptSync("x"), key.encryptSync(view, options));
  // @ts-expect-error a Blob can't be read at once
  key.encryptSync(blob);
  // @ts-expect-error padding doesn't concern opening
  await key.decrypt(view, { padding: "padme" });
  // @ts-expect-error values are text
  await key.encrypt("x", { context: { record: 4567 } });
  // @ts-expect-error it stays as it is
  key.id = "x";
  const opened: Out = await key.decrypt(blob, opening);
  const body = new Blob([opened, key.decryptSync(view, opening), await key.decrypt(shared)]);
  await fetch("/record", { method: "PUT", body: opened });
  const id: string = keyIdOf(sealed[0] ?? view) + key.id + body.size;
  key.free();
  key[Symbol.dispose]();
  using other = await DataKey.importRaw(raw);
  return other.id === id ? sealed : [];
}

export async function many(key: DataKey): Promise<(Out | string)[]> {
  const plain: Plain[] = [{ data: "x" }, { data: new Uint8Array(3), context: { a: "b" } }];
  const frozen: readonly Plain[] = plain;
  const options: ManyOptions = {
    padding: "none",
    onProgress: (done: number, total: number) => console.log(done / total),
  };
  const messages = await key.encryptMany(frozen, options);
  same<typeof messages, Out[]>(true);
  const items: Sealed[] = messages.map((sealed) => ({ sealed, context: { a: "b" } }));
  const results: Settled<Out>[] = await key.decryptMany(items, { signal: AbortSignal.timeout(1000) });
  return results.map((result) => (result.ok ? result.value : result.error.code));
}

export async function keys(pem: string, der: Bytes, jwk: JsonWebKey): Promise<DataKey> {
  const suites: Suite[] = ["hybrid", "rsa-2048", "rsa-3072", "rsa-4096"];
  using pair = await KeyPair.generate();
  const rsa = await KeyPair.generate({ suite: "rsa-4096" });
  // @ts-expect-error too short for new keys
  await KeyPair.generate({ suite: "rsa-2048" });
  // @ts-expect-error not a suite
  await KeyPair.generate({ suite: "ed25519" });
  const imported = [await KeyPair.importRsa(pem), await KeyPair.importRsa(der), await KeyPair.importRsa(jwk)];
  const publicKeys: readonly PublicKey[] = [pair, rsa, ...imported].map(({ publicKey }) => publicKey);
  const parsed = PublicKey.parse(publicKeys[0]?.toString() ?? "");
  const named: string = parsed.fingerprint + parsed.suite + suites.includes(pair.suite);
  const options: WrapOptions = { context: { session: named }, allowLegacy: true };
  const key = await DataKey.generate();
  const wrapped: Out = await wrapKey(key, publicKeys, options);
  await wrapKey(key, [parsed]);
  // @ts-expect-error a text is not a key yet
  await wrapKey(key, [parsed.toString()]);
  rsa.free();
  return unwrapKey(wrapped, pair, { context: { session: named } });
}

export async function backups(pair: KeyPair, password: string): Promise<KeyPair> {
  const kdfs: Kdf[] = [
    { name: "argon2id" },
    { name: "argon2id", memoryKiB: 65_536, passes: 3 },
    { name: "pbkdf2-sha256" },
    { name: "pbkdf2-sha256", iterations: 600_000 },
  ];
  // @ts-expect-error not a parameter of it
  kdfs.push({ name: "pbkdf2-sha256", passes: 3 });
  const backup: Out = await sealBackup(pair, password, { userId: "anna@example.org" });
  for (const kdf of kdfs) await sealBackup(pair, password, { userId: "anna@example.org", kdf });
  // @ts-expect-error whose backup it is must be said
  await sealBackup(pair, password, {});
  return openBackup(backup, password, { userId: "anna@example.org" });
}

export async function caches(key: DataKey, pair: KeyPair): Promise<string> {
  const map = new Map<string, Out>();
  const store: KeyStore = {
    getMany: (ids: readonly string[]): (Bytes | undefined)[] => ids.map((id) => map.get(id)),
    setMany: async (entries) => {
      for (const { id, value } of entries) map.set(id, value);
    },
    deleteMany: (ids) => {
      for (const id of ids) map.delete(id);
    },
    ids: async () => [...map.keys()],
    clear: () => map.clear(),
  };
  const options: CacheOptions = { store, ttlMs: 3_600_000, maxEntries: 100 };
  const cache = await KeyCache.open({ ...options, name: "keys", userId: "anna@example.org", sealedBy: pair });
  await KeyCache.open({ store: "indexeddb", name: "keys", userId: "anna@example.org", sealedBy: key });
  await KeyCache.open({ name: "keys", userId: "anna@example.org" });
  // @ts-expect-error whose cache it is must be said
  await KeyCache.open({ name: "keys" });
  // @ts-expect-error not a store
  await KeyCache.open({ store: "localstorage", name: "keys", userId: "anna@example.org" });
  await cache.set([key]);
  // @ts-expect-error keys, not their ids
  await cache.set([key.id]);
  const one: DataKey | undefined = await cache.get(key.id);
  const many: (DataKey | undefined)[] = await cache.getMany([key.id]);
  await cache.delete([key.id]);
  await cache.clear();
  const stats: CacheStats = await cache.stats();
  cache.close();
  return `${one?.id} ${many.length} ${stats.store} ${stats.entries + stats.hits + stats.misses} ${stats.degraded}`;
}

/** A backend of the application's own, before another one. */
export function watched(inner: Backend, seen: (path: string) => void): Backend {
  return {
    request: (method, path, body, options) => {
      seen(path);
      return inner.request(method, path, body, options);
    },
    ...(inner.events && { events: inner.events }),
    ...(inner.appShare && { appShare: inner.appShare }),
  };
}

export async function testServer(stored: Uint8Array, signal: AbortSignal): Promise<Json> {
  let now = 0;
  const backend = memoryBackend({ now: () => now++, state: stored });
  const backends: Backend[] = [memoryBackend(), watched(backend, console.log)];
  const stop: () => void = backend.events("anna", (event: Json) => console.log(event));
  stop();
  await backend.appShare.put("anna", "share");
  const share: string = await backend.appShare.get("anna", "receipt");
  const out: Out = await backend.snapshot();
  const [delivered] = backend.deliveredCodes();
  const named: string | undefined = delivered?.userId ?? delivered?.to ?? delivered?.code;
  await backend.assignPlaceholder("clinic", "group");
  // @ts-expect-error not a method of the API
  await backend.request("PATCH", "/v1/backup");
  // @ts-expect-error bytes are no JSON
  await backend.request("POST", "/v1/feed", { cursor: out });
  // @ts-expect-error text isn't a state
  memoryBackend({ state: "text" });
  const body: Json = { cursor: null, list: [1, true, share, {}], named: named ?? null };
  await backends[0]?.request("PUT", "/v1/backup", body, { signal, idempotencyKey: "1", userId: "anna", public: false });
  return backend.request("GET", "/v1/backup");
}

export function overHttp(own: NonNullable<Backend["appShare"]>): Backend[] {
  const token = () => "a token";
  // @ts-expect-error who asks has a token
  httpBackend({ url: "/keys" });
  // @ts-expect-error an address, or both calls
  httpBackend({ url: "/keys", token, appShare: { put: own.put } });
  const backends: Backend[] = [httpBackend({ url: "/keys", token })];
  backends.push(httpBackend({ url: "/keys", token: async () => "a token", fetch, appShare: own }));
  backends.push(httpBackend({ url: "/keys", token, appShare: { url: "/share" } }));
  return backends;
}

export async function people(backend: Backend, password: string): Promise<Wardkey> {
  const options: WardkeyOptions = {
    appId: "transfers.example",
    backend,
    userId: "anna",
    cache: { store: "indexeddb", ttlMs: 1, maxEntries: 1, maxStalenessMs: 1 },
    identityStore: "memory",
    resumeMs: 0,
    lockAfterMs: 900_000,
    suite: "hybrid",
    kdf: { name: "argon2id" },
    acceptKdf: [{ name: "pbkdf2-sha256", iterations: 600_000 }],
    trust: { anchors: { tomas: "fingerprint" }, firstUse: "reject", escrowKey: "fingerprint" },
  };
  const wardkey = await Wardkey.open(options);
  const { status } = wardkey;
  same<typeof status, "new" | "locked" | "ready">(true);
  const userId: string = wardkey.userId ?? wardkey.fingerprint ?? "anna";
  const listener = (event: WardkeyEventMap["revoked"]) => console.log(event.detail.sessionIds);
  wardkey.addEventListener("revoked", listener);
  wardkey.addEventListener("pin-changed", ({ detail: { id, from, to } }) => console.log(id, from, to), { once: true });
  wardkey.addEventListener("statuschange", ({ detail }) => same<typeof detail.status, typeof status>(true));
  const storeLoginSecret = async (secret: string) => console.log(secret.length);
  await storeLoginSecret(await wardkey.loginSecret({ userId, password }));
  await wardkey.register({ userId, password, recoveryContact: { email: "anna@example.org" } });
  const from: "local" | "restored" = await wardkey.unlock({ userId, password, minBackupVersion: 1 });
  await wardkey.changePassword({ oldPassword: password, newPassword: from, storeLoginSecret });
  const { recoveryId, sentTo } = await wardkey.startRecovery({ userId });
  await wardkey.finishRecovery({ userId, recoveryId, code: sentTo, newPassword: password, storeLoginSecret });
  await wardkey.renewKeys({ password });
  await wardkey.setRecoveryContact({ password, email: "anna@example.org" });
  await wardkey.verify("tomas", await wardkey.safetyNumber("tomas"));
  const { entries, wipesSurvived } = await wardkey.cache.stats();
  const { revoked } = await wardkey.cache.sync();
  await wardkey.cache.clear();
  const health: StorageHealth = await wardkey.storageHealth();
  const log: AuditEntry[] = await wardkey.auditLog({ since: health.lastWipe ?? new Date(0) });
  console.log(entries, wipesSurvived, revoked, log[0]?.action);
  await wardkey.lock();
  await wardkey.forget();
  await wardkey.close();
  return wardkey;
}

export async function ward(wardkey: Wardkey): Promise<string> {
  const group: Group = await wardkey.createGroup({ name: "Ward 3", members: ["tomas"], headHours: 72, adminDays: 30 });
  // @ts-expect-error it has a name
  await wardkey.createGroup({ members: ["tomas"] });
  await group.addMembers(["grace"], { admin: true });
  await group.removeMembers(["tomas"]);
  await group.setAdmins({ add: ["grace"] });
  await group.rotate();
  const members: { userId: string; admin: boolean }[] = await (await wardkey.group(group.id)).members();
  const { claimId, sentTo } = await group.startClaim("north");
  await group.finishClaim({ claimId, code: sentTo });
  await wardkey.createSession({ recipients: [{ group: group.id }], managers: [{ group: group.id }] });
  const names = (await wardkey.groups()).map(({ name, epoch, fingerprint }) => `${name} ${epoch} ${fingerprint}`);
  return `${members.length} ${names.join()}`;
}

export async function practice(wardkey: Wardkey): Promise<string> {
  interface Patient {
    id: string;
    name: string;
    born?: number;
  }
  const entities: Entities = wardkey.entities;
  const manifest: FieldManifest = ["name", "notes[].text?"];
  const patient: Patient = { id: "1234", name: "Ada Vertes" };
  const sealed: EncryptedEntity = await entities.encrypt("Patient", patient, manifest, { shareWith: ["tomas"] });
  // @ts-expect-error it has an id
  await entities.encrypt("Patient", { name: "Ada Vertes" }, manifest);
  const child = await entities.encrypt("Contact", { id: "4567" }, [], { parent: sealed });
  const opened: Patient = await entities.decrypt<Patient>(sealed);
  const many: Settled<Patient>[] = await entities.decryptMany<Patient>([sealed, child]);
  const updated = await entities.update(sealed, { ...opened, born: 1984 }, manifest);
  const delegations: DelegationMap = (await entities.share(updated, ["grace"])).delegations;
  const keys: string[] = await entities.secretForeignKeys(sealed);
  const { born: clear }: { born?: unknown } = sealed;
  return `${Object.keys(delegations)} ${keys} ${await entities.parentIds(child)} ${many.length} ${clear}`;
}

export async function shared(wardkey: Wardkey, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const recipients: Recipient[] = [{ user: "tomas" }, { placeholder: "north", contact: { email: "a@example.org" } }];
  const rights: Partial<Rights> = { forward: false };
  const session = await wardkey.createSession({ recipients, rights, managers: [], includeSelf: true, offline: true });
  // @ts-expect-error somebody must be named
  await wardkey.createSession({});
  await session.published;
  const sealed: Out = await session.encrypt("text", { context: { a: "b" }, padding: "padme", sign: false });
  const opened: Decrypted = await wardkey.decrypt(new Blob([sealed]), { context: { a: "b" } });
  const author: Author | undefined = opened.author ?? (await session.decrypt(sealed)).author;
  const many = await session.encryptMany([{ data: bytes }], { sign: true, padding: "none" });
  const settled: Settled<Decrypted>[] = await wardkey.decryptMany(many.map((sealed) => ({ sealed })));
  settled.push(...(await session.decryptMany([{ sealed }])));
  const stream = session.decryptStream();
  const end: Promise<Author | undefined> = stream.author;
  const piped = new Blob([bytes])
    .stream()
    .pipeThrough(session.encryptStream({ sign: true }))
    .pipeThrough(stream);
  const part: Out = await session.decryptRange(new Blob([sealed]), 0, await session.plaintextSize(new Blob([sealed])));
  for (const { recipient, manager, unconfirmed, addedBy, addedAt } of await session.recipients()) {
    if ("user" in recipient) console.log(recipient.user, manager, unconfirmed === true, addedBy, addedAt.getTime());
  }
  await session.addRecipients([{ user: "grace" }], { read: true });
  await session.revokeRecipients([{ user: "grace" }]);
  await session.rotate();
  await session.revokeAll();
  const again: Session = await wardkey.deserializeSession(await session.serialize());
  const found: Settled<Session>[] = await wardkey.openSessions([again.id, sealed]);
  (await wardkey.openSession(sealed)).free();
  session.free();
  return `${author?.fingerprint} ${(await end)?.userId} ${piped.locked} ${part.length} ${found.length} ${settled.length}`;
}
