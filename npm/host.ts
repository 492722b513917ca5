// The world of a client, as the core asks for it: the key server, the device, and what is slow.
import type { Backend, Json } from "./backend.js";
import { core } from "./core.js";
import type { Device } from "./device.js";
import { isWardkeyError, WardkeyError } from "./errors.js";
import { newRsa, type RsaSuite } from "./rsa.js";
import { derive } from "./slow.js";
import type { Out } from "./types.js";

/** What Rust calls: `src/js/host.rs`, `backend.rs`, `device.rs`.
 *  @internal */
export class CoreHost {
  readonly #backend: Backend;
  readonly #device: Device;
  readonly #ended = new AbortController();

  constructor(backend: Backend, device: Device) {
    this.#backend = backend;
    this.#device = device;
  }

  /** Requests that are under way end. */
  close(): void {
    this.#ended.abort();
    this.#device.close();
  }

  request(method: "GET" | "POST" | "PUT", path: string, body: Json | undefined, userId: string | undefined) {
    const { signal } = this.#ended;
    const options = userId === undefined ? { signal, public: true } : { signal, userId };
    return asked(() => this.#backend.request(method, path, body, options));
  }

  hasAppShare(): boolean {
    return this.#backend.appShare !== undefined;
  }

  putShare(userId: string, share: string): Promise<void> {
    return asked(async () => this.#backend.appShare?.put(userId, share));
  }

  takeShare(userId: string, receipt: string) {
    return asked(async () => this.#backend.appShare?.get(userId, receipt));
  }

  storeLogin(store: (secret: string) => Promise<void>, secret: string): Promise<void> {
    return asked(() => store(secret));
  }

  async derive(derivation: Out, salt: Out, iterations: number | undefined, password: Out): Promise<Uint8Array> {
    try {
      const [given, own] = [() => derivation.slice(), () => password.slice()];
      return await derive({ derivation: given, salt: () => salt, iterations: () => iterations, password: own });
    } finally {
      password.fill(0);
    }
  }

  async generateRsa(suite: RsaSuite): Promise<Uint8Array> {
    return newRsa(await core(), suite);
  }

  readRow = (row: string) => this.#device.readRow(row);
  writeRow = (row: string, value: Out) => this.#device.writeRow(row, value);
  deleteRow = (row: string) => this.#device.deleteRow(row);
  rowNames = (prefix: string) => this.#device.rowNames(prefix);
  sealHere = (context: Out, plain: Out) => this.#device.sealHere(context, plain);
  openHere = (context: Out, sealed: Out) => this.#device.openHere(context, sealed);
}

/** What the application throws has a code. */
async function asked<T>(ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (isWardkeyError(cause)) throw cause;
    throw new WardkeyError("server", "the application's code failed", { cause });
  }
}
