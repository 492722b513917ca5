import type { Group, Wardkey } from "wardkey";
import * as api from "../server/api";
import type { Facility, StaffMember } from "../server/types";
import type { AddressBook } from "./address-book";

/** What the application says of a person, and what the facility's group says, which its admins sign. */
export interface Colleague extends StaffMember {
  readonly inGroup: boolean;
  readonly groupAdmin: boolean;
}

export async function colleagues(wardkey: Wardkey, facility: Facility): Promise<Colleague[]> {
  const staff = await api.staff();
  const members = facility.groupId === null ? [] : await (await wardkey.group(facility.groupId)).members();
  return staff.map((person) => {
    const member = members.find(({ userId }) => userId === person.userId);
    return { ...person, inGroup: member !== undefined, groupAdmin: member?.admin ?? false };
  });
}

async function groupOf(wardkey: Wardkey, facility: Facility): Promise<Group> {
  if (facility.groupId === null) throw new Error("the facility has no group");
  return wardkey.group(facility.groupId);
}

/** Everything that the facility can read, from now on and from before. */
export async function letIn(wardkey: Wardkey, facility: Facility, { userId, admin }: Colleague): Promise<void> {
  await (await groupOf(wardkey, facility)).addMembers([userId], { admin });
}

/** First the keys, then the application: in between, a person may log in and read nothing new. Whether she has keys the group says now: what stands in the list may be older. Whatever fails
 *  can be done again. */
export async function takeOff(
  wardkey: Wardkey,
  book: AddressBook | undefined,
  facility: Facility,
  { userId }: Colleague,
): Promise<void> {
  if (facility.groupId !== null) {
    const group = await wardkey.group(facility.groupId);
    const isMember = (await group.members()).some((member) => member.userId === userId);
    if (isMember) await group.removeMembers([userId]);
  }
  await api.removeStaff(userId);
  await book?.seal();
}

export async function changeAdmin(
  wardkey: Wardkey,
  facility: Facility,
  { userId, inGroup }: Colleague,
  admin: boolean,
) {
  if (inGroup) await (await groupOf(wardkey, facility)).setAdmins(admin ? { add: [userId] } : { remove: [userId] });
  await api.setAdmin(userId, admin);
}
