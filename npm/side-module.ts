// A WebAssembly module beside the core's, which an entry of its own brings along: one instance.
import { type KnownErrorCode, WardkeyError } from "./errors.js";
import { unpack } from "./unpack.js";

interface Glue {
  initSync(given: { module: WebAssembly.Module }): unknown;
}

/** An error as such a module throws it: the JSON text of this. */
interface Refusal {
  code: KnownErrorCode;
  message: string;
  retryAfterMs?: number;
  attemptsLeft?: number;
}

export class SideModule<G extends Glue> {
  readonly #glue: G;
  readonly #packed: string;
  readonly #entry: string;
  readonly #failure: KnownErrorCode;
  #loading: Promise<void> | undefined;
  /** After a trap nothing in the module can be relied on. */
  #dead: WardkeyError | undefined;

  /** `failure` is what a trap of it is to its callers. */
  constructor(glue: G, packed: string, entry: string, failure: KnownErrorCode = "unsupported-environment") {
    this.#glue = glue;
    this.#packed = packed;
    this.#entry = entry;
    this.#failure = failure;
  }

  /** @throws `unsupported-environment` */
  async load(): Promise<G> {
    this.#loading ??= this.#start().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    await this.#loading;
    return this.#glue;
  }

  async #start(): Promise<void> {
    if (typeof WebAssembly !== "object") {
      throw new WardkeyError("unsupported-environment", "there is no WebAssembly here");
    }
    const bytes = await unpack(this.#packed);
    try {
      this.#glue.initSync({ module: await WebAssembly.compile(bytes) });
    } catch (cause) {
      const what = `the WebAssembly module of ${this.#entry} does not start`;
      throw new WardkeyError("unsupported-environment", what, { cause });
    }
  }

  /** Runs a call of the module; what it throws becomes a WardkeyError. */
  call<T>(run: () => T): T {
    if (this.#dead) throw this.#dead;
    try {
      return run();
    } catch (e) {
      if (typeof e === "string") {
        const refusal: Refusal = JSON.parse(e);
        throw new WardkeyError(refusal.code, refusal.message, refusal);
      }
      const what = `the WebAssembly module of ${this.#entry} failed: load the page again`;
      this.#dead = new WardkeyError(this.#failure, what, { cause: e });
      throw this.#dead;
    }
  }
}
