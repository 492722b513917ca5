// Whom a session is for, and what they may do; as the core takes them: [kind, name, contact, rights].
import { isObject, MAX_EMAIL, MAX_NAME, refuseUnknown, shortText, toOptions } from "./arguments.js";
import { invalid } from "./errors.js";

export type Recipient =
  | { user: string }
  | { group: string }
  /** A facility that has no group yet: escrow; with `contact`, its first admin must answer a code mailed there. */
  | { placeholder: string; contact?: { email: string } };
/** Default: read and forward. Managers have all. */
export interface Rights {
  read: boolean;
  forward: boolean;
  revoke: boolean;
}

const READ = 1;
const FORWARD = 2;
const REVOKE = 4;
const MANAGE = 15;

/** @internal */
export type CoreRecipient = [kind: string, name: string, contact: string | undefined, rights: number];

/** @internal */
export function toRecipients(recipients: readonly Recipient[], rights: number, what = "recipients"): CoreRecipient[] {
  if (!Array.isArray(recipients)) throw invalid(`${what} is not an array`);
  return recipients.map((recipient) => {
    if (!isObject(recipient)) throw invalid("a recipient is an object: { user }, { group } or { placeholder }");
    const kinds = ["user", "group", "placeholder"].filter((kind) => kind in recipient);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) throw invalid("a recipient is one of user, group, placeholder");
    refuseUnknown(recipient, kind === "placeholder" ? [kind, "contact"] : [kind], "member of a recipient");
    const name = shortText((recipient as Record<string, unknown>)[kind], kind, MAX_NAME, "invalid-argument");
    const { contact } = recipient as { contact?: { email: string } };
    if (contact === undefined) return [kind, name, undefined, rights];
    const { email } = toOptions(contact, ["email"]);
    return [kind, name, shortText(email, "the contact's email", MAX_EMAIL, "invalid-argument"), rights];
  });
}

/** @internal */
export function toRights(rights: Partial<Rights> | undefined): number {
  const { read = true, forward = true, revoke = false } = toOptions(rights, ["read", "forward", "revoke"]);
  for (const right of [read, forward, revoke]) if (typeof right !== "boolean") throw invalid("a right is a boolean");
  const sum = (read ? READ : 0) + (forward ? FORWARD : 0) + (revoke ? REVOKE : 0);
  if (sum === 0) throw invalid("a recipient has at least one right");
  return sum;
}

/** @internal */
export const ALL_RIGHTS = MANAGE;

/** @internal */
export function fromCore([kind, name, contact, rights]: CoreRecipient) {
  const recipient = { [kind]: name, ...(contact === undefined ? {} : { contact: { email: contact } }) } as Recipient;
  const has = (right: number) => (rights & right) === right;
  return {
    recipient,
    rights: { read: has(READ), forward: has(FORWARD), revoke: has(REVOKE) },
    manager: has(MANAGE),
  };
}
