// What the application's backend gives, without whatever isn't JSON: nothing that the core reads of it runs or throws.

/** Deeper than any reply. */
const MAX_DEPTH = 16;

/** Texts, which are the most of it, are not copied.
 *  @internal */
export function plain(json: unknown, depth = 0): unknown {
  if (typeof json !== "object") return json;
  if (json === null) return null;
  try {
    if (depth > MAX_DEPTH) return undefined;
    if (Array.isArray(json)) return Array.from(json, (item) => plain(item, depth + 1));
    const copy = Object.create(null);
    for (const name of Object.keys(json)) copy[name] = plain((json as Record<string, unknown>)[name], depth + 1);
    return copy;
  } catch {
    return undefined;
  }
}
