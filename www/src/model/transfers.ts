import { type Author, type Wardkey, WardkeyError } from "wardkey";
import { Observable } from "../observable";
import * as api from "../server/api";
import type { Transfer } from "../server/types";
import { authorityOf } from "./authority";
import { fromBase64url, type Octets } from "./bytes";
import type { Cost, Meter } from "./meter";
import { readRecord, type TransferRecord, transferContext } from "./record";

/** `authority`: the group in whose right its author wrote, verified with him. */
export type Opened<T> =
  | { ok: true; value: T; author: Author | undefined; authority: string | undefined }
  | { ok: false; error: unknown };

export interface OpenedTransfer {
  readonly transfer: Transfer;
  readonly opened: Opened<TransferRecord>;
}

/** The facility's transfers, opened. The server's list comes and goes; the texts are only here, in memory. */
export class Transfers extends Observable {
  readonly #wardkey: Wardkey;
  readonly #meter: Meter;
  #all = new Map<string, OpenedTransfer>();
  #seen = new Set<string>();
  #older: string | undefined;
  /** Up to where the server's changes are known. */
  #cursor: string | undefined;
  /** What is being read, one after the other. */
  #turn = Promise.resolve();
  #isToCatchUp = false;
  #order = 0;
  /** The last list that was read to its end: another is under way where this isn't `#order`. */
  #settled = 0;
  /** What was opened one by one since the last list was asked for. */
  #newer = new Map<string, OpenedTransfer>();
  state: "loading" | "ready" | "failed" = "loading";
  problem: unknown;
  /** What the last opening of the whole list cost. */
  cost: (Cost & { records: number }) | undefined;

  constructor(wardkey: Wardkey, meter: Meter) {
    super();
    this.#wardkey = wardkey;
    this.#meter = meter;
  }

  /** Newest first. */
  get all(): OpenedTransfer[] {
    // ISO 8601 is in order as it stands
    return [...this.#all.values()].sort(
      (a, b) =>
        Number(a.transfer.createdAt < b.transfer.createdAt) - Number(a.transfer.createdAt > b.transfer.createdAt),
    );
  }

  /** Of those for this facility, how many came while this page was open. */
  freshTo(facilityId: string | undefined): number {
    return [...this.#seen].filter((id) => this.#all.get(id)?.transfer.to === facilityId).length;
  }

  get(id: string): OpenedTransfer | undefined {
    return this.#all.get(id);
  }

  get hasOlder(): boolean {
    return this.#older !== undefined;
  }

  /** Came while this page was open, and nobody looked yet. */
  isFresh(id: string): boolean {
    return this.#seen.has(id);
  }

  looked(id: string): void {
    if (this.#seen.delete(id)) this.changed();
  }

  /** The list anew: one request to the application, one for keys. What was said before the newest answer doesn't count. */
  load(): Promise<void> {
    this.#turn = this.#readAll();
    return this.#turn;
  }

  /** What changed since the list was read; asked for once more, when it is being read. */
  async catchUp(): Promise<void> {
    if (this.#isToCatchUp) return;
    this.#isToCatchUp = true;
    let turn: Promise<void>;
    do {
      turn = this.#turn;
      await turn;
    } while (turn !== this.#turn);
    this.#isToCatchUp = false;
    this.#turn = this.#cursor === undefined ? this.#readAll() : this.#readChanges(this.#cursor);
    await this.#turn;
  }

  async #readAll(): Promise<void> {
    this.#order += 1;
    const order = this.#order;
    const isFirst = this.state !== "ready";
    this.#newer.clear();
    try {
      const { transfers, next, cursor } = await api.transfers();
      const { value, cost } = await this.#meter.measure(() => this.#open(transfers));
      if (order !== this.#order) return;
      const before = this.#all;
      this.#all = new Map(value.map((entry) => [entry.transfer.id, entry]));
      for (const [id, entry] of this.#newer) this.#all.set(id, entry);
      if (!isFirst) for (const id of this.#all.keys()) if (!before.has(id)) this.#seen.add(id);
      if (isFirst) this.cost = { ...cost, records: value.length };
      this.#older = next ?? undefined;
      this.#cursor = cursor;
      this.state = "ready";
      this.problem = undefined;
    } catch (error) {
      if (order !== this.#order) return;
      this.problem = error;
      if (isFirst) this.state = "failed";
    }
    this.#settled = order;
    this.changed();
  }

  async #readChanges(after: string): Promise<void> {
    this.#order += 1;
    const order = this.#order;
    try {
      const { transfers, next, cursor } = await api.transfers({ after });
      // more than one answer takes: the list anew
      if (next !== null) return await this.#readAll();
      const opened = await this.#open(transfers);
      if (order !== this.#order) return;
      for (const entry of opened) this.#put(entry);
      this.#cursor = cursor;
      this.problem = undefined;
    } catch (error) {
      if (order !== this.#order) return;
      this.problem = error;
    }
    this.#settled = order;
    this.changed();
  }

  async loadOlder(): Promise<void> {
    const { transfers, next } = await api.transfers(this.#older === undefined ? {} : { before: this.#older });
    for (const entry of await this.#open(transfers)) this.#all.set(entry.transfer.id, entry);
    this.#older = next ?? undefined;
    this.changed();
  }

  /** One that changed or came. */
  async refresh(id: string): Promise<void> {
    const [entry] = await this.#open([await api.transfer(id)]);
    if (!entry) return;
    this.#put(entry);
    this.changed();
  }

  #put(entry: OpenedTransfer): void {
    const { id } = entry.transfer;
    if (!this.#all.has(id)) this.#seen.add(id);
    this.#all.set(id, entry);
    this.#newer.set(id, entry);
  }

  /** The right to these was taken away: their texts go at once. */
  close(sessionIds: readonly string[], error: unknown): void {
    for (const [id, { transfer }] of this.#all) {
      if (sessionIds.includes(transfer.sessionId)) this.#all.set(id, { transfer, opened: { ok: false, error } });
    }
    this.changed();
    // What is being opened may have had its keys before: it is asked for again.
    if (this.#settled !== this.#order) void this.load();
  }

  async #open(transfers: readonly Transfer[]): Promise<OpenedTransfer[]> {
    if (transfers.length === 0) return [];
    const items = transfers.map(({ id, sealed }) => ({
      sealed: fromBase64url(sealed) ?? new Uint8Array(),
      context: transferContext(id),
    }));
    const results = await this.#wardkey.decryptMany(items);
    return transfers.map((transfer, at) => ({
      transfer,
      opened: openOne(results[at], items[at]?.sealed, transfer.sessionId, readRecord),
    }));
  }
}

/** What a decryption gave, read; or why it can't be. Whatever is in another session than the server names is refused: what is answered would be for that one's recipients. */
export function openOne<T>(
  result: Awaited<ReturnType<Wardkey["decryptMany"]>>[number] | undefined,
  sealed: Octets | undefined,
  sessionId: string,
  read: (text: string) => T,
): Opened<T> {
  if (!result || !sealed) return { ok: false, error: new Error("no answer") };
  if (!result.ok) return result;
  if (result.value.sessionId !== sessionId) return { ok: false, error: new WardkeyError("key-mismatch") };
  try {
    const { author } = result.value;
    return { ok: true, value: read(result.value.text()), author, authority: author && authorityOf(sealed)?.groupId };
  } catch (error) {
    return { ok: false, error };
  }
}
