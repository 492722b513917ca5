// What Wardkey objects of one application and user share in a page: the identity, its status, and what is told to all of them.
import type { Settings } from "./client-options.js";
import type { CoreClient, CoreTask } from "./core/wardkey_core.js";
import { call, core, Handle } from "./core.js";
import { Device } from "./device.js";
import { isWardkeyError } from "./errors.js";
import { CoreHost } from "./host.js";
import { finish } from "./task.js";

export type Status = "new" | "locked" | "ready";

/** Of the derivation that is kept for the call that follows. */
const DERIVATION_MS = 120_000;

/** What tells of events: a Wardkey object.
 *  @internal */
export type Listener = (type: string, detail: object) => void;

/** @internal */
export class SharedClient {
  static readonly #all = new Map<string, SharedClient>();
  readonly #key: string;
  readonly #settings: Settings;
  readonly #core: Handle<CoreClient>;
  readonly #listeners = new Set<Listener>();
  readonly #looked: Promise<unknown>;
  readonly device: Device;
  readonly host: CoreHost;
  status: Status = "new";
  userId: string | undefined;

  /** The one that is there, or a new one. It is given back by leave(). */
  static async join(settings: Settings, listener: Listener): Promise<SharedClient> {
    const wasm = await core();
    const key = JSON.stringify([settings.appId, settings.userId]);
    let shared = SharedClient.#all.get(key);
    if (!shared) {
      shared = new SharedClient(key, settings, wasm);
      SharedClient.#all.set(key, shared);
    }
    shared.#listeners.add(listener);
    try {
      await shared.#looked;
    } catch (error) {
      shared.leave(listener);
      throw error;
    }
    return shared;
  }

  private constructor(key: string, settings: Settings, wasm: Awaited<ReturnType<typeof core>>) {
    this.#key = key;
    this.#settings = settings;
    this.device = new Device(settings.identityStore);
    this.host = new CoreHost(settings.backend, this.device);
    this.#core = new Handle(call(() => new wasm.CoreClient(this.host, settings.core)));
    this.#looked = this.#look();
  }

  /** After the last one nothing is left of it, but on the device. */
  leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0 || SharedClient.#all.get(this.#key) !== this) return;
    SharedClient.#all.delete(this.#key);
    this.host.close();
    this.#core.free();
  }

  get core(): CoreClient {
    return this.#core.inner;
  }

  /** Runs a call of the core to its end, and tells what happened. */
  async run<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    try {
      return await finish(call(() => make(this.core)));
    } finally {
      await this.#settle();
    }
  }

  /** A derivation is kept for two minutes, whatever becomes of the page. */
  expireDerivation(): void {
    const timer: unknown = setTimeout(() => {
      if (SharedClient.#all.get(this.#key) === this) call(() => this.core.expireDerivation());
    }, DERIVATION_MS);
    // Node would wait for it, and not end.
    (timer as { unref?(): void }).unref?.();
  }

  async #look(): Promise<void> {
    const looking = call(() => this.core.look(this.#settings.userId));
    const [status, last] = await finish<[Status, string | undefined]>(looking);
    this.#become(status, this.#settings.userId ?? last);
  }

  /** What the core says since the last time. */
  async #settle(): Promise<void> {
    if (SharedClient.#all.get(this.#key) !== this) return;
    try {
      for (const [type, ...told] of call(() => this.core.events())) this.#tell(type, detailOf(type, told));
      const user = call(() => this.core.userId());
      if (user !== undefined) this.#become("ready", user);
      else await this.#look();
    } catch (error) {
      // Freed meanwhile, or dead: the call itself says so.
      if (!isWardkeyError(error)) throw error;
    }
  }

  #become(status: Status, userId: string | undefined): void {
    this.userId = status === "new" ? this.#settings.userId : userId;
    if (this.status === status) return;
    this.status = status;
    this.#tell("statuschange", { status });
  }

  #tell(type: string, detail: object): void {
    for (const listener of [...this.#listeners]) listener(type, detail);
  }
}

/** As WardkeyEventMap has it. */
function detailOf(type: string, told: unknown[]): object {
  if (type === "pin-changed") return { id: told[0] ?? "", from: told[1], to: told[2] };
  if (type === "backup-changed") return { version: told[0] };
  return {};
}
