// What a snapshot of memoryBackend() is: UTF-8 of JSON, with the state of the module inside.
import { WardkeyError } from "./errors.js";
import type { Out } from "./types.js";

/** A one-time code, as it would have been mailed. */
export interface DeliveredCode {
  to: string;
  /** None where a placeholder is claimed. */
  userId?: string;
  code: string;
}

export interface State {
  delivered: DeliveredCode[];
  /** JSON of the module. */
  server: string;
}

const VERSION = 1;

export function writeState({ delivered, server }: State): Out {
  const text = `{"version":${VERSION},"delivered":${JSON.stringify(delivered)},"server":${server}}`;
  return new TextEncoder().encode(text);
}

/** What the server's state is, the module looks at. */
export function readState(bytes: Uint8Array): State {
  const { version, delivered, server } = parse(bytes);
  if (typeof version !== "number") throw malformed();
  if (version !== VERSION) throw new WardkeyError("unsupported-version", "a snapshot of another version");
  if (!Array.isArray(delivered) || !delivered.every(isDelivered) || server === undefined) throw malformed();
  return { delivered, server: JSON.stringify(server) };
}

function parse(bytes: Uint8Array): { [member in "version" | "delivered" | "server"]?: unknown } {
  try {
    return Object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw malformed();
  }
}

function isDelivered(item: unknown): item is DeliveredCode {
  const { to, userId, code } = Object(item);
  return [to, userId ?? "", code].every((text) => typeof text === "string");
}

function malformed(): WardkeyError {
  return new WardkeyError("invalid-format", "not a snapshot of memoryBackend()");
}
