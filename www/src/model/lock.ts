// What only one tab of this browser does at a time. Where there are no Web Locks (http that isn't localhost, blocked storage), each tab is alone.

/** By name, what this tab did last. */
const turns = new Map<string, Promise<unknown>>();

/** Does this when nobody does anything by this name. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { locks } = navigator;
  if (locks) return (await locks.request(name, work)) as T;
  const turn = (turns.get(name) ?? Promise.resolve()).then(work);
  turns.set(
    name,
    turn.catch(() => undefined),
  );
  return turn;
}

/** What this tab has taken. */
const taken = new Set<string>();

/** Whether a tab has taken the name; this one, where tabs don't know of each other. */
export async function isTaken(name: string): Promise<boolean> {
  if (taken.has(name)) return true;
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some((lock) => lock.name === name);
}

/** Takes the name until what is given back is called; `undefined` where another tab has it. */
export async function take(name: string): Promise<(() => void) | undefined> {
  if (taken.has(name)) return undefined;
  taken.add(name);
  const release = navigator.locks ? await hold(navigator.locks, name) : () => undefined;
  if (!release) taken.delete(name);
  if (!release) return undefined;
  const end = () => {
    taken.delete(name);
    removeEventListener("pagehide", end);
    release();
  };
  // a page that was left may be kept asleep, with all that it holds
  addEventListener("pagehide", end);
  return end;
}

function hold(locks: LockManager, name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const until = (lock: Lock | null) => {
      if (!lock) return resolve(undefined);
      return new Promise<void>((release) => resolve(release));
    };
    locks.request(name, { ifAvailable: true }, until).catch(reject);
  });
}
