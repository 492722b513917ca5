// The one instance of the WebAssembly module, whichever entry it was loaded by.

import { copyBytes } from "./arguments.js";
import * as glue from "./core/wardkey_core.js";
import { fromCore, invalid, isWardkeyError, WardkeyError } from "./errors.js";
import type { Bytes } from "./types.js";

export type Source = Bytes | URL | string | Response | WebAssembly.Module;

let ready = false;
let memory: WebAssembly.Memory | undefined;
let compiled: WebAssembly.Module | undefined;
let loading: Promise<void> | undefined;
/** The default entry's module, in parts: what every page needs, what the client adds to it, and what entities add to that. */
export interface Parts {
  base(): Promise<Bytes>;
  client(): Promise<Bytes>;
  entities(): Promise<Bytes>;
}
let inlined: Parts | undefined;
/** The base's exports, and the one whose name says which parts fit. A module that isn't cut has none. */
let base: { exports: WebAssembly.Exports; fits: string } | undefined;
/** The exports of the parts that are there, or come. */
const later = new Map<string, Promise<WebAssembly.Exports>>();

/** The default entry brings the module along.
 *  @internal */
export function provide(parts: Parts): void {
  inlined = parts;
}

/** Compiles the WebAssembly once. Idempotent and safe to call concurrently. Every async call awaits it by itself; *Sync methods,
 *  PublicKey.parse and keyIdOf need it done before, and throw `not-initialised` otherwise. The default entry carries the module
 *  inside; in `wardkey/slim` the application gives the source, and every call before that is `not-initialised`. Both entries share one instance.
 *  @throws `unsupported-environment` without WebAssembly or memory for it; `invalid-argument`, `network` for a source that is no module. A call that failed can be made again. */
export async function init(source?: Source): Promise<void> {
  if (ready) return;
  if (source === undefined && loading === undefined && inlined === undefined) throw notInitialised();
  loading ??= load(source).finally(() => {
    loading = undefined;
  });
  await loading;
}

async function load(source: Source | undefined): Promise<void> {
  if (typeof WebAssembly !== "object") {
    throw new WardkeyError("unsupported-environment", "there is no WebAssembly here");
  }
  if (source !== undefined) return start(source);
  try {
    await start((await inlined?.base()) ?? new ArrayBuffer(0));
  } catch (e) {
    const cause = fromCore(e);
    // The application gave no argument that could be wrong.
    if (cause.code !== "invalid-argument") throw cause;
    throw new WardkeyError("unsupported-environment", "the WebAssembly module inside the package does not start", {
      cause,
    });
  }
}

async function start(source: Source): Promise<void> {
  const module = await compile(source);
  // The glue takes any module's exports: look before it does.
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  if (!["memory", "coredatakey_generate", "errorCodes"].every((name) => names.has(name))) {
    throw invalid("the source is not Wardkey's WebAssembly module");
  }
  const fits = [...names].find((name) => name.startsWith("client-"));
  try {
    const exports = glue.initSync({ module });
    memory = exports.memory;
    if (fits !== undefined) base = { exports: { ...exports }, fits };
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new WardkeyError("unsupported-environment", "there is no memory for the WebAssembly module", { cause });
    }
    throw new WardkeyError("invalid-argument", "the source is not Wardkey's WebAssembly module", { cause });
  }
  compiled = module;
  ready = true;
}

async function compile(source: Source): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  let bytes: BufferSource;
  if (
    typeof source === "string" ||
    source instanceof URL ||
    (typeof Response === "function" && source instanceof Response)
  ) {
    bytes = await download(source);
  } else {
    bytes = copyBytes(source, "the source", "bytes, a URL, a Response or a WebAssembly.Module");
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    if (WebAssembly.validate(bytes)) {
      throw new WardkeyError("unsupported-environment", "WebAssembly is not allowed here", { cause });
    }
    throw invalid("the source is not a WebAssembly module");
  }
}

async function download(source: string | URL | Response): Promise<ArrayBuffer> {
  if (typeof source === "string") checkUrl(source);
  try {
    const response = source instanceof URL || typeof source === "string" ? await fetch(source) : source;
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.arrayBuffer();
  } catch (cause) {
    throw new WardkeyError("network", "the WebAssembly module could not be fetched", { cause });
  }
}

