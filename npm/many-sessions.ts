// Messages of many sessions at once: the sessions are opened together, and each opens its own.
import { isObject, toBytes } from "./arguments.js";
import { fromCore, invalid, isWardkeyError } from "./errors.js";
import type { Settled } from "./items.js";
import type { Session } from "./session.js";
import type { Decrypted } from "./session-data.js";
import type { ManyOptions, Sealed } from "./types.js";

type Opened = Settled<Session>;

/** Opens each message in the session that its header names. `open` gives sessions for beginnings of messages, with one request.
 *  @internal */
export async function decryptAll(
  items: readonly Sealed[],
  options: ManyOptions,
  start: number,
  open: (beginnings: Uint8Array[]) => Promise<Opened[]>,
): Promise<Settled<Decrypted>[]> {
  if (!Array.isArray(items)) throw invalid("the items are not an array");
  const given: Sealed[] = [...items];
  const results = new Array<Settled<Decrypted>>(given.length);
  const beginnings = new Map<number, Uint8Array>();
  for (const [place, item] of given.entries()) {
    try {
      if (!isObject(item)) throw invalid("an item is not an object");
      beginnings.set(place, toBytes(item.sealed, "the sealed data").slice(0, start));
    } catch (error) {
      results[place] = { ok: false, error: isWardkeyError(error) ? error : invalid("an item can't be read") };
    }
  }
  const opened = await open([...beginnings.values()]);
  const sessions = new Map<string, { session: Session; places: number[] }>();
  for (const [index, place] of [...beginnings.keys()].entries()) {
    const found = opened[index] as Opened;
    if (!found.ok) {
      results[place] = found;
      continue;
    }
    const known = sessions.get(found.value.id);
    if (known) {
      known.places.push(place);
      found.value.free();
    } else {
      sessions.set(found.value.id, { session: found.value, places: [place] });
    }
  }
  let done = given.length - [...sessions.values()].reduce((sum, { places }) => sum + places.length, 0);
  const { onProgress, ...rest } = options;
  try {
    for (const { session, places } of sessions.values()) {
      const before = done;
      const own = onProgress && { onProgress: (some: number) => onProgress(before + some, given.length) };
      const settled = await inSession(
        session,
        places.map((place) => given[place] as Sealed),
        { ...rest, ...own },
      );
      for (const [index, place] of places.entries()) results[place] = settled[index] as Settled<Decrypted>;
      done += places.length;
    }
  } finally {
    for (const { session } of sessions.values()) session.free();
  }
  return results;
}

/** What ends for one session alone ends so for its items. */
async function inSession(session: Session, items: Sealed[], options: ManyOptions): Promise<Settled<Decrypted>[]> {
  try {
    return await session.decryptMany(items, options);
  } catch (e) {
    const error = fromCore(e);
    if (error.code === "aborted" || error.code === "locked" || error.code === "invalid-argument") throw error;
    return items.map(() => ({ ok: false, error }));
  }
}
