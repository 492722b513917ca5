import { isWardkeyError, type Session, type Wardkey, WardkeyError } from "wardkey";
import * as api from "../server/api";
import { ServerError } from "../server/request";
import { type Entry, entryContext, readEntry, tailOf } from "./address-entry";
import { AddressProblem } from "./address-problem";
import { authorityOf } from "./authority";
import { fromBase64url, toBase64url } from "./bytes";
import { Unreadable } from "./record";

export interface SignedEntry extends Entry {
  /** Verified, and of the facility's own group. */
  readonly by: string;
}

/** Of these it isn't the entry that is bad. */
const PASSING: readonly string[] = ["network", "server", "throttled", "locked", "aborted"];
const TRIES = 20;

/** The entries of a facility's address book, as the application's server keeps them: sealed, one after the other. It can keep back the last ones, and nothing else unseen. */
export class AddressLog {
  readonly #wardkey: Wardkey;
  readonly #groupId: string;
  #sealed: string[] = [];
  #session: Promise<Session> | undefined;
  /** How much of the group's history those had seen who wrote in it. */
  #sequence = 0;
  /** Those that count. */
  entries: readonly SignedEntry[] = [];

  constructor(wardkey: Wardkey, groupId: string) {
    this.#wardkey = wardkey;
    this.#groupId = groupId;
  }

  /** What is new. @throws AddressProblem, `book`: for anything that isn't the staff's own entry in its place; then nothing was read */
  async read(): Promise<void> {
    const fresh: string[] = [];
    for (;;) {
      const from = this.#sealed.length + fresh.length;
      const { entries, more } = await api.addressBook(from);
      if (entries.some(({ entry }, place) => entry !== from + place)) throw new AddressProblem("book");
      fresh.push(...entries.map(({ sealed }) => sealed));
      if (!more || entries.length === 0) break;
    }
    if (fresh.length === 0) return;
    const opened = await this.#open(fresh);
    this.#sealed.push(...fresh);
    this.entries = [...this.entries, ...opened];
  }

  /** Adds what is missing, and reads again; where a colleague was faster, what is missing then. */
  async add(missing: () => Pick<Entry, "facilities" | "people"> | undefined): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const items = missing();
      if (!items) return;
      const place = this.#sealed.length;
      const sealed = await this.#seal(place, items);
      try {
        await api.addToAddressBook(place, sealed);
      } catch (error) {
        if (!(error instanceof ServerError && error.code === "conflict")) throw error;
      }
      await this.read();
    }
    throw new ServerError("conflict");
  }

  /** How far it goes, and the end of its last entry. */
  get end(): { count: number; tail: string } {
    return { count: this.#sealed.length, tail: this.#tail(this.#sealed.length) };
  }

  /** Does it go on from where it went before? */
  holds({ count, tail }: { count: number; tail: string }): boolean {
    return count <= this.#sealed.length && this.#tail(count) === tail;
  }

  #tail(count: number): string {
    return tailOf(this.#sealed[count - 1] ?? "");
  }

  async #open(fresh: readonly string[]): Promise<SignedEntry[]> {
    const before = this.#sealed.length;
    const bytes = fresh.map((sealed) => fromBase64url(sealed) ?? new Uint8Array());
    const results = await this.#wardkey.decryptMany(
      bytes.map((sealed, place) => ({ sealed, context: entryContext(this.#groupId, before + place) })),
    );
    const opened: SignedEntry[] = [];
    let latest = this.#sequence;
    for (const [place, result] of results.entries()) {
      if (!result.ok) throw isPassing(result.error) ? result.error : new AddressProblem("book");
      const { author } = result.value;
      const entry = readable(result.value.text());
      const previous = place === 0 ? this.#tail(before) : tailOf(fresh[place - 1] ?? "");
      // Signed in the right of the facility's group: by somebody who belonged to it then.
      const authority = authorityOf(bytes[place] ?? new Uint8Array());
      if (!author || authority?.groupId !== this.#groupId || entry.after !== previous) throw new AddressProblem("book");
      // Who was removed can only sign as if he had seen less than those who were there when he left.
      if (authority.sequence < latest) continue;
      latest = authority.sequence;
      opened.push({ ...entry, by: author.userId });
    }
    this.#sequence = latest;
    return opened;
  }

  async #seal(place: number, { facilities, people }: Pick<Entry, "facilities" | "people">): Promise<string> {
    this.#session ??= this.#findSession();
    const session = await this.#session.catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    const entry: Entry = { at: new Date().toISOString(), after: this.#tail(place), facilities, people };
    const context = entryContext(this.#groupId, place);
    const sealed = await session.encrypt(JSON.stringify(entry), { context, padding: "padme" });
    // It wouldn't count: this client doesn't know the group as far as a colleague's does.
    if ((authorityOf(sealed)?.sequence ?? 0) < this.#sequence) throw new WardkeyError("stale");
    return toBase64url(sealed);
  }

  /** That of the last entry, if it is the staff's alone; or a new one. */
  async #findSession(): Promise<Session> {
    const last = fromBase64url(this.#sealed.at(-1) ?? "");
    if (last?.length) {
      const session = await this.#wardkey.openSession(last);
      const [reader, ...others] = await session.recipients();
      const isOwn = reader && "group" in reader.recipient && reader.recipient.group === this.#groupId;
      if (isOwn && others.length === 0) return session;
      session.free();
    }
    return this.#wardkey.createSession({ recipients: [], managers: [{ group: this.#groupId }], includeSelf: false });
  }
}

function isPassing(error: unknown): boolean {
  return isWardkeyError(error) && PASSING.includes(error.code);
}

function readable(text: string): Entry {
  try {
    return readEntry(text);
  } catch (error) {
    throw error instanceof Unreadable ? new AddressProblem("book") : error;
  }
}
