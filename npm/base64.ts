// Base64 as other formats than Wardkey's have it: RFC 4648, sections 4 and 5.
import { Pace } from "./pace.js";
import type { Out } from "./types.js";

/** Of whole groups of three, so that pieces can be put together; few enough for the arguments of one call. */
const PIECE = 3 << 13;
/** Of whole groups of four. */
const TEXT_PIECE = 4 << 13;

/** With padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  }
  return text;
}

/** For URLs, without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Nothing for what isn't base64 with its padding. Bits that nothing needs are not looked at. */
export function fromBase64(text: string): Out | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  let chars: string;
  try {
    chars = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(chars.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = chars.charCodeAt(at);
  return bytes;
}

/** Nothing for what isn't base64url without padding. */
export function fromBase64url(text: string): Out | undefined {
  if (text.includes("=") || text.includes("+") || text.includes("/")) return undefined;
  const padding = "=".repeat((4 - (text.length % 4)) % 4);
  return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/") + padding);
}

/** As `encode` does it of all, in short tasks. Nobody may change the bytes meanwhile. */
export async function encodeLong(bytes: Uint8Array, encode: (piece: Uint8Array) => string): Promise<string> {
  const pace = new Pace();
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) {
    pieces.push(encode(bytes.subarray(at, at + PIECE)));
    await pace.breathe();
  }
  return pieces.join("");
}

/** As `decode` does it of all, in short tasks. */
export async function decodeLong(text: string, decode: (piece: string) => Out | undefined): Promise<Out | undefined> {
  const pace = new Pace();
  const bytes = new Uint8Array(Math.ceil(text.length / 4) * 3);
  let end = 0;
  for (let at = 0; at < text.length; at += TEXT_PIECE) {
    const piece = decode(text.slice(at, at + TEXT_PIECE));
    // Padding stands at the end alone.
    if (!piece || end !== (at / 4) * 3) return undefined;
    bytes.set(piece, end);
    end += piece.length;
    await pace.breathe();
  }
  return bytes.subarray(0, end);
}
