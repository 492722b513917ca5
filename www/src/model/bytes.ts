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

/** An id as the server takes it: 16 random bytes. */
export function freshId(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(16)));
}
