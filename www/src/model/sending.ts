import type { Recipient, Session, Wardkey } from "wardkey";
import { Observable } from "../observable";
import * as api from "../server/api";
import { ServerError } from "../server/request";
import type { Facility } from "../server/types";
import type { AddressBook } from "./address-book";
import { AddressProblem } from "./address-problem";
import { freshId, fromBase64url, type Octets, toBase64url } from "./bytes";
import { dropDraft, keepDraft, NotKept } from "./draft-store";
import { lockOf, sealDraft } from "./drafts";
import { take } from "./lock";
import { type AttachedFile, type TransferRecord, transferContext } from "./record";
import type { Upload } from "./upload";

export type Draft = Omit<TransferRecord, "files">;

/** What was written first has arrived, and what was changed since has not. */
export class SentBefore extends Error {
  override readonly name = "SentBefore";
}

/** One transfer on its way out. What failed can be sent again, after a reload too: session, files and id are made once. */
export class Sending extends Observable {
  readonly id: string;
  /** Whether a reload goes on; unknown until it is tried. */
  isKept: boolean | undefined;
  readonly #wardkey: Wardkey;
  readonly #book: AddressBook;
  readonly #to: string;
  /** The session under which a page before this one sealed the files. */
  readonly #begun: string | undefined;
  #session: Promise<Session> | undefined;
  #sealed: { text: string; sealed: string } | undefined;
  #release: (() => void) | undefined;

  /** `begun`: by a page that is no more. */
  constructor(wardkey: Wardkey, book: AddressBook, to: string, begun?: { id: string; sessionId: string }) {
    super();
    this.#wardkey = wardkey;
    this.#book = book;
    this.#to = to;
    this.id = begun?.id ?? freshId();
    this.#begun = begun?.sessionId;
    if (begun) this.isKept = true;
  }

  async send(draft: Draft, uploads: readonly Upload[]): Promise<string> {
    for (const upload of uploads) upload.renew();
    const isBefore = this.#session !== undefined || this.#begun !== undefined;
    this.#session ??= this.#begin();
    const session = await this.#session.catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    if (isBefore) await this.#checkReceiver(session);
    this.#release ??= await take(lockOf(this.id));
    if (!this.#release) throw new ServerError("conflict");
    await this.#tryToKeep(() => this.#keep(session, draft, uploads));
    // All files are sealed first: from then on a reload needs none of them.
    for (const upload of uploads) await this.#seal(session, upload, draft, uploads);
    const files: AttachedFile[] = [];
    for (const upload of uploads) files.push(await this.#upload(session, upload, draft, uploads));
    for (const upload of uploads) upload.throwIfCancelled();
    await this.#create(session, { ...draft, files });
    await this.discard();
    return this.id;
  }

  /** What was begun is for whom the address book named then. */
  async #checkReceiver(session: Session): Promise<void> {
    const wanted = nameOf(await this.#book.recipient(this.#to));
    const readers = (await session.recipients()).filter(({ manager }) => !manager);
    if (readers.map(({ recipient }) => nameOf(recipient)).join() !== wanted) throw new AddressProblem("facility");
  }

  /** Nothing of it is kept in this browser any more. */
  async discard(): Promise<void> {
    await dropDraft(this.id).catch(() => undefined);
    this.isKept = undefined;
    this.leave();
  }

  /** Somebody else may go on with it. */
  leave(): void {
    this.#release?.();
    this.#release = undefined;
  }

  async #seal(session: Session, upload: Upload, draft: Draft, all: readonly Upload[]): Promise<void> {
    await this.#tryToKeep(() => upload.seal(session, this.id, () => this.#keep(session, draft, all)));
  }

  /** Where the browser keeps nothing, or has no room for it, what was kept of it is of no use. */
  async #tryToKeep(keep: () => Promise<void>): Promise<void> {
    if (this.isKept === false) return;
    try {
      await keep();
      this.isKept = true;
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      // What a page before this one kept is all that there is of its files.
      if (this.#begun !== undefined) return;
      this.isKept = false;
      this.changed();
      await dropDraft(this.id).catch(() => undefined);
    }
  }

  async #upload(session: Session, upload: Upload, draft: Draft, all: readonly Upload[]): Promise<AttachedFile> {
    try {
      return await upload.send(session, this.id);
    } catch (error) {
      if (!(error instanceof NotKept) || !upload.file) throw error;
      // A wipe took what was kept, or the server has dropped what it had: from the beginning, as a new file.
      upload.drop();
      await this.#seal(session, upload, draft, all);
      return upload.send(session, this.id);
    }
  }

  async #keep(session: Session, draft: Draft, uploads: readonly Upload[]): Promise<void> {
    const { userId } = this.#wardkey;
    if (userId === undefined) return;
    const sealed: Octets = await sealDraft(session, this.id, draft, uploads);
    const files = uploads.flatMap(({ place }) => place ?? []);
    const { id } = this;
    await keepDraft({ id, userId, at: Date.now(), to: this.#to, sessionId: session.id, sealed, files });
  }

  async #create(session: Session, record: TransferRecord): Promise<void> {
    const text = JSON.stringify(record);
    const sealed = await this.#sealOnce(session, text);
    const files = record.files.map(({ fileId }) => fileId);
    // Under one name the server could give either for the other.
    if (new Set(files).size < files.length) throw new ServerError("server");
    try {
      await api.createTransfer({ id: this.id, sessionId: session.id, to: this.#to, sealed, files });
    } catch (error) {
      // Sent before, and the answer was lost: sealed anew it isn't the same to the server.
      const there =
        error instanceof ServerError &&
        error.code === "conflict" &&
        (await api.transfer(this.id).catch(() => undefined));
      if (!there || there.sessionId !== session.id) throw error;
      const before = await session.decrypt(fromBase64url(there.sealed) ?? new Uint8Array(), {
        context: transferContext(this.id),
      });
      if (before.text() !== text) throw new SentBefore();
    }
  }

  /** The same words give the same bytes: where only the answer was lost, the server knows them again. */
  async #sealOnce(session: Session, text: string): Promise<string> {
    if (this.#sealed?.text !== text) {
      const bytes = await session.encrypt(text, { context: transferContext(this.id), padding: "padme" });
      this.#sealed = { text, sealed: toBase64url(bytes) };
    }
    return this.#sealed.sealed;
  }

  /** The facility acts, not the clinician: whoever works there tomorrow can read it and take it back. */
  async #begin(): Promise<Session> {
    if (this.#begun !== undefined) return this.#wardkey.openSession(this.#begun);
    return this.#wardkey.createSession({
      recipients: [await this.#book.recipient(this.#to)],
      managers: [{ group: this.#book.groupId }],
      rights: { read: true, forward: false, revoke: false },
      includeSelf: false,
    });
  }
}

const nameOf = (recipient: Recipient) =>
  "group" in recipient ? recipient.group : "placeholder" in recipient ? recipient.placeholder : recipient.user;

/** The facility's group; where it has none yet, the place where the key waits for it. */
export function recipient({ id, groupId, contact }: Facility): Recipient {
  if (groupId !== null) return { group: groupId };
  return { placeholder: placeholderOf(id), ...(contact === null ? {} : { contact: { email: contact } }) };
}

export const placeholderOf = (facilityId: string) => `facility:${facilityId}`;
