import { MAX_EMAIL, MAX_NAME, passwordText, shortText, toBytes, toOptions } from "./arguments.js";
import { type CacheStats, type CoreStats, statsOf } from "./cache.js";
import { toSettings, type WardkeyOptions } from "./client-options.js";
import type { CoreClient, CoreSession, CoreTask } from "./core/wardkey_core.js";
import { call, coreNow, entitiesCore } from "./core.js";
import { chosenEngine } from "./engine.js";
import { type Entities, entitiesOf } from "./entities.js";
import { fromCore, invalid } from "./errors.js";
import { Group, toNames } from "./group.js";
import { isPersisted, isSecure, type StorageHealth } from "./health.js";
import type { Settled } from "./items.js";
import { nextTask } from "./pace.js";
import { ALL_RIGHTS, type Recipient, type Rights, toRecipients, toRights } from "./recipient.js";
import { Session } from "./session.js";
import { type Decrypted, decryptFound, decryptManyFound, type Sessions } from "./session-data.js";
import { type Listener, SharedClient, type Status } from "./shared-client.js";
import type { Bytes, DataOptions, ManyOptions, Sealed } from "./types.js";
import { hasWorker } from "./workers.js";

export interface WardkeyEventMap {
  statuschange: CustomEvent<{ status: Wardkey["status"] }>;
  /** This user reads them no more: close what shows them. */
  revoked: CustomEvent<{ sessionIds: string[] }>;
  /** A renewal, signed by its predecessor. The id is empty for the key server's own. */
  "pin-changed": CustomEvent<{ id: string; from: string; to: string }>;
  /** The application may remember the version: see unlock(). */
  "backup-changed": CustomEvent<{ version: number }>;
  /** The cache's store doesn't serve; it goes on from memory. */
  "cache-degraded": CustomEvent<{ reason: string }>;
  /** The cache's store was found emptied by somebody else. */
  // biome-ignore lint/complexity/noBannedTypes: as the contract has it
  "cache-wiped": CustomEvent<{}>;
}

export interface AuditEntry {
  /** By the key server's clock. */
  at: Date;
  /** A user; empty for the key server itself and the application. */
  actor: string;
  /** Of a session: create, grant, revoke, revoke-all, generation (a fresh key), assign, release (keys were given to the actor). Of an account: register, renew, contact, backup-pending,
   *  backup-active, recovery-start, recovery-wrong, recovery-release; group-create, group-add, group-remove, group-roles, group-rotate, of who did it and of whom it names;
   *  claim-start, claim-wrong, claim-release; exchange-key (one was made), exchange-release (exchange keys were given to the actor), of who made or was given one, and of the delegator. */
  action: string;
  sessionId?: string;
  groupId?: string;
  detail?: Record<string, string>;
}

const SECRET: unique symbol = Symbol("construct");
/** Characters of fingerprints and safety numbers, with spaces. */
const MAX_COMPARED = 256;
const MAX_CODE = 64;
/** A session has at most some megabytes. */
const MAX_SERIALIZED = 1 << 26;
const CREATE = ["recipients", "managers", "rights", "includeSelf", "offline"];

/** A person's identity on this device, and the sessions that she reads. open() it; register() once in a life, unlock() after each login; createSession() and decrypt(). */
export class Wardkey extends EventTarget {
  readonly #shared: SharedClient;
  readonly #listener: Listener;
  #closed = false;

  private constructor(secret: typeof SECRET, shared: SharedClient, listener: Listener) {
    super();
    if (secret !== SECRET) throw invalid("a Wardkey comes from open()");
    this.#shared = shared;
    this.#listener = listener;
  }

