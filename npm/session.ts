/// <reference lib="esnext.disposable" preserve="true" />
import type { CoreSession, CoreTask } from "./core/wardkey_core.js";
import { call, Handle } from "./core.js";
import { invalid, isWardkeyError } from "./errors.js";
import type { Settled } from "./items.js";
import { type CoreRecipient, fromCore, type Recipient, type Rights, toRecipients, toRights } from "./recipient.js";
import {
  type Author,
  type Decrypted,
  decrypt,
  decryptMany,
  decryptRange,
  decryptStream,
  encrypt,
  encryptMany,
  encryptStream,
  plaintextSize,
  type WritableSession,
} from "./session-data.js";
import type { SharedClient } from "./shared-client.js";
import type { Pipe } from "./streams.js";
import type {
  Bytes,
  Data,
  DataOptions,
  EncryptOptions,
  ManyOptions,
  Out,
  Plain,
  RangeSource,
  Sealed,
} from "./types.js";

const SECRET: unique symbol = Symbol("construct");

/** Data for some people: whoever may read it reads all of it, from before too, and writes in it. Its keys stay inside the WebAssembly memory until free(), which may
 *  be called twice, and until the identity is locked. Use after free() is `invalid-argument`; after a lock `locked`, for good: open it again. */
export class Session {
  readonly #session: Handle<CoreSession>;
  readonly #shared: SharedClient;
  readonly id: string;
  /** Resolved at once unless created offline: then when the key server has it. Rejects where that won't take it as it is, or with `aborted` where it was forgotten first. */
  readonly published: Promise<void>;
  readonly #open: WritableSession;

