import { httpBackend, init, isWardkeyError, Wardkey, WardkeyError } from "wardkey";
import { Observable } from "../observable";
import * as api from "../server/api";
import { listen } from "../server/events";
import { ServerError } from "../server/request";
import type { Config, Facility, Me, ServerEvent } from "../server/types";
import { AddressBook } from "./address-book";
import { Meter } from "./meter";
import { TokenKeeper } from "./token";
import { Transfers } from "./transfers";
import { type Inventory, wipeBrowserStorage } from "./wipe";

export type Notice =
  | { kind: "wiped"; left: Inventory }
  | { kind: "ended" }
  | { kind: "logged-out" }
  | { kind: "welcome"; how: "local" | "restored" | "registered" | "recovered"; milliseconds: number };

/** "out": nobody is logged in. "locked": somebody is, and the keys wait for the password. "in": at work. */
type Phase = "starting" | "failed" | "out" | "locked" | "in";

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
  #book: AddressBook | undefined;
  #stopListening: (() => void) | undefined;
  #listeners = new Set<(event: ServerEvent) => void>();
  #tokens = new TokenKeeper();
  readonly meter = new Meter();

  /** Of who is logged in. */
  get wardkey(): Wardkey {
    if (!this.#wardkey) throw new WardkeyError("locked");
    return this.#wardkey;
  }

  get transfers(): Transfers {
    if (!this.#transfers) throw new WardkeyError("locked");
    return this.#transfers;
  }

  /** Which group is whose; nothing while the own facility has none. */
  get book(): AddressBook | undefined {
    return this.#book;
  }

  get facility(): Facility | undefined {
    return this.facilities.find(({ id }) => id === this.me?.facilityId);
  }

  facilityName(id: string): string {
    return this.#book?.facilityName(id) ?? this.facilities.find((facility) => facility.id === id)?.name ?? id;
  }

  personName(userId: string): string {
    return this.#book?.nameOf(userId) ?? this.listedName(userId) ?? userId;
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
      this.facilities = this.config.facilities;
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
  async login(userId: string, password: string): Promise<void> {
    const began = performance.now();
    const wardkey = await this.#open(userId);
    const loginSecret = await wardkey.loginSecret({ userId, password });
    this.me = await api.login({ userId, loginSecret });
    await this.#unlock(wardkey, userId, password, began);
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
    this.me = await api.register({ userId, name, facilityId, invitation, loginSecret });
    try {
      await wardkey.register({ userId, password, ...(email === "" ? {} : { recoveryContact: { email } }) });
    } catch (error) {
      // The answer was lost before, or somebody who had left comes again: the account is there.
      if (!isWardkeyError(error) || error.code !== "already-registered") throw error;
      await wardkey.unlock({ userId, password });
    }
    await this.#enter({ kind: "welcome", how: "registered", milliseconds: performance.now() - began });
  }

  async startRecovery(userId: string): Promise<{ recoveryId: string; sentTo: string }> {
    const wardkey = await this.#open(userId);
    return wardkey.startRecovery({ userId });
  }

  async finishRecovery(given: { userId: string; recoveryId: string; code: string; newPassword: string }) {
    const began = performance.now();
    const { userId, newPassword } = given;
    const wardkey = await this.#open(userId);
    await wardkey.finishRecovery({
      ...given,
      storeLoginSecret: async (loginSecret) => {
        await api.storeLoginSecret({ userId, loginSecret });
      },
    });
    const loginSecret = await wardkey.loginSecret({ userId, password: newPassword });
    this.me = await api.login({ userId, loginSecret });
    await this.#enter({ kind: "welcome", how: "recovered", milliseconds: performance.now() - began });
  }

  /** The keys leave memory, in all tabs; what is sealed stays for the next login. */
  async logout(): Promise<void> {
    await this.#wardkey?.lock();
    await this.#leave();
    await api.logout().catch(() => undefined);
    this.notice = { kind: "logged-out" };
    this.#become("out");
  }

  async lock(): Promise<void> {
    await this.#wardkey?.lock();
  }

  /** Hospital IT at night: everything that this origin keeps in the browser goes, keys and login too. Nothing at the servers. */
  async wipe(): Promise<void> {
    await this.#leave();
    await api.logout().catch(() => undefined);
    this.notice = { kind: "wiped", left: await wipeBrowserStorage() };
    this.#become("out");
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

  async #unlock(wardkey: Wardkey, userId: string, password: string, began: number): Promise<void> {
    let how: "local" | "restored" | "registered";
    try {
      how = await wardkey.unlock({ userId, password });
    } catch (error) {
      // The application knows this person and this password; the key server has nothing yet: the registration was cut short.
      if (!isWardkeyError(error) || error.code !== "no-backup") throw error;
      await wardkey.register({ userId, password });
      how = "registered";
    }
    await this.#enter({ kind: "welcome", how, milliseconds: performance.now() - began });
  }

  async #open(userId: string): Promise<Wardkey> {
    if (this.#wardkey?.userId === userId) return this.#wardkey;
    await this.#wardkey?.close();
    this.#wardkey = undefined;
    if (!this.config) throw new ServerError("network");
    const { appId, keyServer, escrowKey } = this.config;
    const backend = httpBackend({ url: keyServer, token: () => this.#tokens.get(userId), appShare });
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
    if (!this.me) throw new ServerError("unauthenticated");
    this.#close();
    this.notice = notice;
    this.#transfers = new Transfers(this.wardkey, this.meter);
    this.phase = "in";
    const stop = listen(
      (event) => this.#heard(event),
      () => void this.#checkLogin(),
    );
    const seen = () => void (document.visibilityState === "visible" && this.#checkLogin());
    document.addEventListener("visibilitychange", seen);
    this.#stopListening = () => {
      document.removeEventListener("visibilitychange", seen);
      stop();
    };
    this.changed();
    await this.loadFacilities().catch(() => undefined);
    void this.#transfers.load().then(() => this.#keepBook());
  }

  #heard(event: ServerEvent): void {
    const transfers = this.#transfers;
    if (!transfers) return;
    if (event.type === "transfer" && event.id) transfers.refresh(event.id).catch(() => undefined);
    if (event.type === "hello" && transfers.state !== "loading") void transfers.load();
    if (event.type === "address-book" || event.type === "hello") void this.#book?.update();
    if (event.type === "facility" || event.type === "staff") {
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
    await this.#wardkey?.lock();
    await this.#leave();
    this.notice = { kind: me ? "logged-out" : "ended" };
    this.#become("out");
  }

  /** What was opened for this login isn't shown any more. */
  #close(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#book?.close();
    this.#book = undefined;
    this.#transfers = undefined;
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
    if (error instanceof ServerError && error.code === "unauthenticated") return undefined;
    throw error;
  }
}

/** The application's half of the two-man rule. */
const appShare = {
  put: async (userId: string, share: string): Promise<void> => {
    await api.putShare(userId, share);
  },
  get: async (userId: string, receipt: string): Promise<string> => (await api.getShare(userId, receipt)).share,
};
