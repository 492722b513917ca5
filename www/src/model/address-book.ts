import { type Author, type Recipient, type Wardkey, WardkeyError } from "wardkey";
import { Observable } from "../observable";
import type { Facility, Person } from "../server/types";
import { MOST_ITEMS } from "./address-entry";
import { AddressLog } from "./address-log";
import { recall, remember } from "./address-memory";
import { AddressProblem } from "./address-problem";
import { recipient } from "./sending";

/** What the facility's staff know of another facility. */
export interface Known {
  readonly name: string;
  readonly groupId: string;
  /** When it was met. */
  readonly since: string;
  /** Who has compared its safety number, and when. */
  readonly compared?: { readonly by: string; readonly at: string };
}

export type Standing =
  | { kind: "own" }
  /** Not in the book yet; without a group it is in none. */
  | { kind: "new" }
  | ({ kind: "known" } & Known)
  /** The server says otherwise than the book. */
  | ({ kind: "changed"; what: "group" | "gone" | "name" | "namesake" } & Known);

/** Whether somebody signed for one of these facilities. "former": he has left it since. */
export type Verdict =
  | { kind: "member" | "former"; facilityId: string }
  | { kind: "stranger" }
  /** Of a facility that the book hasn't, or nobody answered. */
  | { kind: "unchecked" };

/**
 * Which group each facility is, in the words of the own facility's staff and not of a server. A group is believed when it is met first, as a pin is; from then on only
 * somebody who has compared the safety number replaces it.
 */
export class AddressBook extends Observable {
  readonly groupId: string;
  readonly #wardkey: Wardkey;
  readonly #me: { readonly userId: string; readonly facilityId: string };
  readonly #log: AddressLog;
  #facilities: readonly Facility[] = [];
  #people: readonly Person[] = [];
  #known = new Map<string, Known>();
  #names = new Map<string, string>();
  /** People who were met and aren't in the book. */
  #met = new Set<string>();
  #members = new Map<string, Promise<Set<string>>>();
  #turn: Promise<void> = Promise.resolve();
  #isOwn = false;
  #isClosed = false;
  /** Whether what it says holds. */
  isRead = false;
  /** Counts what may have changed. */
  version = 0;
  problem: unknown;

  constructor(wardkey: Wardkey, me: { userId: string; facilityId: string }, groupId: string) {
    super();
    this.#wardkey = wardkey;
    this.#me = me;
    this.groupId = groupId;
    this.#log = new AddressLog(wardkey, groupId);
  }

