// Arguments as applications give them: whatever has the wrong type is `invalid-argument`, and no view is read past its own bytes.
import { invalid, type KnownErrorCode, WardkeyError } from "./errors.js";
import type { Bytes, Context, Data, Padding } from "./types.js";

/** What is known of options. One object serves a call and its inverse, so they know the same names. */
export const DATA_OPTIONS = ["context", "padding", "signal", "onProgress"];
export const MANY_OPTIONS = ["padding", "signal", "onProgress"];
/** docs/SPEC.md, section 1. UTF-8 is no shorter than the text. */
const MAX_CONTEXT = 65_536;
/** No normalisation makes 1,024 bytes of more than this. */
const MAX_PASSWORD = 65_536;
/** Of user ids, and of names of caches; in bytes. */
export const MAX_NAME = 128;
/** More than any e-mail address has. */
export const MAX_EMAIL = 254;
const LONE_SURROGATE = /\p{Surrogate}/u;
const encoder = /* @__PURE__ */ new TextEncoder();

/** ECMAScript 2024 has it, many times faster. */
const isWellFormed: (text: string) => boolean =
  "isWellFormed" in String.prototype
    ? (text) => (text as string & { isWellFormed(): boolean }).isWellFormed()
    : (text) => !LONE_SURROGATE.test(text);

export function wellFormed(text: unknown, what: string): string {
  if (typeof text !== "string") throw invalid(`${what} is not a string`);
  if (!isWellFormed(text)) throw invalid(`${what} holds a lone surrogate`);
  return text;
}

/** The same rule, with the code that passwords have for it. */
export function passwordText(password: unknown): string {
  if (typeof password !== "string") throw invalid("the password is not a string");
  if (!isWellFormed(password)) {
    throw new WardkeyError("password-format", "a password holds no lone surrogates");
  }
  if (password.length > MAX_PASSWORD) throw new WardkeyError("password-format", "a password has at most 1,024 bytes");
  return password;
}

/** Text of which the core takes so many characters at most. What is longer is not copied there: its memory would never shrink again, or not suffice. */
export function shortText(text: unknown, what: string, longest: number, code: KnownErrorCode): string {
  const short = wellFormed(text, what);
  if (short.length > longest) throw new WardkeyError(code, `${what} is longer than any`);
  return short;
}

/** What the engine knows of an object, whatever its class says. */
const getter = (prototype: object, name: string) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get ?? (() => undefined);
const typedArray = /* @__PURE__ */ Object.getPrototypeOf(Uint8Array.prototype);
const KINDS = [typedArray, DataView.prototype].map((prototype) =>
  ["buffer", "byteOffset", "byteLength"].map((name) => getter(prototype, name)),
);
const bufferLength = getter(ArrayBuffer.prototype, "byteLength");

/** Just the bytes that were given, in place. */
export function toBytes(bytes: unknown, what: string, expected = "an ArrayBuffer or a view"): Uint8Array {
  try {
    if (ArrayBuffer.isView(bytes)) {
      const kind = Object.prototype.toString.call(bytes) === "[object DataView]" || bytes instanceof DataView ? 1 : 0;
      const [buffer, offset, length] = (KINDS[kind] ?? []).map((get) => get.call(bytes));
      // A view that its resizable buffer has shrunk away from says that it is empty; only this throws.
      if (kind === 0) typedArray.keys.call(bytes);
      return new Uint8Array(buffer as ArrayBuffer, offset as number, length as number);
    }
    bufferLength.call(bytes);
    return new Uint8Array(bytes as ArrayBuffer);
  } catch {
    throw invalid(`${what} is ${kindOf(bytes)}; expected ${expected}`);
  }
}

/** What was given instead of bytes: its kind, nothing of its content. */
function kindOf(given: unknown): string {
  if (given === null || given === undefined) return `${given}`;
  if (typeof given === "string") return "a string: decode it first";
  if (typeof given !== "object") return `a ${typeof given}`;
  try {
    if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) return "detached, transferred or shrunk";
    if (isBlob(given)) return "a Blob: only encrypt() and decrypt() read Blobs";
    if (given instanceof Promise) return "a promise: await it first";
    return Array.isArray(given) ? "an array" : "an object";
  } catch {
    // A revoked proxy answers no question.
    return "an object";
  }
}

/** A copy, for what is read only after something was awaited. */
export function copyBytes(bytes: unknown, what: string, expected?: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(toBytes(bytes, what, expected));
}

/** As copyBytes(), where more than so many bytes can't be what is wanted: nothing long is copied. */
export function copyAtMost(longest: number, bytes: unknown, what: string): Uint8Array<ArrayBuffer> {
  if (toBytes(bytes, what).length > longest) throw new WardkeyError("limit", `${what} is longer than any`);
  return copyBytes(bytes, what);
}