  /** Looks what is on the device; asks nobody. The same appId and userId opened twice in one page (React StrictMode, hot reload) share state, with the
   *  options of the first; close() drops one reference.
   *  @throws `invalid-argument`, `kdf-policy`, `key-policy`, `unsupported-environment`; `network` if the client's part of the package can't be loaded */
  static async open(options: WardkeyOptions): Promise<Wardkey> {
    const settings = toSettings(options);
    const early: [string, object][] = [];
    let tell: Listener = (...event) => void early.push(event);
    const listener: Listener = (...event) => tell(...event);
    const shared = await SharedClient.join(settings, listener);
    const opened = new Wardkey(SECRET, shared, listener);
    const dispatch: Listener = (type, detail) => void opened.dispatchEvent(new CustomEvent(type, { detail }));
    // The status is there to be read; of all else nobody could have heard yet.
    const missed = early.filter(([type]) => type !== "statuschange");
    tell = dispatch;
    if (missed.length > 0) {
      nextTask().then(() => {
        for (const event of missed) dispatch(...event);
      });
    }
    return opened;
  }

  /** "new": nothing on this device, a first visit or a whole wipe: unlock(), or for a new user register(). "locked": a sealed identity is here: unlock(). "ready": it is open. */
  get status(): "new" | "locked" | "ready" {
    return this.#shared.status satisfies Status;
  }

  /** Whose identity is here. */
  get userId(): string | undefined {
    return this.#shared.userId;
  }

  /** Of the open identity: what others know it by. */
  get fingerprint(): string | undefined {
    return this.#closed ? undefined : call(() => this.#shared.core.fingerprint());
  }

  /** One slow derivation gives the backup's key and this secret: the application authenticates with it and never sees the password. Needs no token.
   *  The derivation is kept for two minutes for the register() or unlock() that follows.
   *  @throws `password-format`, `kdf-policy`, `network`, `server`, `throttled` */
  async loginSecret(options: { userId: string; password: string }): Promise<string> {
    const { userId, password } = toOptions(options, ["userId", "password"]);
    const [user, text] = [name(userId), passwordText(password)];
    return this.#derive<string>((core) => core.loginSecret(user, text));
  }

  /** Makes the keys, publishes the public half, stores the backup sealed by the password. For people whom the application's own server knows as new: never overwrites
   *  (`already-registered`), but a key server that lies can say that there is nothing. `recoveryContact` needs the backend's `appShare`.
   *  @throws also `password-format`, `kdf-policy`, `pin-mismatch` of the key server, `invalid-argument`, `network`, `server` */
  async register(options: { userId: string; password: string; recoveryContact?: { email: string } }): Promise<void> {
    const { userId, password, recoveryContact } = toOptions(options, ["userId", "password", "recoveryContact"]);
    const [user, text] = [name(userId), passwordText(password)];
    const contact = recoveryContact === undefined ? undefined : address(toOptions(recoveryContact, ["email"]).email);
    this.#checkUser(user);
    await this.#derive((core) => core.register(user, text, contact));
    this.#shared.unlocked();
  }

  /** Silent recovery. "local": the identity was on the device; "restored": it came from the backup (after a wipe, on a new device).
   *  @throws `wrong-password`, `no-backup`, `backup-rollback` (older than minBackupVersion, or than this device has seen), `kdf-policy`, `pin-mismatch`, `network`, `server` */
  async unlock(options: {
    userId: string;
    password: string;
    minBackupVersion?: number;
  }): Promise<"local" | "restored"> {
    const { userId, password, minBackupVersion = 0 } = toOptions(options, ["userId", "password", "minBackupVersion"]);
    const [user, text] = [name(userId), passwordText(password)];
    if (typeof minBackupVersion !== "number") throw invalid("minBackupVersion is not a number");
    this.#checkUser(user);
    const from = await this.#derive<"local" | "restored">((core) => core.unlock(user, text, minBackupVersion));
    this.#shared.unlocked();
    return from;
  }

