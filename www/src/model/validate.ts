/** A value that isn't what it must be. `path` says where; the value itself isn't repeated. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
  constructor(
    readonly path: string,
    readonly expected: string,
  ) {
    super(`${path}: expected ${expected}`);
  }
}

/** An object with exactly these keys; those that end in "?" may be missing. */
export function fields(value: unknown, path: string, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Mismatch(path, "an object");
  const known = new Map(keys.map((key) => [key.replace("?", ""), key.endsWith("?")]));
  for (const key of Object.keys(value)) if (!known.has(key)) throw new Mismatch(path, "no other entries");
  for (const [key, optional] of known) {
    if (!optional && !Object.hasOwn(value, key)) throw new Mismatch(`${path}.${key}`, "an entry");
  }
  return value as Record<string, unknown>;
}

export function list(value: unknown, path: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new Mismatch(path, "a list");
  if (value.length > most) throw new Mismatch(path, `at most ${most} entries`);
  return value;
}

export function text(value: unknown, path: string, most: number): string {
  if (typeof value !== "string") throw new Mismatch(path, "text");
  if (value.length > most) throw new Mismatch(path, `at most ${most} characters`);
  return value;
}

export function matching(value: unknown, path: string, pattern: RegExp, expected: string): string {
  if (typeof value !== "string" || !pattern.test(value)) throw new Mismatch(path, expected);
  return value;
}

export function oneOf<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new Mismatch(path, choices.join(" or "));
  return found;
}

export function count(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new Mismatch(path, "a whole number");
  return value;
}
