// Mails with codes, as a server writes them into a folder.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Codes that were written into the folder of mails, oldest first, as `{ to, userId, code, text }`. */
export function mails(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".eml"));
  return names
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => read(readFileSync(`${folder}/${name}`, "utf8")));
}

/** A mail taken apart: RFC 5322, quoted-printable. */
export function read(mail) {
  const [head, ...rest] = mail.split("\r\n\r\n");
  const bytes = rest
    .join("\r\n\r\n")
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  const text = head.includes("quoted-printable") ? Buffer.from(bytes, "latin1").toString("utf8") : bytes;
  const [, to] = /^To: (.*)$/im.exec(head) ?? [];
  const [, code] = /^ {4}(\d{8})\r?$/m.exec(text) ?? [];
  const [, userId] = /the account "(.*)" and/.exec(text) ?? [];
  return { head, text, to: to?.trim(), code, ...(userId ? { userId } : {}) };
}
