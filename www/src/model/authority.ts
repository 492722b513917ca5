import { type Octets, toBase64url } from "./bytes";

// Where these stand in a signed message: docs/SPEC.md, sections 4 and 4.3.
const PATH_LENGTH = 86;
const TRAILER = 184;
const GROUP = 40;
const HASH = 32;

export interface Authority {
  readonly groupId: string;
  /** How much of the group's history its author had seen. */
  readonly sequence: number;
}

/**
 * The group in whose right a message was written; nothing: in its author's own. Of a message that Wardkey has opened it is verified, signature and all: its author
 * belonged to the group at that place of its history, whether or not he does today.
 */
export function authorityOf(sealed: Octets): Authority | undefined {
  const trailer = sealed.length - TRAILER - HASH * (sealed[PATH_LENGTH] ?? 0);
  const group = sealed.subarray(trailer + GROUP, trailer + GROUP + HASH);
  if (group.every((byte) => byte === 0)) return undefined;
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.length);
  return { groupId: toBase64url(group), sequence: Number(view.getBigUint64(trailer + GROUP + HASH)) };
}