  /** Atomic: the new backup is uploaded as pending, storeLoginSecret is awaited, then it counts; after a failure in between, either password still works.
   *  @throws `locked`, `wrong-password`, `password-format`, `network`, `server`; what storeLoginSecret throws, as `server` with its cause if it is no WardkeyError */
  async changePassword(options: {
    oldPassword: string;
    newPassword: string;
    storeLoginSecret?: (secret: string) => Promise<void>;
  }): Promise<void> {
    const given = toOptions(options, ["oldPassword", "newPassword", "storeLoginSecret"]);
    const [old, text] = [passwordText(given.oldPassword), passwordText(given.newPassword)];
    const store = toStore(given.storeLoginSecret);
    await this.#run((core) => core.changePassword(this.#shared.host, old, text, store));
  }

  /** Last resort, two-man rule: one share at the application, one at the key server behind a code sent by e-mail. Needs no token.
   *  @throws `no-backup` without a contact, `throttled`, `network`, `server` */
  async startRecovery(options: { userId: string }): Promise<{ recoveryId: string /** masked */; sentTo: string }> {
    const user = name(toOptions(options, ["userId"]).userId);
    const [recoveryId, sentTo] = await this.#run<[string, string]>((core) => core.startRecovery(user));
    return { recoveryId, sentTo };
  }

  /** Opens the backup with both shares, and writes it under the new password. A right code is spent, whatever follows.
   *  @throws what the backend's `appShare` throws; `otp-wrong`, `otp-expired`, `otp-locked`; `decryption-failed`, `key-mismatch` where one of the two cheats; `password-format`, `network`, `server` */
  async finishRecovery(options: {
    userId: string;
    recoveryId: string;
    code: string;
    newPassword: string;
    storeLoginSecret?: (secret: string) => Promise<void>;
  }): Promise<void> {
    const given = toOptions(options, ["userId", "recoveryId", "code", "newPassword", "storeLoginSecret"]);
    const [user, text, store] = [name(given.userId), passwordText(given.newPassword), toStore(given.storeLoginSecret)];
    const recovery = shortText(given.recoveryId, "recoveryId", MAX_CODE, "invalid-argument");
    const code = shortText(given.code, "the code", MAX_CODE, "otp-wrong").trim();
    this.#checkUser(user);
    await this.#derive((core) => core.finishRecovery(this.#shared.host, user, recovery, code, text, store));
    this.#shared.unlocked();
  }

  /** New keys for the same identity, signed by the old ones; what was wrapped for the old ones still opens. Others are told by `pin-changed`.
   *  @throws `locked`, `wrong-password`, `limit`, `network`, `server` */
  async renewKeys(options: { password: string }): Promise<void> {
    const text = passwordText(toOptions(options, ["password"]).password);
    await this.#run((core) => core.renewKeys(text));
  }

  /** Where one-time codes go from now on. Needs the backend's `appShare`.
   *  @throws `locked`, `wrong-password`, `invalid-argument`, `network`, `server` */
  async setRecoveryContact(options: { password: string; email: string }): Promise<void> {
    const { password, email } = toOptions(options, ["password", "email"]);
    const [text, contact] = [passwordText(password), address(email)];
    await this.#run((core) => core.setRecoveryContact(text, contact));
  }

  /** Keys out of memory, and no reload goes on without the password, in all tabs. What is sealed stays on the device.
   *  @throws `storage-unavailable` if the resume entry can't be deleted: a reload may go on without the password, and this page is locked all the same */
  async lock(): Promise<void> {
    this.#open();
    await this.#shared.lock();
  }

  /** As lock(), and deletes the sealed identity, the cache and the outbox from this device: what waits there is lost, see `storageHealth().outbox`. */
  async forget(): Promise<void> {
    this.#open();
    await this.#shared.forget();
  }

