// The published legacy layout, as a database has it. Whatever has another form is `invalid-format`; nothing in it is authenticated.
import { isPlain } from "./arguments.js";
import { WardkeyError } from "./errors.js";
import type { Out } from "./types.js";

/** A value that `owner` sealed for `delegatedTo` by the exchange key of the two: hexadecimal. */
export interface LegacyDelegation {
  owner: string;
  delegatedTo: string;
  key: string;
}

/** A document in the legacy layout. */
export interface LegacyDocument {
  id: string;
  /** Base64. Objects inside of the document may have one of their own. */
  encryptedSelf?: string | null;
  /** By delegate. */
  encryptionKeys?: Record<string, LegacyDelegation[]> | null;
  delegations?: Record<string, LegacyDelegation[]> | null;
  cryptedForeignKeys?: Record<string, LegacyDelegation[]> | null;
  secretForeignKeys?: string[] | null;
  [clear: string]: unknown;
}

/** The record of a party: the members that exchange keys stand in. */
export interface LegacyParty {
  id: string;
  /** The exchange key for each delegate, wrapped for the party and for the delegate. */
  hcPartyKeys?: Record<string, string[]> | null;
  /** By public key of the party, delegate, and the end of the public key that it is wrapped for. */
  aesExchangeKeys?: Record<string, Record<string, Record<string, string>>> | null;
  [other: string]: unknown;
}

/** The members that make the layout. */
export const LEGACY = ["encryptedSelf", "encryptionKeys", "delegations", "cryptedForeignKeys", "secretForeignKeys"];

export function malformed(what: string): WardkeyError {
  return new WardkeyError("invalid-format", `${what} is not as the legacy layout has it`);
}

/** What never came to be is undefined or null there. */
export function record(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (!isPlain(value)) throw malformed(what);
  return value;
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw malformed(what);
  return value;
}

export function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw malformed(what);
  return value;
}

/** The delegations of a map, with the delegate under whom they stand. */
export function* delegations(
  map: unknown,
  what: string,
): Generator<{ owner: string; delegate: string; sealed: string }> {
  for (const [delegate, values] of Object.entries(record(map, what))) {
    for (const value of list(values, what)) {
      const { owner, key } = record(value, what);
      // One without a value was never finished.
      if (key === undefined || key === null || key === "") continue;
      yield { owner: text(owner, what), delegate, sealed: text(key, what) };
    }
  }
}

/** Nothing for what isn't hexadecimal. */
export function fromHex(hex: string): Out | undefined {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(hex)) return undefined;
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
