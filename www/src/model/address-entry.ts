import { readJson } from "./record";
import { fields, list, matching, text } from "./validate";

/** A facility is this group: met for the first time, or compared with somebody there. */
export interface FacilityItem {
  readonly facilityId: string;
  readonly name: string;
  readonly groupId: string;
  readonly compared: boolean;
}

/** What somebody was called when he was met. */
export interface PersonItem {
  readonly userId: string;
  readonly name: string;
}

/** What one of the staff adds to the facility's address book, sealed for the staff alone and signed. */
export interface Entry {
  readonly at: string;
  /** The end of the entry before, so that none is taken out from between others. */
  readonly after: string;
  readonly facilities: readonly FacilityItem[];
  readonly people: readonly PersonItem[];
}

/** Items of an entry, of each kind: it stays under what the server takes. */
export const MOST_ITEMS = 50;

const ID = /^[\w-]{1,64}$/;
const LONGEST = 300;

export function readEntry(json: string): Entry {
  return readJson(json, (value) => {
    const raw = fields(value, "entry", ["at", "after", "facilities", "people"]);
    return {
      at: matching(raw.at, "at", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "a time"),
      after: text(raw.after, "after", TAIL),
      facilities: list(raw.facilities, "facilities", MOST_ITEMS).map((item, place) => {
        const path = `facilities[${place}]`;
        const one = fields(item, path, ["facilityId", "name", "groupId", "compared"]);
        return {
          facilityId: matching(one.facilityId, `${path}.facilityId`, ID, "an id"),
          name: text(one.name, `${path}.name`, LONGEST),
          groupId: matching(one.groupId, `${path}.groupId`, ID, "an id"),
          compared: one.compared === true,
        };
      }),
      people: list(raw.people, "people", MOST_ITEMS).map((item, place) => {
        const path = `people[${place}]`;
        const one = fields(item, path, ["userId", "name"]);
        return { userId: text(one.userId, `${path}.userId`, LONGEST), name: text(one.name, `${path}.name`, LONGEST) };
      }),
    };
  });
}

const TAIL = 32;
/** Of a sealed entry: the end of its signature, which no other has. */
export const tailOf = (sealed: string) => sealed.slice(-TAIL);

/** Bound to the group whose book it is, and to its place in it. */
export const entryContext = (groupId: string, entry: number) => ({
  type: "address-book",
  group: groupId,
  entry: String(entry),
});
