/// <reference lib="esnext.disposable" preserve="true" />
import type { CoreSession, CoreTask } from "./core/wardkey_core.js";
import { call, Handle } from "./core.js";
import { invalid, isWardkeyError } from "./errors.js";
import { type CoreRecipient, fromCore, type Recipient, type Rights, toRecipients, toRights } from "./recipient.js";
import type { SharedClient } from "./shared-client.js";

/** Who wrote a message, verified. */
export interface Author {
  userId: string;
  fingerprint: string;
}

const SECRET: unique symbol = Symbol("construct");

/** Data for some people: whoever is a recipient reads all of it, and what is written later. Its keys stay inside the WebAssembly memory until free(), which may
 *  be called twice; use after it is `invalid-argument`. */
export class Session {
  readonly #session: Handle<CoreSession>;
  readonly #shared: SharedClient;
  readonly id: string;
  /** Resolved at once unless created offline. */
  readonly published: Promise<void>;

  private constructor(secret: typeof SECRET, session: CoreSession, shared: SharedClient) {
    if (secret !== SECRET) throw invalid("a Session comes from createSession() or openSession()");
    this.id = call(() => session.id());
    this.#session = new Handle(session);
    this.#shared = shared;
    this.published = call(() => session.isPublished()) ? Promise.resolve() : shared.published(this.id);
  }

  /** @internal */
  static fromCore(session: CoreSession, shared: SharedClient): Session {
    return new Session(SECRET, session, shared);
  }

  /** Who has rights, as the server knows it; offline, as this device does.
   *  @throws `revoked`, `locked`, `rollback`, `fork`, `server` */
  async recipients(): Promise<
    { recipient: Recipient; rights: Rights; manager: boolean; addedBy: string; addedAt: Date; unconfirmed?: true }[]
  > {
    try {
      await this.#run((session) => session.update());
    } catch (error) {
      if (!isWardkeyError(error) || error.code !== "network") throw error;
    }
    const all = call(() => this.#session.inner.recipients()) as [...CoreRecipient, string | null, number][];
    return all.map(([kind, name, contact, rights, addedBy, addedAt]) => ({
      ...fromCore([kind, name, contact, rights]),
      addedBy: addedBy ?? "",
      addedAt: new Date(addedAt),
    }));
  }

  /** Gives rights to more people; what is stored stays as it is. Default rights: read and forward.
   *  @throws `forbidden`, `unknown-user`, `not-certified`, `pin-mismatch`, `locked`, `network`, `server` */
  async addRecipients(recipients: readonly Recipient[], rights?: Partial<Rights>): Promise<void> {
    const given = toRecipients(recipients, toRights(rights));
    if (given.length > 0) await this.#run((session) => session.addRecipients(given));
  }

  /** Takes all rights. Who is revoked opens nothing of the session any more, and nothing that is written from now on is for them.
   *  @throws `forbidden`; `invalid-argument` for who has no rights; `locked`, `network`, `server` */
  async revokeRecipients(recipients: readonly Recipient[]): Promise<void> {
    const given = toRecipients(recipients, 0);
    if (given.length > 0) await this.#run((session) => session.revokeRecipients(given));
  }

  /** Takes all rights from everybody, the caller too: for managers.
   *  @throws `forbidden`, `locked`, `network`, `server` */
  async revokeAll(): Promise<void> {
    await this.#run((session) => session.revokeAll());
  }

  /** A fresh key for what is written from now on, wrapped only for those who still have the right. Happens by itself after a revocation or a departure.
   *  @throws `forbidden`, `pin-mismatch`, `locked`, `network`, `server` */
  async rotate(): Promise<void> {
    await this.#run((session) => session.rotate());
  }

  /** Gives it up here. May be called twice. */
  free(): void {
    this.#session.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }

  #run<T>(make: (session: CoreSession) => CoreTask): Promise<T> {
    return this.#shared.run(() => make(this.#session.inner));
  }
}
