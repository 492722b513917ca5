import { MAX_NAME, shortText, toOptions } from "./arguments.js";
import type { CoreClient, CoreTask } from "./core/wardkey_core.js";
import { call } from "./core.js";
import { invalid, isWardkeyError, WardkeyError } from "./errors.js";
import type { SharedClient } from "./shared-client.js";

const SECRET: unique symbol = Symbol("construct");
const MAX_CODE = 64;

/** People who read and write together, a ward or a facility: who belongs reads what was written for the group before, and who leaves reads nothing that is written after. Its
 *  admins say who belongs; an admin is taken out, or made a plain member, by another one, and one always stays. Two admins at once: what the second wants is done on
 *  what the first has made of it. */
export class Group {
  readonly #shared: SharedClient;
  readonly #known: { name: string; epoch: number };
  /** Of the group's first operation: what says which group it is. */
  readonly id: string;

  private constructor(secret: typeof SECRET, id: string, shared: SharedClient) {
    if (secret !== SECRET) throw invalid("a Group comes from createGroup(), group() or groups()");
    this.id = id;
    this.#shared = shared;
    const [name, epoch] = call(() => shared.core.groupInfo(id)) as [string, number];
    this.#known = { name, epoch };
  }

  /** @internal */
  static of(id: string, shared: SharedClient): Group {
    return new Group(SECRET, id, shared);
  }

  /** For people; it says nothing of which group it is. */
  get name(): string {
    return this.#known.name;
  }

  /** Rises when somebody leaves and when rotate() is called. As far as is known here. */
  get epoch(): number {
    // Locked, opened by another user, or told of what isn't true: as it was known last.
    try {
      this.#known.epoch = call(() => this.#shared.core.groupInfo(this.id))[1];
    } catch (error) {
      if (!isWardkeyError(error)) throw error;
    }
    return this.#known.epoch;
  }

  /** What others know it by: its id, which is a hash of how it began. */
  get fingerprint(): string {
    return this.id;
  }

  /** Who belongs, as the server knows it now.
   *  @throws `rollback`, `fork`, `locked`, `network`, `server` */
  async members(): Promise<{ userId: string; admin: boolean }[]> {
    const members = await this.#run<[string, boolean][]>((core) => core.groupMembers(this.id));
    return members.map(([userId, admin]) => ({ userId, admin }));
  }

  /** They read what was written before, too.
   *  @throws `forbidden` for who is no admin; `invalid-argument` for who belongs already; `unknown-user`, `not-certified`, `pin-mismatch`, `conflict`, `limit`, `locked`, `network`, `server` */
  async addMembers(userIds: readonly string[], options?: { admin?: boolean }): Promise<void> {
    const { admin = false } = toOptions(options, ["admin"]);
    if (typeof admin !== "boolean") throw invalid("admin is not a boolean");
    const names = toNames(userIds, "userIds");
    await this.#operate((core) => core.addMembers(this.id, names, admin));
  }

  /** A new epoch with new keys: what is written from now on in any session of the group is closed to them, also where they had its key.
   *  @throws `forbidden` for who is no admin, for himself, and where no admin would stay; `invalid-argument` for who doesn't belong; also as addMembers() */
  async removeMembers(userIds: readonly string[]): Promise<void> {
    const names = toNames(userIds, "userIds");
    await this.#operate((core) => core.removeMembers(this.id, names));
  }

  /** Makes members admins, and admins members.
   *  @throws as removeMembers() */
  async setAdmins(changes: { add?: readonly string[]; remove?: readonly string[] }): Promise<void> {
    const { add = [], remove = [] } = toOptions(changes, ["add", "remove"]);
    const [more, fewer] = [toNames(add, "add"), toNames(remove, "remove")];
    await this.#operate((core) => core.setAdmins(this.id, more, fewer));
  }

  /** A new epoch for the same members, as after removeMembers().
   *  @throws `forbidden` for who is no admin; `conflict`, `locked`, `network`, `server` */
  async rotate(): Promise<void> {
    await this.#operate((core) => core.rotateGroup(this.id));
  }

  /** Claims what waits under a placeholder that names a contact: the code goes to that address. Without a contact the application's server assigns.
   *  @throws `forbidden` for who is no admin; `unknown-session` where nothing waits with a contact; `throttled`, `locked`, `network`, `server` */
  async startClaim(placeholder: string): Promise<{ claimId: string /** masked */; sentTo: string }> {
    const name = shortText(placeholder, "the placeholder", MAX_NAME, "invalid-argument");
    const [claimId, sentTo] = await this.#run<[string, string]>((core) => core.startClaim(this.id, name));
    return { claimId, sentTo };
  }

  /** Answers the code: the group's members read from now on what waited, and the key server keeps no key of it.
   *  @throws `otp-wrong`, `otp-expired`, `otp-locked`, `forbidden`, `stale`, `invalid-argument`, `locked`, `network`, `server` */
  async finishClaim(options: { claimId: string; code: string }): Promise<void> {
    const given = toOptions(options, ["claimId", "code"]);
    const claim = shortText(given.claimId, "claimId", MAX_CODE, "invalid-argument");
    const code = shortText(given.code, "the code", MAX_CODE, "otp-wrong").trim();
    await this.#run((core) => core.finishClaim(this.id, claim, code));
  }

  #run<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    return this.#shared.runForUser(make);
  }

  /** One after the other: those of one page don't come in each other's way. Whoever is open when its turn comes may be another. */
  async #operate(make: (core: CoreClient) => CoreTask): Promise<void> {
    const { locked } = this.#shared;
    await this.#shared.inTurn(this.id, () => {
      if (locked.aborted) throw new WardkeyError("locked", "the identity was locked before its turn came");
      return this.#run(make);
    });
  }
}

/** Copied at once.
 *  @internal */
export function toNames(ids: readonly string[], what: string, whose = "a user"): string[] {
  if (!Array.isArray(ids)) throw invalid(`${what} is not an array`);
  return ids.map((id: unknown, place) => {
    if (typeof id !== "string") throw invalid(`${what}[${place}] is not a string; expected the id of ${whose}`);
    return shortText(id, `${what}[${place}]`, MAX_NAME, "invalid-argument");
  });
}
