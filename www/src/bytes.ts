export type Octets = Uint8Array<ArrayBuffer>;

const PIECE = 0x8000;

export function toBase64url(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += PIECE) binary += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Only what toBase64url gives: no padding, no other alphabet, no spare bits. Anything else is `undefined`. */
export function fromBase64url(text: string): Octets | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return toBase64url(bytes) === text ? bytes : undefined;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function randomHex(length: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(length)));
}

/** Lower-case hex, or `undefined` where the browser has no WebCrypto (a page on plain http). */
export async function sha256(data: Blob | Octets): Promise<string | undefined> {
  const subtle: SubtleCrypto | undefined = crypto.subtle;
  if (!subtle) return undefined;
  return toHex(new Uint8Array(await subtle.digest("SHA-256", data instanceof Blob ? await data.arrayBuffer() : data)));
}