/** Bytes, or text as UTF-8. */
export function toData(data: unknown, expected = "text or bytes"): Uint8Array {
  return typeof data === "string" ? encoder.encode(wellFormed(data, "the data")) : toBytes(data, "the data", expected);
}

export function isBlob(value: unknown): value is Blob {
  if (typeof Blob !== "function") return false;
  try {
    return value instanceof Blob && typeof getter(Blob.prototype, "size").call(value) === "number";
  } catch {
    return false;
  }
}

/** Where long data is read from, piece by piece. */
export interface Source {
  readonly size: number;
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

/** Short data is copied at once, so that nothing can take it away while something is awaited. */
export function toSource(data: Data | Bytes, what: "data" | "sealed", short: number): Source {
  if (isBlob(data)) {
    const size = getter(Blob.prototype, "size").call(data) as number;
    return {
      size,
      read: async (start, end) => {
        try {
          const piece = Blob.prototype.slice.call(data, start, end);
          return new Uint8Array(await Blob.prototype.arrayBuffer.call(piece));
        } catch (cause) {
          throw new WardkeyError("invalid-argument", "the Blob can't be read (any more)", { cause });
        }
      },
    };
  }
  let bytes =
    what === "data" ? toData(data, "text, bytes or a Blob") : toBytes(data, "the sealed data", "bytes or a Blob");
  const size = bytes.length;
  if (size <= short) bytes = Uint8Array.from(bytes);
  return {
    size,
    read: (start, end) => part(bytes, start, end, size, `the ${what}`),
  };
}

/** Some of the bytes of memory that isn't ours, and had this length: it may have been transferred meanwhile. */
export function part(bytes: Uint8Array, start: number, end: number, length: number, what = "the data"): Uint8Array {
  try {
    if (bytes.length === length) return bytes.subarray(start, end);
  } catch {
    // In what V8 has compiled, the length can still be that of before.
  }
  throw invalid(`${what} was taken away while it was worked on`);
}

/** `[key, value, …]`, undefined if there is none. */
export function toEntries(context: Context | undefined): string[] | undefined {
  if (context === undefined) return undefined;
  if (!isPlain(context)) throw invalid("a context is a plain object of strings");
  const entries: string[] = [];
  let length = 0;
  for (const [key, value] of Object.entries(context)) {
    entries.push(wellFormed(key, "a context key"), wellFormed(value, "a context value"));
    length += key.length + value.length;
  }
  // What the core would refuse is not copied there: its memory would never shrink again, or not suffice.
  if (length > MAX_CONTEXT) throw new WardkeyError("limit", "a context longer than 65,536 bytes");
  return entries.length > 0 ? entries : undefined;
}

/** An object literal, of whichever realm: its prototype is null, or has none. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Object.getOwnPropertySymbols(value).length > 0) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "hasOwnProperty"))
  );
}

/** Bytes are not meant: each of them would be a member. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
}

/** A misspelt name must not lose what it stands for: a context, a padding. What its value is, nobody is told. */
export function refuseUnknown(given: object, known: readonly string[], what: string): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw invalid(`unknown ${what} '${name.slice(0, 40)}'`);
  }
}

/** The options object itself: undefined, or an object of what is known. */
export function toOptions<T extends object>(options: T | undefined, known: readonly string[]): Partial<T> {
  if (options === undefined) return {};
  if (!isObject(options)) throw invalid("the options are not an object");
  refuseUnknown(options, known, "option");
  const { signal, onProgress } = options as { signal?: unknown; onProgress?: unknown };
  if (signal !== undefined && !isSignal(signal)) throw invalid("signal is not an AbortSignal");
  if (onProgress !== undefined && typeof onProgress !== "function") throw invalid("onProgress is not a function");
  return options;
}

function isSignal(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("aborted" in value)) return false;
  const { addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return typeof addEventListener === "function" && typeof removeEventListener === "function";
}

export function isPadded(padding: Padding | undefined): boolean {
  if (padding === undefined || padding === "none") return false;
  if (padding === "padme") return true;
  throw invalid('padding is "none" or "padme"');
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

export function aborted(signal: AbortSignal | undefined): WardkeyError {
  return new WardkeyError("aborted", "the call was aborted", { cause: signal?.reason });
}

/** A copy of a Kdf: what throws while it is read must not throw inside of the WebAssembly module. */
export function copyKdf(kdf: unknown): Record<string, unknown> {
  if (!isPlain(kdf)) throw invalid("kdf is not a plain object");
  return { ...kdf };
}
