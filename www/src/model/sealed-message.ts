import type { Session } from "wardkey";
import { freshId, toBase64url } from "./bytes";
import { type MessageText, messageContext } from "./record";

/** A message of a transfer, ready to be sent. The same object may be sent twice: its id makes it one. */
export async function sealMessage(session: Session, transferId: string, message: MessageText) {
  const id = freshId();
  const sealed = await session.encrypt(JSON.stringify(message), {
    context: messageContext(transferId, id),
    padding: "padme",
  });
  return { id, sealed: toBase64url(sealed) };
}
