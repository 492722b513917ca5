// How a backend is asked, checked.
import { toOptions, wellFormed } from "./arguments.js";
import type { Backend } from "./backend.js";
import { invalid } from "./errors.js";

const NAMES = ["signal", "idempotencyKey", "userId", "public"];

/** @internal */
export interface Asked {
  signal: AbortSignal | undefined;
  idempotencyKey: string | undefined;
  userId: string | undefined;
  isPublic: boolean;
}

/** @internal */
export function toAsked(options: Parameters<Backend["request"]>[3]): Asked {
  const { signal, idempotencyKey, userId, public: isPublic = false } = toOptions(options, NAMES);
  if (userId !== undefined) wellFormed(userId, "the user id");
  if (idempotencyKey !== undefined) wellFormed(idempotencyKey, "the idempotency key");
  if (typeof isPublic !== "boolean") throw invalid("public is not a boolean");
  return { signal, idempotencyKey, userId, isPublic };
}
