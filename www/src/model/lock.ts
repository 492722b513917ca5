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

/** Takes the name until what is given back is called; `undefined` where another tab has it. */
export function take(name: string): Promise<(() => void) | undefined> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    const hold = (lock: Lock | null) => {
      if (!lock) return resolve(undefined);
      return new Promise<void>((release) => resolve(release));
    };
    locks.request(name, { ifAvailable: true }, hold).catch(reject);
  });
}
