import { say } from "./language";

const UNITS = ["B", "KB", "MB", "GB"] as const;

/** In powers of 1,000, as file managers say it. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toLocaleString(say().locale, { maximumFractionDigits: digits })} ${UNITS[unit]}`;
}

export function formatMs(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toLocaleString(say().locale, { maximumFractionDigits: 1 })} s`;
}

/** Today the hour, otherwise the day. */
export function formatTime(instant: string): string {
  const date = new Date(instant);
  const today = new Date().toDateString() === date.toDateString();
  return date.toLocaleString(say().locale, today ? { timeStyle: "short" } : { day: "numeric", month: "short" });
}

export function formatInstant(instant: string | Date): string {
  return new Date(instant).toLocaleString(say().locale, { dateStyle: "medium", timeStyle: "short" });
}

/** A calendar day, yyyy-mm-dd, in the reader's own notation. */
export function formatDay(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  return day === "" || Number.isNaN(date.getTime())
    ? "–"
    : date.toLocaleDateString(say().locale, { dateStyle: "medium", timeZone: "UTC" });
}

export function ageOn(day: string, now = new Date()): number | undefined {
  const [year, month, date] = day.split("-").map(Number);
  if (!year || !month || !date) return undefined;
  const hadBirthday = now.getMonth() + 1 > month || (now.getMonth() + 1 === month && now.getDate() >= date);
  return now.getFullYear() - year - (hadBirthday ? 0 : 1);
}

/** A name in a sentence: nothing in it turns the rest of the sentence around. */
export const plainName = (name: string) => name.replace(/[\p{Bidi_Control}\p{Cc}]/gu, "");

/** Safe to show and to offer as a file name: no path, no control character, nothing that turns the writing direction. */
export function cleanFileName(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}/\\]/gu, "_").trim();
  return clean === "" || /^\.+$/.test(clean) ? "file" : clean;
}
