import type { Group, Wardkey } from "wardkey";
import * as api from "../server/api";
import type { Facility } from "../server/types";
import { placeholderOf } from "./sending";

/** The facility's group, with whoever makes it as its only member. One that was made and not named, for the line broke, is taken; never one into which somebody else has put her. */
export async function makeGroup(wardkey: Wardkey, facility: Facility): Promise<void> {
  let mine: Group | undefined;
  for (const group of await wardkey.groups()) {
    const [first, ...others] = group.name === facility.name ? await group.members() : [];
    if (first?.userId === wardkey.userId && first?.admin && others.length === 0) mine = group;
  }
  const group = mine ?? (await wardkey.createGroup({ name: facility.name }));
  await api.nameGroup(facility.id, group.id);
}

/** What waits for the facility: a code goes to the address that the senders named. */
export async function startClaim(wardkey: Wardkey, groupId: string, facility: Facility) {
  return (await wardkey.group(groupId)).startClaim(placeholderOf(facility.id));
}

export async function claimed(wardkey: Wardkey, groupId: string, claimId: string, code: string): Promise<void> {
  await (await wardkey.group(groupId)).finishClaim({ claimId, code: code.replaceAll(/\s/g, "") });
}