  /** What the server says of facilities and people. */
  hear(facilities: readonly Facility[], people: readonly Person[]): void {
    [this.#facilities, this.#people] = [facilities, people];
  }

  /** Reads what is new, and puts down what was heard of those who aren't in it. What goes wrong is `problem`. */
  update(): Promise<void> {
    this.#members.clear();
    return this.#inTurn().catch(() => undefined);
  }

  standing({ id, name, groupId }: Facility): Standing {
    if (id === this.#me.facilityId) return { kind: "own" };
    const known = this.#known.get(id);
    if (known) {
      if (groupId !== known.groupId) return { kind: "changed", what: groupId === null ? "gone" : "group", ...known };
      return name === known.name ? { kind: "known", ...known } : { kind: "changed", what: "name", ...known };
    }
    const namesake = [...this.#known.values()].find((other) => plain(other.name) === plain(name));
    return namesake ? { kind: "changed", what: "namesake", ...namesake } : { kind: "new" };
  }

  /** Whom a transfer to this facility is encrypted for. @throws AddressProblem, and why else the book can't be read */
  async recipient(facilityId: string): Promise<Recipient> {
    await this.#inTurn();
    const facility = this.#facilities.find(({ id }) => id === facilityId);
    if (!facility) throw new AddressProblem("facility");
    const { kind } = this.standing(facility);
    if (kind !== "known" && !(kind === "new" && facility.groupId === null)) throw new AddressProblem("facility");
    return recipient(facility);
  }

  /** Somebody there has read this number out: the group that the server names is the facility's. @throws `pin-mismatch`, `invalid-argument` */
  compare({ id, name, groupId }: Facility, typed: string): Promise<void> {
    return this.#inTurn(async () => {
      if (groupId === null) throw new AddressProblem("facility");
      await this.#wardkey.verify(groupId, typed.trim().replaceAll(/\s+/g, " "));
      const { count } = this.#log.end;
      await this.#log.add(() => {
        const since = this.#log.entries.slice(count);
        const isThere = since.some(
          ({ by, facilities }) => by === this.#me.userId && facilities.some((one) => one.compared),
        );
        return isThere ? undefined : { facilities: [{ facilityId: id, name, groupId, compared: true }], people: [] };
      });
      this.#fold();
      this.#keep();
    });
  }

  /** After somebody was taken out of the group: what he signs from now on, as if he hadn't been, comes after this and doesn't count. */
  seal(): Promise<void> {
    return this.#inTurn(async () => {
      const own = () => this.#log.entries.filter(({ by }) => by === this.#me.userId).length;
      const before = own();
      await this.#log.add(() => (own() > before ? undefined : { facilities: [], people: [] }));
      this.#keep();
    });
  }

  /** What somebody was called when he was met. */
  nameOf(userId: string): string | undefined {
    return this.#names.get(userId);
  }

  facilityName(id: string): string | undefined {
    return this.#known.get(id)?.name;
  }

  /** Whose group it is. */
  facilityOf(groupId: string): string | undefined {
    if (groupId === this.groupId) return this.#me.facilityId;
    return [...this.#known].find(([, known]) => known.groupId === groupId)?.[0];
  }

  /** Has this colleague left the own facility? Nothing where nobody answers. */
  async hasLeft(userId: string): Promise<boolean | undefined> {
    return this.#belongs(this.groupId, userId).then(
      (belongs) => !belongs,
      () => undefined,
    );
  }

  /** Did this author sign for one of these facilities? `authority`: the group in whose right he wrote. */
  async judge(author: Author, authority: string | undefined, facilityIds: readonly string[]): Promise<Verdict> {
    if (!this.isRead) return { kind: "unchecked" };
    const { userId } = author;
    let isUnknown = false;
    for (const facilityId of facilityIds) {
      const group = facilityId === this.#me.facilityId ? this.groupId : this.#known.get(facilityId)?.groupId;
      if (group === undefined) {
        isUnknown = true;
        continue;
      }
      // Who belongs to two facilities may sign in the right of either.
      const belongs = await this.#belongs(group, userId).catch(() => undefined);
      if (authority === group || belongs) {
        this.#meet(userId);
        return { kind: belongs === false ? "former" : "member", facilityId };
      }
      isUnknown ||= belongs === undefined;
    }
    return { kind: isUnknown ? "unchecked" : "stranger" };
  }

  close(): void {
    this.#isClosed = true;
  }

  /** One after the other, each on what the servers have by then. */
  #inTurn(work?: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#isClosed) throw new WardkeyError("locked");
      try {
        await this.#settle();
        await work?.();
      } finally {
        this.version += 1;
        this.changed();
      }
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #settle(): Promise<void> {
    try {
      await this.#read();
      await this.#record();
      this.problem = undefined;
    } catch (error) {
      this.problem = error;
      if (error instanceof AddressProblem) this.isRead = false;
      throw error;
    }
  }

  async #read(): Promise<void> {
    const own = this.#facilities.find(({ id }) => id === this.#me.facilityId);
    const memory = recall(this.#fingerprint);
    if (own?.groupId !== this.groupId || (memory && memory.groupId !== this.groupId)) throw new AddressProblem("own");
    const groups = this.#isOwn ? [] : await this.#wardkey.groups();
    if (!this.#isOwn && groups.every(({ id }) => id !== this.groupId)) {
      throw new AddressProblem(groups.length === 0 ? "waiting" : "own");
    }
    await this.#log.read();
    if (memory && !this.#log.holds(memory)) throw new AddressProblem("book");
    this.#fold();
    // Anybody can put her into a group of his; in the own one's book she wrote herself.
    if (groups.length > 1 && !this.#hasWritten()) throw new AddressProblem("own");
    this.#isOwn = true;
    this.#keep();
    this.isRead = true;
  }

  /** Facilities and people who are met for the first time. */
  #record(): Promise<void> {
    return this.#log
      .add(() => {
        this.#fold();
        const facilities = this.#facilities.flatMap((facility) => {
          const { id, name, groupId } = facility;
          if (groupId === null || this.standing(facility).kind !== "new") return [];
          return [{ facilityId: id, name, groupId, compared: false }];
        });
        const isMissing = (userId: string) =>
          userId === this.#me.userId ? !this.#hasWritten() : this.#met.has(userId) && !this.#names.has(userId);
        const people = this.#people.flatMap(({ userId, name }) => (isMissing(userId) ? [{ userId, name }] : []));
        if (facilities.length + people.length === 0) return undefined;
        return { facilities: facilities.slice(0, MOST_ITEMS), people: people.slice(0, MOST_ITEMS) };
      })
      .then(() => this.#keep());
  }

  #hasWritten(): boolean {
    return this.#log.entries.some(({ by }) => by === this.#me.userId);
  }

  /** Of the own identity, whatever any server says. */
  get #fingerprint(): string {
    return this.#wardkey.fingerprint ?? "";
  }

  #keep(): void {
    if (!this.#isClosed) remember(this.#fingerprint, { groupId: this.groupId, ...this.#log.end });
  }

  #fold(): void {
    const [known, names] = [new Map<string, Known>(), new Map<string, string>()];
    for (const { by, at, facilities, people } of this.#log.entries) {
      for (const { facilityId, name, groupId, compared } of facilities) {
        // Two who met it at once: the first counts, and only people who compare replace it.
        if (compared) known.set(facilityId, { name, groupId, since: at, compared: { by, at } });
        else if (!known.has(facilityId)) known.set(facilityId, { name, groupId, since: at });
      }
      for (const { userId, name } of people) if (!names.has(userId)) names.set(userId, name);
    }
    [this.#known, this.#names] = [known, names];
  }

  #meet(userId: string): void {
    if (this.#names.has(userId) || this.#met.has(userId)) return;
    this.#met.add(userId);
    this.#inTurn().catch(() => undefined);
  }

  /** Asked again for who isn't there: he may have come since. */
  async #belongs(groupId: string, userId: string): Promise<boolean> {
    const before = this.#members.get(groupId);
    if ((await before?.catch(() => undefined))?.has(userId)) return true;
    const other = this.#members.get(groupId);
    if (other && other !== before) return (await other).has(userId);
    const now = this.#wardkey
      .group(groupId)
      .then((group) => group.members())
      .then((members) => new Set(members.map((member) => member.userId)));
    this.#members.set(groupId, now);
    return (await now).has(userId);
  }
}

/** What looks the same to who reads it quickly. */
const plain = (name: string) =>
  name
    .normalize("NFKC")
    .replaceAll(/[\s\p{Cf}]+/gu, "")
    .toLowerCase();
