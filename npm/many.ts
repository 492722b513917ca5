// Many records, batch by batch: on the calling thread, and beside it in a worker that has nothing to do.
import { throwIfAborted } from "./arguments.js";
import { Batch, type Batches, type Long } from "./batch.js";
import type { CoreBatch } from "./core/wardkey_core.js";
import { call, memoryNow, release } from "./core.js";
import { nextTask, Pace } from "./pace.js";
import type { ManyOptions, Out } from "./types.js";
import { idleWorker, prepareWorker } from "./workers.js";

/** From so many batches on a worker takes part … */
const SHARED = 3;
/** … and one is started for the next time. */
const MANY = 4;
/** Batches that the worker has at a time: enough for while this thread does one by itself. */
const AHEAD = 4;
/** In place of a length: it doesn't open. */
const FAILED = 2 ** 32 - 1;

/** What is to be done. */
export interface Work<T> {
  /** What needs the data key. */
  begin(batch: Batch): CoreBatch;
  /** The result for the item in this place: its bytes, or what the core said of it; neither where it doesn't open. A promise where that takes its time. */
  result(bytes: Out | undefined, error: unknown, place: number): T | Promise<T>;
  long(item: Long): Promise<T>;
}

/** A batch that is begun: its keys are in the module's memory until it is finished. */
interface Begun {
  batch: Batch;
  core: CoreBatch;
}

class Run<T> {
  readonly #units: readonly (Batch | Long)[];
  readonly #work: Work<T>;
  readonly #shared: boolean;
  readonly #pace = new Pace();
  /** What the worker has. It is given nothing but the keys of the single messages. */
  readonly #given: Begun[] = [];
  #next = 0;
  #done = 0;
  #failure: { e: unknown } | undefined;
  readonly results: T[];

  constructor({ units, total }: Batches, work: Work<T>) {
    this.#units = units;
    this.#work = work;
    this.#shared = units.length >= SHARED;
    this.results = new Array<T>(total);
  }

  async all({ signal, onProgress }: ManyOptions): Promise<void> {
    if (this.#units.length >= MANY) prepareWorker();
    const total = this.results.length;
    let reported = 0;
    const report = () => {
      if (this.#done > reported) onProgress?.(this.#done, total);
      reported = this.#done;
    };
    try {
      while (this.#done < total) {
        throwIfAborted(signal);
        if (this.#failure) throw this.#failure.e;
        if (this.#shared) this.#share();
        await this.#one();
        report();
        if (this.#done < total) await (this.#shared ? this.#receive() : this.#pace.breathe());
      }
      report();
    } finally {
      for (const { core } of this.#given.splice(0)) release(core);
    }
  }

  /** Gives the worker what it can take, if there is one, and nobody else needs it. */
  #share(): void {
    while (this.#given.length < AHEAD) {
      const unit = this.#units[this.#next];
      const worker = unit instanceof Batch ? idleWorker() : undefined;
      if (!worker) return;
      const begun = this.#begin(unit as Batch);
      this.#next += 1;
      this.#given.push(begun);
      worker
        .call("finishMany", [call(() => begun.core.begun())])
        .then((bytes) => this.#take(begun, bytes))
        // It is done here in the end.
        .catch(() => undefined);
    }
  }

  /** Lets in what the worker has brought back: a browser may let in one message at a time. */
  async #receive(): Promise<void> {
    let before: number;
    do {
      before = this.#given.length;
      await nextTask();
    } while (this.#given.length < before);
  }

  /** What the worker brings, unless it was done here meanwhile. */
  #take(begun: Begun, bytes: Uint8Array): void {
    if (this.#given.includes(begun)) {
      const errors = begun.core.errors();
      // What has another form is done here in the end.
      const pieces = piecesOf(begun.batch.items, errors, bytes, 0);
      this.#given.splice(this.#given.indexOf(begun), 1);
      this.#settle(begun, errors, pieces).catch((e: unknown) => {
        this.#failure = { e };
      });
      release(begun.core);
    }
    bytes.fill(0);
  }

  /** Does the next one here; in the end what the worker hasn't brought back. */
  async #one(): Promise<void> {
    const unit = this.#units[this.#next];
    this.#next += 1;
    if (!unit) {
      const last = this.#given.pop();
      if (last) await this.#finish(last);
    } else if (unit instanceof Batch) {
      await this.#finish(this.#begin(unit));
    } else {
      this.results[unit.first] = await this.#work.long(unit);
      this.#done += 1;
    }
  }

  #begin(batch: Batch): Begun {
    return { batch, core: this.#work.begin(batch) };
  }

  #finish(begun: Begun): Promise<void> {
    try {
      const errors = begun.core.errors();
      const start = call(() => begun.core.finish());
      // Any call may move the memory: that was the last before the pieces are cut out.
      return this.#settle(begun, errors, piecesOf(begun.batch.items, errors, memoryNow(), start));
    } finally {
      release(begun.core);
    }
  }

  /** Makes results of what is finished. */
  async #settle(
    { batch: { first, items } }: Begun,
    errors: unknown[],
    pieces: readonly (Out | undefined)[],
  ): Promise<void> {
    for (let index = 0; index < items; index += 1) {
      const result = this.#work.result(pieces[index], errors[index], first + index);
      this.results[first + index] = result instanceof Promise ? await result : result;
    }
    this.#done += items;
  }
}

/** Cuts out what is finished: before each its length. */
function piecesOf(items: number, errors: unknown[], bytes: Uint8Array, start: number): (Out | undefined)[] {
  const lengths = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces = new Array<Out | undefined>(items);
  let at = start;
  for (let index = 0; index < items; index += 1) {
    if (errors[index] !== undefined) continue;
    const length = lengths.getUint32(at, true);
    at += 4;
    if (length === FAILED) continue;
    if (at + length > bytes.length) throw new RangeError("pieces that end too soon");
    pieces[index] = bytes.slice(at, at + length) as Out;
    at += length;
  }
  return pieces;
}

/** The results, in order. */
export async function many<T>(batches: Batches, options: ManyOptions, work: Work<T>): Promise<T[]> {
  const run = new Run(batches, work);
  await run.all(options);
  return run.results;
}