function checkUrl(text: string): void {
  try {
    // A relative one is for `fetch` to resolve.
    new URL(text || "http://", "http://localhost/");
  } catch (cause) {
    throw new WardkeyError("invalid-argument", "the source is not a URL", { cause });
  }
}

function notInitialised(): WardkeyError {
  return new WardkeyError("not-initialised", "call and await init() first");
}

/** The core, for a call that can't wait.
 *  @internal */
export function coreNow(): typeof glue {
  if (!ready) throw notInitialised();
  return glue;
}

/** The core, for a call that can.
 *  @internal */
export async function core(): Promise<typeof glue> {
  if (!ready) await init();
  return glue;
}

/** The core with all that the client needs, which the default entry loads when the first one is opened.
 *  @internal */
export async function clientCore(): Promise<typeof glue> {
  await core();
  await part("client");
  return glue;
}

/** The core of a client with all that entities need, which the default entry loads for the first call that has to do with one.
 *  @internal */
export async function entitiesCore(): Promise<void> {
  await part("entities");
}

function part(name: "client" | "entities"): Promise<WebAssembly.Exports> | undefined {
  if (!base) return undefined;
  let loading = later.get(name);
  if (!loading) {
    loading = loadPart(name, base);
    later.set(name, loading);
    loading.catch(() => later.delete(name));
  }
  return loading;
}

async function loadPart(
  name: "client" | "entities",
  { exports, fits }: NonNullable<typeof base>,
): Promise<WebAssembly.Exports> {
  const what = `the ${name === "client" ? "client's" : "entities'"} part of the package`;
  let bytes: Bytes | undefined;
  try {
    bytes = await inlined?.[name]();
  } catch (cause) {
    if (isWardkeyError(cause)) throw cause;
    // Without a bundler that loads files by itself, Firefox doesn't ask for it again.
    throw new WardkeyError("network", `${what} could not be loaded: try again, or load the page again`, { cause });
  }
  try {
    const module = await compile(bytes ?? new ArrayBuffer(0));
    // A page that was loaded before the application was renewed may be given the renewed one's.
    if (!WebAssembly.Module.imports(module).some(({ name }) => name === fits))
      throw new Error("it is of another build");
    // It writes its functions into the base's table, through which the base calls them.
    const client = name === "entities" ? await later.get("client") : undefined;
    const instance = await WebAssembly.instantiate(module, { base: exports, ...(client && { client }) });
    return instance.exports;
  } catch (cause) {
    throw new WardkeyError("unsupported-environment", `${what} does not fit the rest: load the page again`, { cause });
  }
}

/** The module itself, for a worker's own instance of it.
 *  @internal */
export function module(): WebAssembly.Module {
  if (!compiled) throw notInitialised();
  return compiled;
}

/** The memory of the core as it is now: the next call may move it.
 *  @internal */
export function memoryNow(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(memory?.buffer ?? new ArrayBuffer(0));
}

/** Runs a call of the core; what it throws becomes a WardkeyError.
 *  @internal */
export function call<T>(run: () => T): T {
  if (dead) throw dead;
  try {
    return run();
  } catch (e) {
    if (e instanceof WebAssembly.RuntimeError) throw trapped(e);
    throw fromCore(e);
  }
}

/** After a trap the module can neither be used nor tidy up: its memory, with every key, is wiped, and every later call fails the same way. */
let dead: WardkeyError | undefined;

function trapped(cause: WebAssembly.RuntimeError): WardkeyError {
  memoryNow().fill(0);
  dead = new WardkeyError(
    "unsupported-environment",
    "the WebAssembly module failed, perhaps for want of memory: load the page again",
    { cause },
  );
  return dead;
}

/** Runs what gives something of the module up; in a module that has failed nothing is left of it.
 *  @internal */
export function tidy(run: () => void): void {
  if (!dead) run();
}

/** Gives an object of the module up.
 *  @internal */
export function release(object: { free(): void }): void {
  tidy(() => object.free());
}

/** An object of the WebAssembly memory, given up once.
 *  @internal */
export class Handle<T extends { destroy(): void }> {
  #inner: T | undefined;

  constructor(inner: T) {
    this.#inner = inner;
  }

  get inner(): T {
    if (!this.#inner) throw invalid("used after free()");
    return this.#inner;
  }

  free(): void {
    const inner = this.#inner;
    this.#inner = undefined;
    tidy(() => inner?.destroy());
  }
}
