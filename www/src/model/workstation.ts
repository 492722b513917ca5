import { httpBackend, init, isWardkeyError, Wardkey, WardkeyError } from "wardkey";
import { plainName } from "../format";
import { Observable } from "../observable";
import * as api from "../server/api";
import { again, asBackend, isRefused, ServerError } from "../server/request";
import { listen } from "../server/shared-events";
import type { Config, Facility, Me, ServerEvent } from "../server/types";
import { AddressBook } from "./address-book";
import { Drafts } from "./drafts";
import { Meter } from "./meter";
import { endLogin, isLogoutPending, keepEnding, markLogout, newLogin } from "./pending-logout";
import { TokenKeeper } from "./token";
import { Transfers } from "./transfers";
import { type Inventory, wipeBrowserStorage } from "./wipe";

export type Notice =
  /** `isTold`: the server knows that the login has ended. */
  | { kind: "wiped"; left: Inventory; isTold: boolean }
  | { kind: "ended" }
  | { kind: "locked-partly" }
  | { kind: "logged-out"; isTold: boolean }
  | { kind: "welcome"; how: "local" | "restored" | "registered" | "recovered"; milliseconds: number };

/** "out": nobody is logged in. "locked": somebody is, and the keys wait for the password. "in": at work. */
type Phase = "starting" | "failed" | "out" | "locked" | "in";

/** From tab to tab: who, by his id. */
type Said = { loggedIn: string } | { loggedOut: string };

/** This browser: who works at it, with which keys. */
export class Workstation extends Observable {
  phase: Phase = "starting";
  problem: unknown;
  config: Config | undefined;
  facilities: readonly Facility[] = [];
  me: Me | undefined;
  notice: Notice | undefined;
  /** Counts events of people and facilities, so that views read anew. */
  staffVersion = 0;
  #wardkey: Wardkey | undefined;
  #transfers: Transfers | undefined;
  #drafts: Drafts | undefined;
  #book: AddressBook | undefined;
  #stopListening: (() => void) | undefined;
  #listeners = new Set<(event: ServerEvent) => void>();
  #tokens = new TokenKeeper();
  /** The password that a recovery was setting when it broke off. */
  #replaced: { userId: string; newPassword: string } | undefined;
  /** The other tabs of this browser, where there is a way to reach them. */
  #tabs = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("wardkey-demo");
  readonly meter = new Meter();

