// How far this browser has seen the address book, until the next wipe: an older one isn't taken for the newest.

export interface Memory {
  readonly groupId: string;
  readonly count: number;
  readonly tail: string;
}

const key = (fingerprint: string) => `address-book ${fingerprint}`;

export function recall(fingerprint: string): Memory | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(key(fingerprint)) ?? "null") as Partial<Memory> | null;
    const { groupId, count, tail } = kept ?? {};
    if (typeof groupId !== "string" || typeof count !== "number" || typeof tail !== "string") return undefined;
    return { groupId, count, tail };
  } catch {
    // storage is blocked, or holds what isn't ours: nothing is remembered
    return undefined;
  }
}

export function remember(fingerprint: string, memory: Memory): void {
  try {
    localStorage.setItem(key(fingerprint), JSON.stringify(memory));
  } catch {
    // blocked or full: until the page is closed the book itself knows
  }
}
