import { KeyPair, openBackup, PublicKey, sealBackup } from "wardkey";
import type { Octets } from "./bytes";
import { knownFingerprint, rememberFingerprint } from "./device";
import { Observable } from "./observable";
import type { Person } from "./people";
import { Problem } from "./problem";
import type { AttachedFile, TransferRecord } from "./record";
import type { Server, Transfer } from "./server";
import { openFile, openRecord, type Reader, sealTransfer, type Watch } from "./transfer";

/** "absent": this clinician never had a key pair. "locked": there is one, but its private half isn't in this page. */
export type KeyState = "absent" | "creating" | "locked" | "ready";

/** A clinician at work. The private key stays in this object, in memory, until lock(). */
export class Clinician extends Observable {
  readonly person: Person;
  readonly #server: Server;
  #keyPair: KeyPair | undefined;
  #creating = false;
  /** Aborted by lock(): what was under way for the old key ends with it. */
  #session = new AbortController();

  constructor(person: Person, server: Server) {
    super();
    this.person = person;
    this.#server = server;
    server.subscribe(() => this.changed());
  }

  get userId(): string {
    return this.person.userId;
  }

  get state(): KeyState {
    if (this.#keyPair) return "ready";
    if (this.#creating) return "creating";
    const known = this.#server.publicKeyOf(this.userId) ?? knownFingerprint(this.userId);
    return known === undefined ? "absent" : "locked";
  }

  /** Of the key pair in memory. */
  get fingerprint(): string | undefined {
    return this.#keyPair?.publicKey.fingerprint;
  }

  /** A new key pair, its public half published. What was encrypted for an earlier one stays closed. */
  async createKeys(): Promise<void> {
    this.lock();
    const { signal } = this.#session;
    this.#creating = true;
    this.changed();
    try {
      const keyPair = await KeyPair.generate({ suite: "hybrid" });
      this.#install(keyPair, signal, ({ publicKey }) => this.#server.publish(this.userId, publicKey.toString()));
    } finally {
      this.#creating = false;
      this.changed();
    }
  }

  /** The private key, sealed under the password, goes to the server. */
  async backUp(password: string): Promise<void> {
    const { signal } = this.#session;
    const sealed = await sealBackup(this.#unlocked(), password, { userId: this.userId });
    if (signal.aborted) throw new Problem("superseded");
    this.#server.storeBackup(this.userId, sealed);
  }

  /** The private key comes back from the server's backup. It must be the one that belongs to the published public key. */
  async unlock(backup: Octets, password: string): Promise<void> {
    const { signal } = this.#session;
    const keyPair = await openBackup(backup, password, { userId: this.userId });
    this.#install(keyPair, signal, ({ publicKey }) => {
      const published = this.#server.publicKeyOf(this.userId);
      if (published === undefined || PublicKey.parse(published).fingerprint !== publicKey.fingerprint) {
        throw new Problem("wrong-key");
      }
    });
  }

  /** The private key leaves memory. */
  lock(): void {
    this.#session.abort();
    this.#session = new AbortController();
    this.#keyPair?.free();
    this.#keyPair = undefined;
    this.changed();
  }

  async send(
    to: readonly Person[],
    written: Omit<TransferRecord, "file">,
    file: File | undefined,
    watch: Watch,
  ): Promise<AttachedFile | undefined> {
    this.#unlocked();
    const readers = to.map(({ userId }) => this.#reader(userId));
    const sealed = await sealTransfer(this.userId, readers, written, file, this.#during(watch));
    this.#server.accept(sealed.transfer);
    return sealed.file;
  }

  open(transfer: Transfer): Promise<TransferRecord> {
    return this.#whileUnlocked(openRecord(transfer, this.#unlocked()));
  }

  openFile(transfer: Transfer, watch: Watch): Promise<Octets> {
    return this.#whileUnlocked(openFile(transfer, this.#unlocked(), this.#during(watch)));
  }

  /** The key in the server's directory, if it is still the one that this browser knows for that user. */
  #reader(userId: string): Reader {
    const text = this.#server.publicKeyOf(userId);
    if (text === undefined) throw new Problem("no-public-key");
    const publicKey = PublicKey.parse(text);
    const known = knownFingerprint(userId);
    if (known !== undefined && known !== publicKey.fingerprint) throw new Problem("changed-key");
    return { userId, publicKey };
  }

  #install(keyPair: KeyPair, session: AbortSignal, accept: (keyPair: KeyPair) => void): void {
    try {
      if (session.aborted) throw new Problem("superseded");
      accept(keyPair);
    } catch (error) {
      keyPair.free();
      throw error;
    }
    this.#keyPair?.free();
    this.#keyPair = keyPair;
    rememberFingerprint(this.userId, keyPair.publicKey.fingerprint);
    this.changed();
  }

  #unlocked(): KeyPair {
    if (!this.#keyPair) throw new Problem("locked");
    return this.#keyPair;
  }

  /** What is opened for a key that was dropped meanwhile isn't shown any more. */
  async #whileUnlocked<T>(opening: Promise<T>): Promise<T> {
    const { signal } = this.#session;
    const opened = await opening;
    if (signal.aborted) throw new Problem("superseded");
    return opened;
  }

  #during(watch: Watch): Watch {
    const { signal } = this.#session;
    return { ...watch, signal: watch.signal ? AbortSignal.any([watch.signal, signal]) : signal };
  }
}