  constructor() {
    super();
    this.#tabs?.addEventListener("message", ({ data }: MessageEvent<Said>) => {
      // The cookie is somebody else's now.
      if ("loggedIn" in data && this.me && data.loggedIn !== this.me.userId) void this.#checkLogin();
      if (!("loggedOut" in data) || data.loggedOut !== this.me?.userId) return;
      void this.#leave().then(() => this.#endLogin((isTold) => ({ kind: "logged-out", isTold })));
    });
  }

  /** Of who is logged in. */
  get wardkey(): Wardkey {
    if (!this.#wardkey) throw new WardkeyError("locked");
    return this.#wardkey;
  }

  get transfers(): Transfers {
    if (!this.#transfers) throw new WardkeyError("locked");
    return this.#transfers;
  }

  get drafts(): Drafts {
    if (!this.#drafts) throw new WardkeyError("locked");
    return this.#drafts;
  }

  /** Which group is whose; nothing while the own facility has none. */
  get book(): AddressBook | undefined {
    return this.#book;
  }

  get facility(): Facility | undefined {
    return this.facilities.find(({ id }) => id === this.me?.facilityId);
  }

  facilityName(id: string): string {
    return plainName(
      this.#book?.facilityName(id) ?? this.facilities.find((facility) => facility.id === id)?.name ?? id,
    );
  }

  personName(userId: string): string {
    return plainName(this.#book?.nameOf(userId) ?? this.listedName(userId) ?? userId);
  }

  /** Whom a signature names: the user id is what is verified, the name is what he was called first. */
  signedName(userId: string): string {
    return `${this.personName(userId)} (${userId})`;
  }

  /** What the server calls somebody now. */
  listedName(userId: string): string | undefined {
    return this.config?.people.find((person) => person.userId === userId)?.name;
  }

  async start(): Promise<void> {
    this.#become("starting");
    try {
      await init();
      this.config = await api.config();
      if (isLogoutPending()) return await this.#endLogin((isTold) => ({ kind: "logged-out", isTold }));
      const me = await whoAmI();
      if (!me) return this.#become("out");
      this.me = me;
      const wardkey = await this.#open(me.userId);
      if (wardkey.status === "ready") await this.#enter();
      else this.#become("locked");
    } catch (error) {
      this.problem = error;
      this.#become("failed");
    }
  }

  /** The application gets the login secret, never the password. Then the keys: from this device, or from the backup. */
  async login(userId: string, password: string, how?: "recovered"): Promise<void> {
    const began = performance.now();
    const wardkey = await this.#open(userId);
    const loginSecret = await wardkey.loginSecret({ userId, password });
    try {
      this.me = await newLogin(() => api.login({ userId, loginSecret }));
    } catch (error) {
      // The password of the card may have been changed: then there is no card any more.
      await this.#readConfig();
      throw error;
    }
    await this.#unlock(wardkey, userId, password, began, how);
  }

  /** Of somebody whom the application still knows. */
  async unlock(password: string): Promise<void> {
    const began = performance.now();
    await this.#checkLogin();
    const { me } = this;
    if (me) await this.#unlock(this.wardkey, me.userId, password, began);
  }

  async register(who: {
    userId: string;
    name: string;
    facilityId: string;
    invitation: string;
    password: string;
    email: string;
  }): Promise<void> {
    const began = performance.now();
    const { userId, password, email } = who;
    const wardkey = await this.#open(userId);
    const loginSecret = await wardkey.loginSecret({ userId, password });
    const { name, facilityId, invitation } = who;
    this.me = await newLogin(() => api.register({ userId, name, facilityId, invitation, loginSecret }));
    try {
      // The answer was lost before, or somebody who had left comes again: the account is there, and a new registration would replace its half of a recovery.
      await wardkey.unlock({ userId, password });
    } catch (error) {
      if (!isWardkeyError(error) || error.code !== "no-backup") throw error;
      await wardkey.register({ userId, password, ...(email === "" ? {} : { recoveryContact: { email } }) });
    }
    await this.#enter({ kind: "welcome", how: "registered", milliseconds: performance.now() - began });
  }

  async startRecovery(userId: string): Promise<{ recoveryId: string; sentTo: string }> {
    this.#replaced = undefined;
    const wardkey = await this.#open(userId);
    return wardkey.startRecovery({ userId });
  }

  /** A recovery that broke off when it may have set this user's new password: whichever it set counts, and no other is asked for. */
  isReplaced(userId: string): boolean {
    return this.#replaced?.userId === userId;
  }

  async finishRecovery(given: { userId: string; recoveryId: string; code: string; newPassword: string }) {
    const began = performance.now();
    const { userId, newPassword } = given;
    if (this.isReplaced(userId)) return this.#goOnRecovering(userId);
    const wardkey = await this.#open(userId);
    await wardkey.finishRecovery({
      ...given,
      storeLoginSecret: async (loginSecret) => {
        this.#replaced = { userId, newPassword };
        await asBackend(again(() => api.storeLoginSecret({ userId, loginSecret })));
      },
    });
    // Who isn't told of a login that breaks off here goes on with it.
    this.#replaced = { userId, newPassword };
    const loginSecret = await wardkey.loginSecret({ userId, password: newPassword });
    this.me = await newLogin(() => api.login({ userId, loginSecret }));
    this.#replaced = undefined;
    await this.#enter({ kind: "welcome", how: "recovered", milliseconds: performance.now() - began });
  }

  /** The code is spent. Where the server has the new login secret, the new password opens what was written; where it hasn't, the old one counts, and it takes another code. */
  async #goOnRecovering(userId: string): Promise<void> {
    const { newPassword } = this.#replaced ?? { newPassword: "" };
    try {
      await this.login(userId, newPassword, "recovered");
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.#replaced = undefined;
      throw new WardkeyError("otp-expired");
    }
    this.#replaced = undefined;
  }

  /** The keys leave memory, in all tabs; what is sealed stays for the next login. The server is told as soon as it can be. */
  async logout(): Promise<void> {
    const userId = this.me?.userId;
    markLogout();
    // Where it can't be made sure that a reload asks for the password, the login that a reload needs goes all the same.
    await this.#wardkey?.lock().catch(() => undefined);
    await this.#leave();
    if (userId !== undefined) this.#tell({ loggedOut: userId });
    await this.#endLogin((isTold) => ({ kind: "logged-out", isTold }));
  }

  async lock(): Promise<void> {
    try {
      await this.#wardkey?.lock();
    } catch {
      // It is locked here; what a reload goes on with could not be deleted.
      this.notice = { kind: "locked-partly" };
      this.changed();
    }
  }

  /** Hospital IT at night: everything that this origin keeps in the browser goes, keys and login too. Nothing at the servers. */
  async wipe(): Promise<void> {
    markLogout();
    await this.#leave();
    const left = await wipeBrowserStorage();
    await this.#endLogin((isTold) => ({ kind: "wiped", left, isTold }));
  }

  /** Nobody is at work here, at once. What the server couldn't be told it is told when it answers again. */
  async #endLogin(say: (isTold: boolean) => Notice): Promise<void> {
    this.notice = undefined;
    this.#become("out");
    const sayIt = (isTold: boolean) => {
      // somebody else is here by now
      if (this.phase !== "out") return;
      this.notice = say(isTold);
      this.changed();
    };
    const isTold = await endLogin();
    sayIt(isTold);
    void this.#readConfig();
    if (!isTold) void keepEnding().then(() => sayIt(true));
  }

  #tell(said: Said): void {
    this.#tabs?.postMessage(said);
  }

  dismissNotice(): void {
    this.notice = undefined;
    this.changed();
  }

  /** Events of the facility, beside what the lists do with them. */
  onEvent(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async loadFacilities(): Promise<void> {
    this.facilities = await api.facilities();
    // names of people who came since the page was loaded
    this.config = await api.config();
    this.#keepBook();
    this.changed();
  }

  /** Whom a click logs in changes. */
  async #readConfig(): Promise<void> {
    this.config = await api.config().catch(() => this.config);
    this.changed();
  }

  #keepBook(): void {
    const { facility, me } = this;
    if (this.phase !== "in" || !me) return;
    if (!this.#book && facility?.groupId) {
      this.#book = new AddressBook(this.wardkey, me, facility.groupId);
      this.#book.subscribe(() => this.changed());
    }
    this.#book?.hear(this.facilities, this.config?.people ?? []);
    // After the list: what that one costs is shown.
    if (this.#transfers?.state !== "loading") void this.#book?.update();
  }

  async #unlock(wardkey: Wardkey, userId: string, password: string, began: number, why?: "recovered"): Promise<void> {
    let how: "local" | "restored" | "registered";
    try {
      how = await wardkey.unlock({ userId, password });
    } catch (error) {
      // The application knows this person and this password; the key server has nothing yet: the registration was cut short.
      if (!isWardkeyError(error) || error.code !== "no-backup") throw error;
      await wardkey.register({ userId, password });
      how = "registered";
    }
    await this.#enter({ kind: "welcome", how: why ?? how, milliseconds: performance.now() - began });
  }

  async #open(userId: string): Promise<Wardkey> {
    if (this.#wardkey?.userId === userId) return this.#wardkey;
    await this.#wardkey?.close();
    this.#wardkey = undefined;
    if (!this.config) throw new ServerError("network");
    const { appId, keyServer, escrowKey } = this.config;
    const backend = httpBackend({ url: keyServer, token: () => asBackend(this.#tokens.get(userId)), appShare });
    const wardkey = await Wardkey.open({
      appId,
      userId,
      backend: this.meter.counted(backend),
      cache: { store: "indexeddb" },
      trust: { escrowKey },
    });
    wardkey.addEventListener("statuschange", ({ detail }) => {
      // locked in another tab, or the password was changed elsewhere
      if (detail.status !== "ready" && this.phase === "in" && this.#wardkey === wardkey) {
        this.#close();
        this.#become("locked");
      }
    });
    wardkey.addEventListener("revoked", ({ detail }) => {
      this.#transfers?.close(detail.sessionIds, new WardkeyError("revoked"));
      for (const listener of [...this.#listeners]) listener({ type: "transfer" });
    });
    this.#wardkey = wardkey;
    return wardkey;
  }

  async #enter(notice?: Notice): Promise<void> {
    await this.loadFacilities();
    if (!this.me) throw new ServerError("unauthenticated");
    this.#close();
    this.notice = notice;
    this.#transfers = new Transfers(this.wardkey, this.meter);
    this.#drafts = new Drafts(this.wardkey);
    this.phase = "in";
    const { userId } = this.me;
    this.#tell({ loggedIn: userId });
    const stop = listen(
      userId,
      (event) => this.#heard(event),
      () => this.#checkLogin(),
    );
    const seen = () => {
      if (document.visibilityState !== "visible") return;
      void this.#checkLogin();
      void this.#transfers?.catchUp();
      void this.#drafts?.look();
    };
    document.addEventListener("visibilitychange", seen);
    this.#stopListening = () => {
      document.removeEventListener("visibilitychange", seen);
      stop();
    };
    this.changed();
    void this.#transfers?.load().then(() => this.#keepBook());
    void this.#drafts?.look();
  }

  #heard(event: ServerEvent): void {
    const transfers = this.#transfers;
    if (!transfers) return;
    // "hello": something may have been missed, of whatever kind
    const isOfTransfers = event.type === "transfer" || event.type === "message";
    if (isOfTransfers || event.type === "hello") void transfers.catchUp();
    if (event.type === "address-book" || event.type === "hello") void this.#book?.update();
    if (!isOfTransfers && event.type !== "address-book") {
      this.staffVersion += 1;
      this.loadFacilities().catch(() => undefined);
      void this.#checkLogin();
    }
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Somebody may have been taken off the staff, or be an administrator now. */
  async #checkLogin(): Promise<void> {
    const me = await whoAmI().catch(() => this.me);
    if (this.phase !== "in" && this.phase !== "locked") return;
    // Who logged in in another tab has the cookie now; the keys here are somebody else's.
    if (me && me.userId === this.me?.userId) {
      this.me = me;
      this.changed();
      return;
    }
    await this.#wardkey?.lock().catch(() => undefined);
    await this.#leave();
    this.notice = me ? { kind: "logged-out", isTold: true } : { kind: "ended" };
    this.#become("out");
  }

  /** What was opened for this login isn't shown any more. */
  #close(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#book?.close();
    this.#book = undefined;
    this.#transfers = undefined;
    this.#drafts = undefined;
  }

  async #leave(): Promise<void> {
    const wardkey = this.#wardkey;
    this.#wardkey = undefined;
    this.phase = "out";
    this.#close();
    this.me = undefined;
    this.#tokens.forget();
    await wardkey?.close();
  }

  #become(phase: Phase): void {
    this.phase = phase;
    this.changed();
  }
}

async function whoAmI(): Promise<Me | undefined> {
  try {
    return await api.me();
  } catch (error) {
    if (isRefused(error)) return undefined;
    throw error;
  }
}

/** The application's half of the two-man rule. */
const appShare = {
  put: async (userId: string, share: string): Promise<void> => {
    await asBackend(again(() => api.putShare(userId, share)));
  },
  get: async (userId: string, receipt: string): Promise<string> =>
    (await asBackend(api.getShare(userId, receipt))).share,
};
