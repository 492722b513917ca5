import type { Transfer } from "../server/types";
import type { AddressBook } from "./address-book";
import type { Conversation } from "./conversation";
import type { MessageText } from "./record";

/** Which facilities a message of this kind can come from. */
export function speakers({ from, to }: Transfer, kind: MessageText["kind"]): readonly string[] {
  if (kind === "message") return [from, to];
  return [kind === "withdrawn" ? from : to];
}

/** Has somebody of the facility signed the state that the server tells? */
export async function isDecided(book: AddressBook, transfer: Transfer, conversation: Conversation): Promise<boolean> {
  if (transfer.state === "sent" || (await isSaid(book, transfer, conversation))) return true;
  // The state may have come before the message.
  await conversation.load();
  return isSaid(book, transfer, conversation);
}

async function isSaid(book: AddressBook, transfer: Transfer, conversation: Conversation): Promise<boolean> {
  const { state } = transfer;
  for (const { opened } of conversation.messages) {
    if (!opened.ok || !opened.author || opened.value.kind !== state) continue;
    const verdict = await book.judge(opened.author, opened.authority, speakers(transfer, state));
    if (verdict.kind !== "stranger") return true;
  }
  return false;
}
