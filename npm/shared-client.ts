// What Wardkey objects of one application and user share in a page: the identity, its status, and what is told to all of them.
import type { CacheStats } from "./cache.js";
import type { Core } from "./chunks.js";
import type { Settings } from "./client-options.js";
import type { CoreClient, CoreTask } from "./core/wardkey_core.js";
import { call, clientCore, Handle, tidy } from "./core.js";
import { Device } from "./device.js";
import { fromCore, invalid, isWardkeyError, WardkeyError } from "./errors.js";
import { Marker } from "./health.js";
import { CoreHost } from "./host.js";
import { type Around, Idle } from "./idle.js";
import { timer } from "./pace.js";
import { plain } from "./plain.js";
import { Push } from "./push.js";
import { type Heard, type Said, Tabs } from "./tabs.js";
import { type Deferred, deferred, finish } from "./task.js";

export type Status = "new" | "locked" | "ready";

/** Why it is looked what is on the device. Only after a load, and after another page's unlocking, is it gone on with what is there. */
type Occasion = "load" | "unlocked" | "now";

/** Of the derivation that is kept for the call that follows. */
const DERIVATION_MS = 120_000;
/** After an opening, and then again and again, it is looked whether the user's groups want a head. */
const FIRST_TEND_MS = 30_000;
const TEND_MS = 3_600_000;
/** What waits in the outbox is tried again. */
const RETRY_MS = 30_000;
const encoder = /* @__PURE__ */ new TextEncoder();

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
  #left = false;
  #looking: Promise<void> | undefined;
  /** Users whose identity another page has locked: while it is looked for whom there is, nobody is known. */
  readonly #lockedElsewhere: unknown[] = [];
  /** Who waits for sessions that were created offline. */
  readonly #unpublished = new Map<string, Deferred<void>>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #tending: ReturnType<typeof setTimeout> | undefined;
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #expiries = new Set<ReturnType<typeof setTimeout>>();
  readonly #tabs: Tabs;
  readonly #push: Push;
  readonly #idle: Idle | undefined;
  readonly #marker = new Marker();
  #opened = new AbortController();
  readonly device: Device;
  readonly host: CoreHost;
  status: Status = "new";
  userId: string | undefined;

  /** The one that is there, or a new one. It is given back by leave(). */
  static async join(settings: Settings, listener: Listener): Promise<SharedClient> {
    const wasm = await clientCore();
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

  private constructor(key: string, settings: Settings, wasm: Core) {
    this.#key = key;
    this.#settings = settings;
    this.device = new Device(settings.identityStore, (reason) => this.#tell("cache-degraded", { reason }));
    this.host = new CoreHost(settings.backend, this.device, settings.cache);
    this.#core = new Handle(call(() => new wasm.CoreClient(this.host, settings.core)));
    this.#tabs = new Tabs(settings.appId, (told) => this.#hear(told));
    this.#push = new Push(settings.backend, (event) => {
      this.#say({ pushed: event });
      this.#pushed(event);
    });
    this.#idle = settings.lockAfterMs ? new Idle(settings.lockAfterMs, this.#around()) : undefined;
    if (typeof addEventListener === "function") {
      addEventListener("online", this.#online);
      addEventListener("pageshow", this.#shown);
    }
    this.#looked = this.#look("load");
  }

  #around(): Around {
    const row = `active.${this.#settings.appId}`;
    return {
      lock: () => this.#quietly(() => this.lock()),
      tell: () => this.#say({ active: true }),
      keep: (time) => this.#quietly(() => this.device.writeRow(row, encoder.encode(String(time)))),
    };
  }

  /** Did nobody do anything for so long, before this page was there? */
  async #wasIdle(): Promise<boolean> {
    if (!this.#idle) return false;
    const last = await this.device.readRow(`active.${this.#settings.appId}`);
    const time = last && Number(new TextDecoder().decode(last));
    return this.#idle.wasOver(Number.isSafeInteger(time) ? time : undefined);
  }

  /** After the last one nothing is left of it, but on the device. */
  leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0 || SharedClient.#all.get(this.#key) !== this) return;
    SharedClient.#all.delete(this.#key);
    this.#left = true;
    if (typeof removeEventListener === "function") {
      removeEventListener("online", this.#online);
      removeEventListener("pageshow", this.#shown);
    }
    this.#idle?.stop();
    clearTimeout(this.#retry);
    clearTimeout(this.#tending);
    for (const expiry of this.#expiries) clearTimeout(expiry);
    this.#push.stop();
    this.#tabs.close();
    this.host.close();
    const unsent = new WardkeyError("aborted", "closed before it was sent");
    for (const id of this.#unpublished.keys()) this.#published([id, unsent]);
    // Sessions and calls under way hold the client, which holds no key any more.
    tidy(() => this.core.close());
    this.#opened.abort();
    this.#core.free();
  }

  /** Here, and in every other page.
   *  @throws `storage-unavailable` if a reload could still go on without the password; this page is locked all the same */
  async lock(): Promise<void> {
    // First: this page may be gone before the rest is done.
    this.#say({ locked: true });
    await this.run((core) => core.lock(this.userId));
    this.#checkGone();
  }

  /** Here, and in every other page, and on the device.
   *  @throws as lock() */
  async forget(): Promise<void> {
    const user = this.userId;
    this.#say({ locked: true });
    await this.run((core) => core.forget(user));
    if (user !== undefined) this.#tabs.tell({ user, forgotten: true });
    this.#checkGone();
  }

  #checkGone(): void {
    if (this.device.sticks) {
      throw new WardkeyError(
        "storage-unavailable",
        "IndexedDB doesn't delete: a reload may go on without the password",
      );
    }
  }

  /** After an unlocking: other pages look. */
  unlocked(): void {
    this.#say({ unlocked: true });
  }

  /** The only user, if it was opened for one. */
  get wanted(): string | undefined {
    return this.#settings.userId;
  }

  get core(): CoreClient {
    return this.#core.inner;
  }

  /** Runs a call of the core to its end, and tells what happened. */
  async run<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    if (this.#left) throw invalid("used after close()");
    try {
      return await finish(call(() => make(this.core)));
    } catch (error) {
      throw this.#left ? new WardkeyError("aborted", "closed while it was under way", { cause: error }) : error;
    } finally {
      await this.#settle();
    }
  }

  /** The same for what the application asks for. Where nobody can be seen, that is a sign of somebody. */
  runForUser<T>(make: (core: CoreClient) => CoreTask): Promise<T> {
    if (typeof document === "undefined") this.#idle?.sign();
    return this.run(make);
  }

  /** One after the other, of what would come in each other's way at the key server; whatever becomes of the one before. */
  async inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(what);
    const turn = (async () => {
      await before?.catch(() => undefined);
      return work();
    })();
    this.#turns.set(what, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(what) === turn) this.#turns.delete(what);
    }
  }

  /** A derivation is kept for two minutes, whatever becomes of the page. */
  expireDerivation(): void {
    if (this.#left) return;
    const expiry = timer(() => {
      this.#expiries.delete(expiry);
      tidy(() => this.core.expireDerivation());
    }, DERIVATION_MS);
    this.#expiries.add(expiry);
  }

  /** Resolves when the key server has this session; rejects if it never takes it as it is. */
  published(sessionId: string): Promise<void> {
    let waiting = this.#unpublished.get(sessionId);
    if (!waiting) {
      waiting = deferred();
      // Who doesn't look at it is told by the session's next call.
      waiting.promise.catch(() => undefined);
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
      if (left > 0 && this.status === "ready" && !this.#left) {
        clearTimeout(this.#retry);
        this.#retry = timer(() => this.#quietly(() => this.sendOutbox()), RETRY_MS);
      }
    }
  }

  /** Who is on line says what the newest states of his groups are: others write for them only as long as somebody does. */
  #tendIn(ms: number): void {
    clearTimeout(this.#tending);
    this.#tending = timer(() => {
      this.#quietly(() => this.run((core) => core.tendGroups()));
      this.#tendIn(TEND_MS);
    }, ms);
  }

  /** What is on the device. */
  #look(occasion: Occasion): Promise<void> {
    const looking = this.#lookNow(occasion).finally(() => {
      if (this.#looking === looking) this.#looking = undefined;
    });
    this.#looking = looking;
    return looking;
  }

  async #lookNow(occasion: Occasion): Promise<void> {
    const wanted = this.#settings.userId;
    const heard = this.#lockedElsewhere.length;
    if (occasion === "load" && (await this.#wasIdle())) await finish(call(() => this.core.lock(wanted)));
    const look = (resumes: boolean) =>
      finish<[Status, string | undefined]>(call(() => this.core.look(wanted, resumes)));
    let [status, last] = await look(occasion !== "now");
    const open = call(() => this.core.userId());
    if (open !== undefined && this.#lockedElsewhere.includes(open, heard)) {
      await finish(call(() => this.core.lock(open)));
      [status, last] = await look(false);
    }
    this.#marker.look(this.device.created);
    // Another call may have been faster.
    const user = call(() => this.core.userId());
    if (user !== undefined) this.#become("ready", user);
    else this.#become(status === "ready" ? "locked" : status, wanted ?? last);
  }

  get cacheKind(): CacheStats["store"] {
    return this.#settings.cache.kind;
  }

  async lookForWipe(): Promise<Date | undefined> {
    await this.device.look();
    this.#marker.look(this.device.created);
    return this.#marker.lastWipe;
  }

  /** What the core says since the last time. */
  async #settle(): Promise<void> {
    if (this.#left) return;
    try {
      for (const [type, ...told] of call(() => this.core.events())) {
        if (type === "published") this.#published(told);
        else this.#tell(type, detailOf(type, told));
        if (type === "revoked") this.#say({ revoked: told[0] });
      }
      const user = call(() => this.core.userId());
      this.#marker.look(this.device.created);
      if (user !== undefined) this.#become("ready", user);
      // Who looks already says what there is.
      else await (this.#looking ?? this.#look("now"));
    } catch (error) {
      // Freed meanwhile, or dead: the call itself says so.
      if (!isWardkeyError(error)) throw error;
    }
  }

  #become(status: Status, userId: string | undefined): void {
    const [before, user] = [this.userId, status === "new" ? this.#settings.userId : userId];
    this.userId = user;
    if (this.status === status && (status !== "ready" || before === user)) return;
    // What an identity that is just opened holds stays.
    if (this.status === "ready" || status !== "ready") this.host.forget();
    this.status = status;
    this.#idle?.stop();
    this.#push.stop();
    clearTimeout(this.#tending);
    this.#opened.abort();
    this.#opened = new AbortController();
    if (status === "ready" && user !== undefined) {
      this.#idle?.start();
      this.#push.start(this.#settings.appId, user);
      this.#quietly(() => this.sendOutbox());
      this.#tendIn(FIRST_TEND_MS);
    }
    this.#tell("statuschange", { status });
  }

  /** Aborted when the identity that is open now is locked, closed, or another user's is in its place. */
  get locked(): AbortSignal {
    return this.#opened.signal;
  }

  /** From another page. */
  #hear(told: Heard): void {
    // Where nobody is open, and none is wanted before others, any user may come.
    const isWanted = this.status !== "ready" && this.#settings.userId === undefined;
    if ("unlocked" in told && this.status !== "ready" && (isWanted || told.user === this.userId)) {
      this.#quietly(() => this.#look("unlocked"));
    }
    if ("locked" in told) this.#lockedElsewhere.push(told.user);
    if (told.user !== this.userId) return;
    if ("forgotten" in told) this.#quietly(() => this.run((core) => core.forget(this.userId)));
    if (this.status !== "ready") return;
    if ("active" in told) this.#idle?.active();
    if ("pushed" in told) this.#pushed(told.pushed);
    if (Array.isArray(told.revoked)) this.#revoked(told.revoked);
    if ("locked" in told) this.#quietly(() => this.run((core) => core.lock(this.userId)));
  }

  /** To the other pages of this user. */
  #say(what: Said): void {
    if (this.userId !== undefined) this.#tabs.tell({ user: this.userId, ...what });
  }

  /** Another page has read it. */
  #revoked(told: unknown[]): void {
    const sessionIds = told.filter((id) => typeof id === "string" && /^[\w-]{43}$/.test(id)) as string[];
    tidy(() => this.core.feedTold(sessionIds));
    this.#tell("revoked", { sessionIds });
  }

  #pushed(event: unknown): void {
    if (this.status === "ready") this.#quietly(() => this.run((core) => core.pushed(plain(event))));
  }

  /** A page that was put away may come back as it was, and has heard nothing meanwhile: it goes on as if it were loaded. */
  #shown = (event: Event): void => {
    if ((event as { persisted?: unknown }).persisted !== true || this.status !== "ready") return;
    tidy(() => this.core.close());
    this.#quietly(() => this.#look("load"));
  };

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
