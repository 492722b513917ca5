const LOCALE = "en-GB";
const UNITS = ["bytes", "KiB", "MiB", "GiB"] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

export function formatTime(instant: string): string {
  const date = new Date(instant);
  const today = new Date().toDateString() === date.toDateString();
  return date.toLocaleString(LOCALE, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

/** A calendar day, yyyy-mm-dd, in the reader's own notation. */
export function formatDay(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(date.getTime()) ? day : date.toLocaleDateString(LOCALE, { dateStyle: "long", timeZone: "UTC" });
}

/** In groups of four, so that two people can compare them aloud. */
export function inGroups(text: string): string[] {
  return text.match(/.{1,4}/gs) ?? [];
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** Safe to show and to offer as a file name: no path, no control character, nothing that turns the writing direction. */
export function cleanFileName(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}/\\]/gu, "_").trim();
  return clean === "" || /^\.+$/.test(clean) ? "file" : clean;
}
