import type { Session, Wardkey } from "wardkey";
import { Observable } from "../observable";
import * as api from "../server/api";
import { isNotFound } from "../server/request";
import type { Octets } from "./bytes";
import { dropDraft, type KeptDraft, keptDrafts } from "./draft-store";
import { isTaken } from "./lock";
import { readDraft, type TransferRecord, type Urgency } from "./record";
import type { Draft } from "./sending";
import { Upload } from "./upload";

/** The server drops what no transfer names after so long; then it is of no use here either. */
const LIFE_MS = 24 * 60 * 60 * 1_000;

/** A transfer whose page went away while it was sent. */
export interface Interrupted {
  readonly id: string;
  readonly sessionId: string;
  readonly to: string;
  readonly at: number;
  readonly record: TransferRecord;
  /** Files that weren't sealed to their end, by their names: they are chosen again. */
  readonly missing: readonly string[];
  readonly uploads: readonly Upload[];
}

/** What stands in the form of a new transfer. */
export interface Written {
  readonly to: string;
  readonly name: string;
  readonly born: string;
  readonly sex: string;
  readonly insuranceId: string;
  readonly diagnosis: string;
  readonly urgency: Urgency;
  readonly needs: string;
  readonly notes: string;
}

/** What other tabs see of one that is being sent. */
export const lockOf = (id: string) => `wardkey-demo draft ${id}`;
const draftContext = (id: string) => ({ type: "draft", transfer: id });

/** What is kept of it is for the same people as the transfer will be, and never leaves this browser. */
export function sealDraft(session: Session, id: string, draft: Draft, uploads: readonly Upload[]): Promise<Octets> {
  const files = uploads.flatMap(({ attached }) => attached ?? []);
  const missing = uploads.filter(({ place }) => !place?.isWhole).map(({ name }) => name);
  const text = JSON.stringify({ record: { ...draft, files }, missing });
  return session.encrypt(text, { context: draftContext(id), padding: "padme" });
}

/** What was interrupted in this browser, of who is logged in. */
export class Drafts extends Observable {
  readonly #wardkey: Wardkey;
  all: readonly Interrupted[] = [];
  /** The one that is gone on with. */
  current: Interrupted | undefined;
  /** What was written and not sent, while somebody looks at something else; in memory alone. */
  unsent: { written: Written; files: readonly File[] } | undefined;

  constructor(wardkey: Wardkey) {
    super();
    this.#wardkey = wardkey;
  }

  /** Looks anew. What can't be read now is left for another time. */
  async look(): Promise<void> {
    const rows = await keptDrafts().catch(() => []);
    const found: Interrupted[] = [];
    for (const row of rows) {
      if (Date.now() - row.at > LIFE_MS) await dropDraft(row.id).catch(() => undefined);
      else if (row.userId === this.#wardkey.userId && row.id !== this.current?.id && !(await isTaken(lockOf(row.id)))) {
        const draft = await this.#open(row).catch(() => undefined);
        if (draft) found.push(draft);
      }
    }
    this.all = found.filter(({ id }) => id !== this.current?.id);
    this.changed();
  }

  goOn(draft: Interrupted): void {
    this.current = draft;
    this.#without(draft);
  }

  async discard(draft: Interrupted): Promise<void> {
    for (const upload of draft.uploads) upload.cancel();
    await dropDraft(draft.id);
    this.#without(draft);
  }

  #without({ id }: Interrupted): void {
    this.all = this.all.filter((draft) => draft.id !== id);
    this.changed();
  }

  async #open(row: KeptDraft): Promise<Interrupted | undefined> {
    const { id, sessionId, to, at } = row;
    if (await isSent(id)) {
      await dropDraft(id);
      return undefined;
    }
    const session = await this.#wardkey.openSession(sessionId);
    const opened = await session.decrypt(row.sealed, { context: draftContext(id) });
    if (opened.author?.userId !== row.userId) return undefined;
    const { record, missing } = readDraft(opened.text());
    const uploads = row.files.flatMap((place) => {
      const file = record.files.find(({ fileId }) => fileId === place.fileId);
      return file && place.isWhole ? new Upload({ ...file, place }) : [];
    });
    return { id, sessionId, to, at, record, missing, uploads };
  }
}

/** The page ended between the server's answer and its own tidying. */
async function isSent(id: string): Promise<boolean> {
  return api.transfer(id).then(
    () => true,
    (error: unknown) => {
      if (isNotFound(error)) return false;
      throw error;
    },
  );
}
