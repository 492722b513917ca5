import type { Wardkey } from "wardkey";
import { Observable } from "../observable";
import * as api from "../server/api";
import type { SealedMessage, Transfer, TransferState } from "../server/types";
import { fromBase64url } from "./bytes";
import { type MessageText, messageContext, readMessage } from "./record";
import { sealMessage } from "./sealed-message";
import { type Opened, openOne } from "./transfers";

export interface OpenedMessage {
  readonly message: SealedMessage;
  readonly opened: Opened<MessageText>;
}

/** What both sides say in the record. */
export class Conversation extends Observable {
  readonly #wardkey: Wardkey;
  readonly #transfer: Transfer;
  #order = 0;
  #unsent: (MessageText & { message: { id: string; sealed: string } }) | undefined;
  messages: readonly OpenedMessage[] = [];
  state: "loading" | "ready" | "failed" = "loading";
  problem: unknown;

  constructor(wardkey: Wardkey, transfer: Transfer) {
    super();
    this.#wardkey = wardkey;
    this.#transfer = transfer;
  }

  async load(): Promise<void> {
    this.#order += 1;
    const order = this.#order;
    try {
      const sealed = await allMessages(this.#transfer.id);
      const items = sealed.map((message) => ({
        sealed: fromBase64url(message.sealed) ?? new Uint8Array(),
        context: messageContext(this.#transfer.id, message.id),
      }));
      const results = await this.#wardkey.decryptMany(items);
      if (order !== this.#order) return;
      this.messages = sealed.map((message, at) => ({
        message,
        opened: openOne(results[at], items[at]?.sealed, this.#transfer.sessionId, readMessage),
      }));
      this.state = "ready";
      this.problem = undefined;
    } catch (error) {
      if (order !== this.#order) return;
      this.problem = error;
      this.state = this.messages.length > 0 ? "ready" : "failed";
    }
    this.changed();
  }

  async say(text: string): Promise<void> {
    await api.addMessage(this.#transfer.id, await this.#seal({ text, kind: "message" }));
    this.#unsent = undefined;
    await this.load();
  }

  /** Accepts, declines or withdraws, with a word about it. Who withdraws also takes the rights away. */
  async decide(state: Exclude<TransferState, "sent">, text: string): Promise<void> {
    // First the rights: whatever fails after that can be done again.
    if (state === "withdrawn") await this.revokeReaders();
    await api.setState(this.#transfer.id, { ...(await this.#seal({ text, kind: state })), state });
    this.#unsent = undefined;
    await this.load();
  }

  /** The same words give the same message until it is known to have arrived: where only the answer was lost, it isn't said twice. */
  async #seal({ text, kind }: MessageText): Promise<{ id: string; sealed: string }> {
    if (this.#unsent?.text !== text || this.#unsent.kind !== kind) {
      const session = await this.#wardkey.openSession(this.#transfer.sessionId);
      this.#unsent = { text, kind, message: await sealMessage(session, this.#transfer.id, { text, kind }) };
    }
    return this.#unsent.message;
  }

  /** Everybody but those who manage the record, which is the facility that sent it. */
  async revokeReaders(): Promise<void> {
    const session = await this.#wardkey.openSession(this.#transfer.sessionId);
    const readers = (await session.recipients()).filter(({ manager }) => !manager).map(({ recipient }) => recipient);
    if (readers.length > 0) await session.revokeRecipients(readers);
  }
}

async function allMessages(transferId: string): Promise<SealedMessage[]> {
  const all: SealedMessage[] = [];
  for (;;) {
    const { messages, more } = await api.messages(transferId, all.at(-1)?.id);
    all.push(...messages);
    if (!more || messages.length === 0) return all;
  }
}
