import { PublicKey } from "wardkey";
import { readBundle, writeBundle } from "./bundle";
import { Clinician } from "./clinician";
import { knownFingerprint, rememberFingerprint } from "./device";
import { Observable } from "./observable";
import { CLINIC, type Person, WARD } from "./people";
import { type Holdings, Server } from "./server";
import { Story } from "./story";
import { type Inventory, wipeBrowserStorage } from "./wipe";

/** What loading a file would cost. */
export interface LoadCost {
  /** Transfers in the page's server that no saved file has. */
  readonly unsavedTransfers: number;
  /** Whose key in the file isn't the one that the page or the browser knows. */
  readonly otherKeys: readonly Person[];
}

/** The page without its looks: two clinicians, a server, and what happens to all of them at once. */
export class App extends Observable {
  readonly server = new Server();
  readonly story = new Story();
  readonly ward = new Clinician(WARD, this.server);
  readonly clinic = new Clinician(CLINIC, this.server);
  readonly clinicians: readonly Clinician[] = [this.ward, this.clinic];

  constructor() {
    super();
    for (const clinician of this.clinicians) clinician.subscribe(() => this.#follow());
  }

  /** Of the public key in the server's directory. */
  fingerprintOf(userId: string): string | undefined {
    return fingerprintIn(this.server.holdings, userId);
  }

  /** Something was written to the browser's storage. */
  storageChanged(): void {
    this.changed();
  }

  /** Hospital IT at night: keys out of memory, browser storage emptied. Nothing here touches the server. */
  async wipe(): Promise<Inventory> {
    for (const clinician of this.clinicians) clinician.lock();
    const left = await wipeBrowserStorage();
    this.story.done("wiped");
    this.changed();
    return left;
  }

  async save(write: (file: Blob) => Promise<void>): Promise<void> {
    const { holdings } = this.server;
    await write(writeBundle(holdings));
    this.server.saved(holdings);
  }

  /** Reads and checks a file; nothing changes yet. */
  async read(file: Blob): Promise<{ holdings: Holdings; cost: LoadCost }> {
    const holdings = await readBundle(file);
    const unsavedTransfers = this.server.unsaved ? this.server.holdings.transfers.length : 0;
    const otherKeys = this.clinicians
      .filter((clinician) => {
        const here = clinician.fingerprint ?? knownFingerprint(clinician.userId);
        return here !== undefined && here !== fingerprintIn(holdings, clinician.userId);
      })
      .map(({ person }) => person);
    return { holdings, cost: { unsavedTransfers, otherKeys } };
  }

  /** Replaces what the server holds. A key pair that isn't the file's leaves memory. */
  load(holdings: Holdings): void {
    for (const clinician of this.clinicians) {
      const fingerprint = fingerprintIn(holdings, clinician.userId);
      if (clinician.fingerprint !== fingerprint) clinician.lock();
      rememberFingerprint(clinician.userId, fingerprint);
    }
    this.server.restore(holdings);
  }

  #follow(): void {
    const { transfers, backups } = this.server.holdings;
    if (this.clinicians.every(({ state }) => state === "ready")) this.story.done("keys");
    if (transfers.length > 0) this.story.done("sent");
    if (this.clinicians.every(({ userId }) => backups.has(userId))) this.story.done("backedUp");
  }
}

function fingerprintIn({ directory }: Holdings, userId: string): string | undefined {
  const text = directory.get(userId);
  return text === undefined ? undefined : PublicKey.parse(text).fingerprint;
}