  private constructor(secret: typeof SECRET, session: CoreSession, shared: SharedClient) {
    if (secret !== SECRET) throw invalid("a Session comes from createSession() or openSession()");
    this.id = call(() => session.id());
    this.#session = new Handle(session);
    this.#shared = shared;
    this.published = call(() => session.isPublished()) ? Promise.resolve() : shared.published(this.id);
    const own = this.#session;
    this.#open = {
      id: this.id,
      get core() {
        return own.inner;
      },
      run: (task) => shared.runForUser(task),
      write: (task) =>
        call(() => own.inner.isDue()) ? shared.inTurn(this.id, () => shared.runForUser(task)) : shared.runForUser(task),
      get locked() {
        return shared.locked;
      },
    };
  }

  /** @internal */
  static fromCore(session: CoreSession, shared: SharedClient): Session {
    return new Session(SECRET, session, shared);
  }

  /** Encrypts for the recipients, under a new key where one is due: text as UTF-8, bytes, or a Blob. `sign` (default true): as the author. Data is worked on
   *  as DataKey.encrypt() has it.
   *  @throws `forbidden`, `revoked`, `locked`, `network`, `server`; `invalid-argument`, `limit`, `aborted`, `rng` */
  async encrypt(data: Data, options?: EncryptOptions & { sign?: boolean }): Promise<Out> {
    return encrypt(this.#open, data, options);
  }

  /** Decrypts, and verifies the author. Nothing comes out before both are done.
   *  @throws `bad-signature` for whatever is wrong with the author's part; `key-mismatch` for a message of another session; `not-a-recipient`, `revoked`, `rollback`, `fork`,
   *  `forbidden` for an author who had no right to write; as DataKey.decrypt(); `locked`, `network`, `server` */
  async decrypt(sealed: Bytes | Blob, options?: DataOptions): Promise<Decrypted> {
    return decrypt(this.#open, sealed, options);
  }

  /** Many small records in one call, with one signature for all. An item of a wrong type, or with other members than `data` and `context`, fails the whole call.
   *  @throws as encrypt() */
  async encryptMany(items: readonly Plain[], options?: ManyOptions & { sign?: boolean }): Promise<Out[]> {
    return encryptMany(this.#open, items, options);
  }

  /** Never throws for one bad item: it says so in that item's place. One request at most.
   *  @throws `locked` */
  async decryptMany(items: readonly Sealed[], options?: ManyOptions): Promise<Settled<Decrypted>[]> {
    return decryptMany(this.#open, items, options);
  }

  /** As DataKey.encryptStream(). `sign` (default false): as the author. Needs init() done.
   *  @throws `invalid-argument`, `not-initialised`; errors of the stream also as encrypt() */
  encryptStream(options?: EncryptOptions & { /** default false */ sign?: boolean }): Pipe {
    return encryptStream(this.#open, options);
  }

  /** As DataKey.decryptStream(). The author of a signed stream is known at its end: what came out before is authenticated as a recipient's, and becomes the author's only
   *  with the promise, or with the end of the stream, which is an error otherwise: `bad-signature`. Needs init() done. */
  decryptStream(options?: DataOptions): Pipe & { readonly author: Promise<Author | undefined> } {
    return decryptStream(this.#open, options);
  }

  /** As DataKey.decryptRange(); says nothing of the author.
   *  @throws as decrypt(), but for the author */
  async decryptRange(source: Blob | RangeSource, start: number, end: number, options?: DataOptions): Promise<Out> {
    return decryptRange(this.#open, source, start, end, options);
  }

  /** Length of the data of a message, authenticated with its last chunk.
   *  @throws as decryptRange() */
  async plaintextSize(source: Blob | RangeSource, options?: DataOptions): Promise<number> {
    return plaintextSize(this.#open, source, options);
  }

  /** Who has rights, as the server knows it; offline, as this device does. `addedBy`: a user; empty for the key server. `addedAt`: by his clock, whatever that says. `unconfirmed`: by
   *  somebody who acted for a group and has left it, and nobody acted after him while he still belonged; who is so is not given what is written from now on, until somebody entitled adds him again.
   *  @throws `revoked`, `locked`, `rollback`, `fork`, `server` */
  async recipients(): Promise<
    { recipient: Recipient; rights: Rights; manager: boolean; addedBy: string; addedAt: Date; unconfirmed?: true }[]
  > {
    try {
      await this.#run((session) => session.update());
    } catch (error) {
      if (!isWardkeyError(error) || error.code !== "network") throw error;
    }
    const all = call(() => this.#session.inner.recipients()) as [...CoreRecipient, string | null, number, boolean][];
    return all.map(([kind, name, contact, rights, addedBy, addedAt, unconfirmed]) => ({
      ...fromCore([kind, name, contact, rights]),
      addedBy: addedBy ?? "",
      addedAt: new Date(addedAt),
      ...(unconfirmed ? { unconfirmed } : {}),
    }));
  }

  /** Gives rights to more people, or more rights; what is stored stays as it is. Default rights: read and forward. Nobody gives what she doesn't have.
   *  @throws `forbidden`, `unknown-user`, `not-certified`, `pin-mismatch`, `locked`, `network`, `server` */
  async addRecipients(recipients: readonly Recipient[], rights?: Partial<Rights>): Promise<void> {
    const given = toRecipients(recipients, toRights(rights));
    if (given.length > 0) await this.#append((session) => session.addRecipients(given));
  }

  /** Takes all rights. The key server gives them nothing of the session any more, nothing that is written from now on is for them, and what their devices keep goes when they
   *  read the feed. What they have seen they have seen. Rights that they gave stay.
   *  @throws `forbidden`; `invalid-argument` for who has no rights; `locked`, `network`, `server` */
  async revokeRecipients(recipients: readonly Recipient[]): Promise<void> {
    const given = toRecipients(recipients, 0);
    if (given.length > 0) await this.#append((session) => session.revokeRecipients(given));
  }

  /** Takes all rights from everybody, the caller too: for managers. Nobody can give any again.
   *  @throws `forbidden`, `locked`, `network`, `server` */
  async revokeAll(): Promise<void> {
    await this.#append((session) => session.revokeAll());
  }

  /** A fresh key for what is written from now on, wrapped only for those who still have the right. Happens by itself after a revocation or a departure.
   *  @throws `forbidden`, `pin-mismatch`, `locked`, `network`, `server` */
  async rotate(): Promise<void> {
    await this.#append((session) => session.rotate());
  }

  /** Sealed for this identity, so it can be kept anywhere; Wardkey.deserializeSession() brings it back, time to live and revocations still apply.
   *  @throws `revoked`, `locked`, `network`, `server` */
  async serialize(): Promise<string> {
    return this.#run((session) => session.serialize());
  }

  /** Gives it up here. May be called twice. */
  free(): void {
    this.#session.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }

  /** What this page appends to the log of a session, it appends in turn. */
  #append(make: (session: CoreSession) => CoreTask): Promise<void> {
    return this.#shared.inTurn(this.id, () => this.#run(make));
  }

  #run<T>(make: (session: CoreSession) => CoreTask): Promise<T> {
    return this.#shared.runForUser(() => make(this.#session.inner));
  }
}
