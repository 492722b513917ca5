import type { Recipient, Session, Wardkey } from "wardkey";
import * as api from "../server/api";
import type { Facility } from "../server/types";
import type { AddressBook } from "./address-book";
import { freshId, toBase64url } from "./bytes";
import { type TransferRecord, transferContext } from "./record";
import type { Upload } from "./upload";

export type Draft = Omit<TransferRecord, "files">;

/** One transfer on its way out. What failed can be sent again: session, files and id are made once. */
export class Sending {
  readonly id = freshId();
  readonly #wardkey: Wardkey;
  readonly #book: AddressBook;
  readonly #to: string;
  #session: Promise<Session> | undefined;
  #sealed: { text: string; sealed: string } | undefined;

  constructor(wardkey: Wardkey, book: AddressBook, to: string) {
    this.#wardkey = wardkey;
    this.#book = book;
    this.#to = to;
  }

  async send(draft: Draft, uploads: readonly Upload[]): Promise<string> {
    this.#session ??= this.#begin();
    const session = await this.#session.catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    const files = [];
    for (const upload of uploads) files.push(await upload.run(session));
    const record: TransferRecord = { ...draft, files };
    const sealed = await this.#seal(session, JSON.stringify(record));
    await api.createTransfer({
      id: this.id,
      sessionId: session.id,
      to: this.#to,
      sealed,
      files: files.map(({ fileId }) => fileId),
    });
    return this.id;
  }

  /** The same words give the same bytes: where only the answer was lost, the server knows them again. */
  async #seal(session: Session, text: string): Promise<string> {
    if (this.#sealed?.text !== text) {
      const bytes = await session.encrypt(text, { context: transferContext(this.id), padding: "padme" });
      this.#sealed = { text, sealed: toBase64url(bytes) };
    }
    return this.#sealed.sealed;
  }

  /** The facility acts, not the clinician: whoever works there tomorrow can read it and take it back. */
  async #begin(): Promise<Session> {
    return this.#wardkey.createSession({
      recipients: [await this.#book.recipient(this.#to)],
      managers: [{ group: this.#book.groupId }],
      rights: { read: true, forward: false, revoke: false },
      includeSelf: false,
    });
  }
}

/** The facility's group; where it has none yet, the place where the key waits for it. */
export function recipient({ id, groupId, contact }: Facility): Recipient {
  if (groupId !== null) return { group: groupId };
  return { placeholder: placeholderOf(id), ...(contact === null ? {} : { contact: { email: contact } }) };
}

export const placeholderOf = (facilityId: string) => `facility:${facilityId}`;
