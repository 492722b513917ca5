import type { Octets } from "./bytes";
import { toBase64url } from "./bytes";

// Where these stand in a signed message: docs/SPEC.md, sections 4 and 4.3.
const PATH_LENGTH = 86;
const TRAILER = 184;
const GROUP = 40;
const HASH = 32;

/**
 * The group in whose right a message was written; nothing: in its author's own. Of a message that Wardkey has opened it is verified, signature and all: its author
 * belonged to the group then, whether or not he does today.
 */
export function authorityOf(sealed: Octets): string | undefined {
  const trailer = sealed.length - TRAILER - HASH * (sealed[PATH_LENGTH] ?? 0);
  const group = sealed.subarray(trailer + GROUP, trailer + GROUP + HASH);
  return group.some((byte) => byte !== 0) ? toBase64url(group) : undefined;
}