  /** Drops one reference; with the last one, keys leave the memory. Reloads go on as they would. May be called twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#shared.leave(this.#listener);
  }

  /** A new session. Resolves when the server has it. With offline: when it is safely in the device's outbox (`storage-unavailable` if it can't be), for recipients
   *  who were met before; it is sent when somebody answers, and again after reloads: `Session.published`. The creator is a recipient with all rights unless includeSelf is false.
   *  @throws `unknown-user`, `unknown-group`, `not-certified`, `pin-mismatch`; `stale` where nobody in a group has lately said what its newest state is; `invalid-argument` without
   *  a reader; `locked`, `network`, `server` */
  async createSession(options: {
    recipients: readonly Recipient[];
    managers?: readonly Recipient[];
    rights?: Partial<Rights>;
    includeSelf?: boolean;
    offline?: boolean;
  }): Promise<Session> {
    const { recipients, managers = [], rights, includeSelf = true, offline = false } = toOptions(options, CREATE);
    const given = toRecipients(recipients as readonly Recipient[], toRights(rights));
    given.push(...toRecipients(managers, ALL_RIGHTS, "managers"));
    if (typeof includeSelf !== "boolean") throw invalid("includeSelf is not a boolean");
    if (typeof offline !== "boolean") throw invalid("offline is not a boolean");
    const { userId } = this;
    if (includeSelf && userId !== undefined) given.push(["user", userId, undefined, ALL_RIGHTS]);
    const session = await this.#run<CoreSession>((core) => core.createSession(given, offline));
    const opened = Session.fromCore(session, this.#shared);
    if (offline) this.#shared.sendOutbox().catch(() => undefined);
    return opened;
  }

  /** A session by its id, or by a message of it.
   *  @throws `unknown-session`, `not-a-recipient`, `revoked`; `bad-signature`, `not-certified`, `key-mismatch`, `rollback`, `fork` for what is not as it should be; `locked`, `network`, `server` */
  async openSession(idOrSealed: string | Bytes): Promise<Session> {
    const [opened] = await this.openSessions([idOrSealed]);
    if (!opened?.ok) throw opened?.error ?? invalid("no session");
    return opened.value;
  }

  /** Sessions by ids or messages, with one key request for all that aren't known yet. One that doesn't open is an error in its place, as openSession() has it. */
  async openSessions(idsOrSealed: readonly (string | Bytes)[]): Promise<Settled<Session>[]> {
    if (!Array.isArray(idsOrSealed)) throw invalid("the ids are not an array");
    const start = call(() => coreNow().messageStart());
    // Copied at once: whatever becomes of it later is nothing.
    const wanted = idsOrSealed.map((given: string | Bytes) =>
      typeof given === "string"
        ? shortText(given, "a session's id", MAX_NAME, "invalid-argument")
        : toBytes(given, "a session", "its id, or a message of it").slice(0, start),
    );
    const opened = await this.#run<(CoreSession | Error)[]>((core) => core.openSessions(wanted));
    return opened.map((session) =>
      session instanceof Error
        ? { ok: false, error: fromCore(session) }
        : { ok: true, value: Session.fromCore(session, this.#shared) },
    );
  }

  /** Decrypts a message of any session, which its header names: as Session.decrypt().
   *  @throws also as openSession() */
  async decrypt(sealed: Bytes | Blob, options?: DataOptions): Promise<Decrypted> {
    return decryptFound(this.#sessions(), sealed, options);
  }

  /** Many messages of any sessions, with one key request for all: as Session.decryptMany().
   *  @throws as openSessions() */
  async decryptMany(items: readonly Sealed[], options?: ManyOptions): Promise<Settled<Decrypted>[]> {
    return decryptManyFound(this.#sessions(), items, options);
  }

  #sessions(): Sessions {
    this.#open();
    const { locked } = this.#shared;
    return { locked, find: (beginnings) => this.#shared.core.openSessions(beginnings), run: (task) => this.#run(task) };
  }

  /** What Session.serialize() gave, on any device of the same identity: usable until its time to live ends, if the server doesn't say that it was revoked since.
   *  @throws `invalid-format`; `decryption-failed` for another identity's; `revoked`, `locked`; as openSession() where it has to be fetched anew */
  async deserializeSession(text: string): Promise<Session> {
    const given = shortText(text, "the serialized session", MAX_SERIALIZED, "limit");
    return Session.fromCore(await this.#run<CoreSession>((core) => core.deserializeSession(given)), this.#shared);
  }

  /** A new group of people who come and go; the creator is an admin of it. A head, a member's word on what the newest state is, is good for `headHours` (default 24), and the
   *  group goes on for `adminDays` (default 7) without an admin's signature; then nothing is written for it until somebody of it is on line. At most 90 days.
   *  @throws `invalid-argument`, `limit`, `unknown-user`, `not-certified`, `pin-mismatch`, `locked`, `network`, `server` */
  async createGroup(options: {
    name: string;
    members?: readonly string[];
    admins?: readonly string[];
    headHours?: number;
    adminDays?: number;
  }): Promise<Group> {
    const given = toOptions(options, ["name", "members", "admins", "headHours", "adminDays"]);
    const title = shortText(given.name, "the group's name", MAX_NAME, "invalid-argument");
    const { members = [], admins = [], headHours = 24, adminDays = 7 } = given;
    for (const life of [headHours, adminDays]) if (typeof life !== "number") throw invalid("a lifetime is a number");
    const [some, others] = [toNames(members, "members"), toNames(admins, "admins")];
    const id = await this.#run<string>((core) => core.createGroup(title, some, others, headHours, adminDays));
    return Group.of(id, this.#shared);
  }

  /** A group by its id: also one to which the own user doesn't belong. Who knows the id, which nobody guesses, may read who belongs.
   *  @throws `unknown-group`; `rollback`, `fork`, `bad-signature`, `forbidden` for what is not as it should be; `locked`, `network`, `server` */
  async group(id: string): Promise<Group> {
    const given = shortText(id, "a group's id", MAX_NAME, "unknown-group");
    await this.#run((core) => core.group(given));
    return Group.of(given, this.#shared);
  }

  /** The groups to which the own user belongs.
   *  @throws `locked`, `network`, `server` */
  async groups(): Promise<Group[]> {
    const ids = await this.#run<string[]>((core) => core.groups());
    return ids.map((id) => Group.of(id, this.#shared));
  }

  /** What the people of both sides compare: the same number on both, twelve times five digits. Of a group, whoever has to do with it: its number is the same for all. It pins
   *  nobody: verify() does.
   *  @throws `unknown-user`, `unknown-group`, `locked`, `network`, `server` */
  async safetyNumber(userOrGroupId: string): Promise<string> {
    const user = name(userOrGroupId);
    return this.#run((core) => core.safetyNumber(user));
  }

  /** Pins what people compared over a channel of their own.
   *  @throws `pin-mismatch` if it is another; `invalid-argument` if it is neither; `unknown-user`, `locked`, `network`, `server` */
  async verify(userOrGroupId: string, fingerprintOrSafetyNumber: string): Promise<void> {
    const user = name(userOrGroupId);
    const compared = shortText(fingerprintOrSafetyNumber, "what was compared", MAX_COMPARED, "invalid-argument");
    await this.#run((core) => core.verify(user, compared));
  }

  /** Records of the application, encrypted member by member, linked by sealed ids and shared by a few short values. */
  readonly entities: Entities = entitiesOf(
    async (make) => {
      this.#open();
      await entitiesCore();
      return this.#run(make);
    },
    () => this.userId,
  );

  /** What is kept of sessions and exchange keys, so that what they are for opens without a request. */
  readonly cache: {
    stats(): Promise<CacheStats & { wipesSurvived: number }>;
    /** Deletes it here and in the store. Sessions that are open stay so. */
    clear(): Promise<void>;
    /** Reads the revocation feed now.
     *  @throws `locked`, `network`, `stale` where everything but the feed answers, `server` */
    sync(): Promise<{ revoked: string[] }>;
  } = {
    stats: () => this.#cacheStats(),
    clear: () => this.#run((core) => core.clearCache()),
    sync: async () => ({ revoked: await this.#run<string[]>((core) => core.sync()) }),
  };

  async #cacheStats(): Promise<CacheStats & { wipesSurvived: number }> {
    this.#open();
    const kind = this.#shared.cacheKind;
    if (this.status !== "ready") return { store: kind, entries: 0, hits: 0, misses: 0, wipesSurvived: 0 };
    return statsOf(kind, await this.#run<CoreStats>((core) => core.cacheStats()));
  }

  /** What a front end shows before keys are lost. Asks nobody. */
  async storageHealth(): Promise<StorageHealth> {
    const backup = await this.#run<StorageHealth["backup"]>((core) => core.backupHealth());
    const lastWipe = await this.#shared.lookForWipe();
    return {
      identityStore: this.#shared.device.kind,
      cacheStore: (await this.#cacheStats()).store,
      persisted: await isPersisted(),
      backup,
      ...(lastWipe === undefined ? {} : { lastWipe }),
      secureContext: isSecure(),
      engine: chosenEngine(),
      worker: (await hasWorker()) ? "started" : "inline",
      outbox: await this.#run<number>((core) => core.outboxLength()),
    };
  }

  /** Key releases and right changes, of a session or of the own account; hash-chained, verified while read. Openings from a warm cache leave no trace.
   *  @throws `unknown-session`, `revoked`, `not-a-recipient`; `bad-signature`, `rollback`, `fork` for what is no chain up to what the key server signed; `locked`, `network`, `server` */
  async auditLog(options?: { sessionId?: string; since?: Date }): Promise<AuditEntry[]> {
    const { sessionId, since } = toOptions(options, ["sessionId", "since"]);
    if (sessionId !== undefined) shortText(sessionId, "sessionId", MAX_NAME, "invalid-argument");
    const from = since === undefined ? 0 : toTime(since);
    const told = await this.#run<[number, string?, string?, string?, string?, string[]?][]>((core) =>
      core.auditLog(sessionId, from),
    );
    return told.map(([at, actor = "", action = "", session, group, detail = []]) => ({
      at: new Date(at),
      actor,
      action,
      ...(session === undefined ? {} : { sessionId: session }),
      ...(group === undefined ? {} : { groupId: group }),
      ...(detail.length === 0 ? {} : { detail: toDetail(detail) }),
    }));
  }

  override addEventListener<K extends keyof WardkeyEventMap>(
    type: K,
    listener: (e: WardkeyEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    // biome-ignore lint/suspicious/noExplicitAny: one for both
    listener: any,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
  }

  #run<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    this.#open();
    return this.#shared.runForUser(make);
  }

  /** What may keep a derivation, also where it fails. */
  async #derive<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    try {
      return await this.#run<T>(make);
    } finally {
      this.#shared.expireDerivation();
    }
  }

  /** Who opened it for one user can't find another one here, nor that one's locks. */
  #checkUser(user: string): void {
    const { wanted } = this.#shared;
    if (wanted !== undefined && wanted !== user) throw invalid("opened for another userId");
  }

  #open(): void {
    if (this.#closed) throw invalid("used after close()");
  }
}

function name(userId: unknown): string {
  return shortText(userId, "userId", MAX_NAME, "invalid-argument");
}

function address(email: unknown): string {
  return shortText(email, "the e-mail address", MAX_EMAIL, "invalid-argument");
}

function toStore(store: unknown): unknown {
  if (store !== undefined && typeof store !== "function") throw invalid("storeLoginSecret is not a function");
  return store;
}

function toTime(since: unknown): number {
  const time = since instanceof Date ? since.getTime() : Number.NaN;
  if (!Number.isSafeInteger(time)) throw invalid("since is not a Date");
  return Math.max(time, 0);
}

/** A record of [name, value, …]. */
function toDetail(pairs: readonly string[]): Record<string, string> {
  const entries: [string, string][] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) entries.push([pairs[at] as string, pairs[at + 1] as string]);
  return Object.fromEntries(entries);
}
