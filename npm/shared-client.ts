// What Wardkey objects of one application and user share in a page: the identity, its status, and what is told to all of them.
import type { CacheStats } from "./cache.js";
import type { Settings } from "./client-options.js";
import type { CoreClient, CoreTask } from "./core/wardkey_core.js";
import { call, core, Handle, tidy } from "./core.js";
import { Device } from "./device.js";
import { fromCore, isWardkeyError } from "./errors.js";
import { Marker } from "./health.js";
import { CoreHost } from "./host.js";
import { Idle } from "./idle.js";
import { Push } from "./push.js";
import { type Heard, type Said, Tabs } from "./tabs.js";
import { finish } from "./task.js";

export type Status = "new" | "locked" | "ready";

/** Of the derivation that is kept for the call that follows. */
const DERIVATION_MS = 120_000;
/** What waits in the outbox is tried again. */
const RETRY_MS = 30_000;

interface PromiseWithResolvers {
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

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
  /** Who waits for sessions that were created offline. */
  readonly #unpublished = new Map<string, PromiseWithResolvers>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #tabs: Tabs;
  readonly #push: Push;
  readonly #idle: Idle | undefined;
  readonly #marker: Marker;
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
    this.host = new CoreHost(settings.backend, this.device, settings.cache);
    this.#core = new Handle(call(() => new wasm.CoreClient(this.host, settings.core)));
    this.#marker = new Marker(settings.appId);
    this.#tabs = new Tabs(settings.appId, (told) => this.#hear(told));
    this.#push = new Push(settings.backend, (event) => {
      this.#say({ pushed: event });
      this.#pushed(event);
    });
    const { lockAfterMs } = settings;
    const lock = () => this.#quietly(() => this.lock());
    this.#idle = lockAfterMs ? new Idle(lockAfterMs, lock, () => this.#say({ active: true })) : undefined;
    if (typeof addEventListener === "function") addEventListener("online", this.#online);
    this.#looked = this.#look();
  }

  /** After the last one nothing is left of it, but on the device. */
  leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0 || SharedClient.#all.get(this.#key) !== this) return;
    SharedClient.#all.delete(this.#key);
    if (typeof removeEventListener === "function") removeEventListener("online", this.#online);
    this.#idle?.stop();
    clearTimeout(this.#retry);
    this.#push.stop();
    this.#tabs.close();
    this.host.close();
    this.#core.free();
  }

  /** Here, and in every other page. */
  async lock(): Promise<void> {
    await this.run((core) => core.lock());
    this.#say({ locked: true });
  }

  /** After an unlocking: other pages look. */
  unlocked(): void {
    this.#say({ unlocked: true });
  }

  get core(): CoreClient {
    return this.#core.inner;
  }

  /** Runs a call of the core to its end, and tells what happened. */
  async run<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    this.#idle?.active();
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

  /** Resolves when the key server has this session; rejects if it never takes it as it is. */
  published(sessionId: string): Promise<void> {
    let waiting = this.#unpublished.get(sessionId);
    if (!waiting) {
      let [resolve, reject]: [() => void, (error: unknown) => void] = [() => {}, () => {}];
      const promise = new Promise<void>((fulfil, refuse) => {
        [resolve, reject] = [fulfil, refuse];
      });
      // Who doesn't look at it is told by the session's next call.
      promise.catch(() => undefined);
      waiting = { promise, resolve, reject };
      this.#unpublished.set(sessionId, waiting);
    }
    return waiting.promise;
  }

  #published([id, error]: unknown[]): void {
    const waiting = this.#unpublished.get(id as string);
    this.#unpublished.delete(id as string);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(fromCore(error));
  }

  /** Sends what waits, and tries again later. */
  async sendOutbox(): Promise<void> {
    clearTimeout(this.#retry);
    let left = 1;
    try {
      left = await this.run<number>((core) => core.sendOutbox());
    } finally {
      if (left > 0 && this.status === "ready" && SharedClient.#all.get(this.#key) === this) {
        this.#retry = setTimeout(() => this.#quietly(() => this.sendOutbox()), RETRY_MS);
        // Node would wait for it, and not end.
        (this.#retry as { unref?(): void }).unref?.();
      }
    }
  }

  async #look(): Promise<void> {
    const looking = call(() => this.core.look(this.#settings.userId));
    const [status, last] = await finish<[Status, string | undefined]>(looking);
    if (status === "new" && this.device.kind === "indexeddb") this.#marker.missing();
    this.#become(status, this.#settings.userId ?? last);
  }

  get cacheKind(): CacheStats["store"] {
    return this.#settings.cache.kind;
  }

  get lastWipe(): Date | undefined {
    return this.#marker.lastWipe;
  }

  /** What the core says since the last time. */
  async #settle(): Promise<void> {
    if (SharedClient.#all.get(this.#key) !== this) return;
    try {
      for (const [type, ...told] of call(() => this.core.events())) {
        if (type === "published") this.#published(told);
        else this.#tell(type, detailOf(type, told));
        if (type === "revoked") this.#say({ revoked: told[0] });
      }
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
    if (this.device.kind === "indexeddb") this.#marker.set(status !== "new");
    if (status === "ready" && userId !== undefined) {
      this.#idle?.start();
      this.#push.start(this.#settings.appId, userId);
      this.#quietly(() => this.sendOutbox());
    } else {
      this.#idle?.stop();
      this.#push.stop();
      this.host.forget();
    }
    this.#tell("statuschange", { status });
  }

  /** From another page. */
  #hear(told: Heard): void {
    // Before anybody was here, any user may come.
    if (told.user !== this.userId && !(this.userId === undefined && "unlocked" in told)) return;
    if (this.status !== "ready") {
      if ("unlocked" in told) this.#quietly(() => this.#look());
      return;
    }
    if ("active" in told) this.#idle?.active();
    if ("pushed" in told) this.#pushed(told.pushed);
    if (Array.isArray(told.revoked)) this.#revoked(told.revoked);
    if ("locked" in told) this.#quietly(() => this.run((core) => core.lock()));
  }

  /** To the other pages of this user. */
  #say(what: Said): void {
    if (this.userId !== undefined) this.#tabs.tell({ user: this.userId, ...what });
  }

  /** Another page has read it. */
  #revoked(told: unknown[]): void {
    const sessionIds = told.filter((id) => typeof id === "string");
    tidy(() => this.core.feedTold(sessionIds));
    this.#tell("revoked", { sessionIds });
  }

  #pushed(event: unknown): void {
    if (this.status === "ready") this.#quietly(() => this.run((core) => core.pushed(event)));
  }

  /** What waited for the network. */
  #online = (): void => {
    if (this.status !== "ready") return;
    this.#quietly(() => this.run((core) => core.refresh()));
    this.#quietly(() => this.sendOutbox());
  };

  /** What nobody waits for: what fails of it comes up in the call that needs it. */
  #quietly(act: () => Promise<unknown>): void {
    act().catch(() => undefined);
  }

  #tell(type: string, detail: object): void {
    for (const listener of [...this.#listeners]) listener(type, detail);
  }
}

/** As WardkeyEventMap has it. */
function detailOf(type: string, told: unknown[]): object {
  if (type === "pin-changed") return { id: told[0] ?? "", from: told[1], to: told[2] };
  if (type === "revoked") return { sessionIds: told[0] };
  if (type === "cache-degraded") return { reason: told[0] };
  if (type === "backup-changed") return { version: told[0] };
  return {};
}
