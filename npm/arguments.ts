// Arguments as applications give them: whatever has the wrong type is `invalid-argument`, and no view is read past its own bytes.
import { invalid, WardkeyError } from "./errors.js";
import type { Bytes, Context, Data, Padding } from "./types.js";

const LONE_SURROGATE = /\p{Surrogate}/u;
const encoder = /* @__PURE__ */ new TextEncoder();

export function wellFormed(text: unknown, what: string): string {
  if (typeof text !== "string") throw invalid(`${what} is not a string`);
  if (LONE_SURROGATE.test(text)) throw invalid(`${what} holds a lone surrogate`);
  return text;
}

/** The same rule, with the code that passwords have for it. */
export function passwordText(password: unknown): string {
  if (typeof password !== "string") throw invalid("the password is not a string");
  if (LONE_SURROGATE.test(password)) {
    throw new WardkeyError("password-format", "a password holds no lone surrogates");
  }
  return password;
}

/** Just the bytes that were given, in place. */
export function toBytes(bytes: unknown, what: string): Uint8Array {
  try {
    if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (isArrayBuffer(bytes)) return new Uint8Array(bytes);
  } catch {
    throw invalid(`the buffer of ${what} is detached`);
  }
  throw invalid(`${what} is not an ArrayBuffer or a view`);
}

/** Also one of another realm. */
function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === "[object ArrayBuffer]";
}

/** Bytes, or text as UTF-8. */
export function toData(data: unknown): Uint8Array {
  return typeof data === "string" ? encoder.encode(wellFormed(data, "the data")) : toBytes(data, "the data");
}

export function isBlob(value: unknown): value is Blob {
  return typeof Blob === "function" && value instanceof Blob;
}

/** Where long data is read from, piece by piece. */
export interface Source {
  readonly size: number;
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

export function toSource(data: Data | Bytes, what: "data" | "sealed"): Source {
  if (isBlob(data)) {
    return {
      size: data.size,
      read: async (start, end) => {
        try {
          return new Uint8Array(await data.slice(start, end).arrayBuffer());
        } catch (cause) {
          throw new WardkeyError("invalid-argument", "the Blob can't be read (any more)", { cause });
        }
      },
    };
  }
  const bytes = what === "data" ? toData(data) : toBytes(data, "the sealed data");
  return { size: bytes.byteLength, read: (start, end) => bytes.subarray(start, end) };
}

/** `[key, value, …]`, undefined if there is none. */
export function toEntries(context: Context | undefined): string[] | undefined {
  if (context === undefined) return undefined;
  if (typeof context !== "object" || context === null || Array.isArray(context)) {
    throw invalid("a context is an object of strings");
  }
  const entries: string[] = [];
  for (const [key, value] of Object.entries(context)) {
    entries.push(wellFormed(key, "a context key"), wellFormed(value, "a context value"));
  }
  return entries.length > 0 ? entries : undefined;
}

/** The options object itself: undefined, or an object. */
export function toOptions<T extends object>(options: T | undefined): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null) throw invalid("the options are not an object");
  const { signal, onProgress } = options as { signal?: unknown; onProgress?: unknown };
  if (signal !== undefined && !(typeof signal === "object" && signal !== null && "aborted" in signal)) {
    throw invalid("signal is not an AbortSignal");
  }
  if (onProgress !== undefined && typeof onProgress !== "function") throw invalid("onProgress is not a function");
  return options;
}

export function isPadded(padding: Padding | undefined): boolean {
  if (padding === undefined || padding === "none") return false;
  if (padding === "padme") return true;
  throw invalid('padding is "none" or "padme"');
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WardkeyError("aborted", "the call was aborted", { cause: signal.reason });
}
