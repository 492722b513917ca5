import type { Session } from "wardkey";
import { Observable } from "../observable";
import * as api from "../server/api";
import { isNotFound, ServerError } from "../server/request";
import type { Octets } from "./bytes";
import { dropPart, type KeptFile, keepPart, keptPart, NotKept } from "./draft-store";
import { parts, sealedSize } from "./parts";
import { type AttachedFile, fileContext } from "./record";

/**
 * A file on its way: sealed as a stream, sent in parts. One part is in memory at a time, however large the file.
 *
 * What is sealed twice comes out differently, so nobody can go on in the middle of a stream that is gone. Therefore a file is sealed to its end first, into what the browser keeps, and
 * sent from there: a reload goes on with the same bytes, and needs neither the file nor its key. Where the browser keeps nothing it is sealed as it is sent, and the page must stay.
 */
export class Upload extends Observable {
  readonly key = crypto.getRandomValues(new Uint32Array(1)).join();
  /** Not there after a reload. */
  readonly file: File | undefined;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  state: "waiting" | "sealing" | "running" | "paused" | "interrupted" | "done" = "waiting";
  /** Bytes of the ciphertext that are sealed, or that the server has. */
  sent = 0;
  total: number;
  /** Its place at the server. */
  place: KeptFile | undefined;
  #done: AttachedFile | undefined;
  #going: "sealing" | "running" = "running";
  #isCancelled = false;
  #abort = new AbortController();
  #wake: (() => void) | undefined;

  constructor(given: File | (Omit<AttachedFile, "fileId"> & { place: KeptFile })) {
    super();
    this.file = given instanceof File ? given : undefined;
    this.place = given instanceof File ? undefined : given.place;
    this.name = given.name;
    this.type = given.type || "application/octet-stream";
    this.size = given.size;
    this.total = this.place?.size ?? given.size;
  }

  /** What the transfer says of it, as soon as it has a place. */
  get attached(): AttachedFile | undefined {
    if (!this.place) return undefined;
    return { fileId: this.place.fileId, name: this.name, type: this.type, size: this.size };
  }

  pause(): void {
    if (this.state === "running") this.#become("paused");
  }

  resume(): void {
    if (this.state !== "paused" && this.state !== "interrupted") return;
    this.#become(this.#going);
    this.#wake?.();
  }

  /** Leaves everything where it is. */
  stop(): void {
    this.#abort.abort();
    this.#wake?.();
  }

  /** What the server already has of it goes, too, and the transfer that has it isn't sent. */
  cancel(): void {
    this.#isCancelled = true;
    this.drop();
  }

  /** Another try: what was cancelled before isn't now. */
  renew(): void {
    this.#isCancelled = false;
  }

  /** @throws AbortError */
  throwIfCancelled(): void {
    if (this.#isCancelled) throw new DOMException("cancelled", "AbortError");
  }

  /** From the beginning, as a new file. */
  drop(): void {
    this.stop();
    this.#drop();
    this.#done = undefined;
    if (this.state === "done") this.#become("waiting");
  }

  /** Seals all of it into what the browser keeps. `onPlace` hears whenever there is something new to remember. @throws NotKept */
  seal(session: Session, draftId: string, onPlace: () => Promise<void>): Promise<void> {
    return this.#go("sealing", async (signal) => {
      if (this.#done || this.place?.isWhole) return;
      // what was begun and not sealed to its end is of no use
      if (this.place) this.#drop();
      const place = await this.#begin(session, signal);
      this.place = place;
      await onPlace();
      let at = 0;
      for await (const part of this.#sealed(session, place, signal)) {
        signal.throwIfAborted();
        await keepPart(draftId, place.fileId, at, part);
        at += 1;
        this.sent += part.length;
        this.changed();
      }
      this.place = { ...place, isWhole: true };
      await onPlace();
    });
  }

  /** Once it is done, the same answer without another byte. A cut line makes it wait for resume(), or for the browser to be online again. @throws NotKept */
  send(session: Session, draftId: string): Promise<AttachedFile> {
    return this.#go("running", async (signal) => {
      if (this.#done) return this.#done;
      if (this.place?.isWhole) await this.#sendKept(draftId, this.place, signal);
      else await this.#sendAsSealed(session, signal);
      const done = this.attached;
      if (!done) throw new DOMException("cancelled", "AbortError");
      this.#done = done;
      this.#become("done");
      return done;
    });
  }

  async #sendKept(draftId: string, place: KeptFile, signal: AbortSignal): Promise<void> {
    const { fileId, size, partSize } = place;
    const { have, complete } = await this.#patiently(() => api.fileState(fileId, signal)).catch((error: unknown) => {
      throw isNotFound(error) ? new NotKept("the server dropped it") : error;
    });
    const length = (at: number) => Math.min(partSize, size - at * partSize);
    this.sent = have.reduce((sum, at) => sum + length(at), 0);
    this.changed();
    for (let at = 0; at < Math.ceil(size / partSize); at++) {
      if (have.includes(at)) continue;
      // Whatever is found of what was kept, a paused one stays so.
      await this.#untilResumed();
      const body = new Blob([await keptPart(draftId, fileId, at)]);
      await this.#patiently(() => api.putPart(fileId, at, body, signal));
      dropPart(draftId, fileId, at).catch(() => undefined);
      this.sent += body.size;
      this.changed();
    }
    if (!complete) await this.#patiently(() => api.completeFile(fileId));
  }

  async #sendAsSealed(session: Session, signal: AbortSignal): Promise<void> {
    if (this.place) this.#drop();
    const place = await this.#begin(session, signal);
    this.place = place;
    let at = 0;
    for await (const part of this.#sealed(session, place, signal)) {
      // A Blob is handed over; bytes would be copied while the page stands still.
      const body = new Blob([part]);
      await this.#patiently(() => api.putPart(place.fileId, at, body, signal));
      at += 1;
      this.sent += part.length;
      this.changed();
    }
    await this.#patiently(() => api.completeFile(place.fileId));
  }

  async #begin(session: Session, signal: AbortSignal): Promise<KeptFile> {
    this.sent = 0;
    this.total = await sealedSize(session, this.size);
    const { fileId, partSize } = await this.#patiently(() => api.beginFile(this.total, signal));
    return { fileId, partSize, size: this.total, isWhole: false };
  }

  #sealed(session: Session, { fileId, partSize }: KeptFile, signal: AbortSignal): AsyncGenerator<Octets> {
    if (!this.file) throw new NotKept("the file was not sealed to its end");
    const sealing = session.encryptStream({ context: fileContext(fileId), sign: true, signal });
    return parts(this.file.stream().pipeThrough(sealing), partSize);
  }

  /** A place that is of no use any more. Nobody names the file: the server drops it in any case. */
  #drop(): void {
    if (this.place) api.dropFile(this.place.fileId).catch(() => undefined);
    this.place = undefined;
  }

  async #go<T>(going: "sealing" | "running", work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.throwIfCancelled();
    if (this.#done) return work(this.#abort.signal);
    this.#abort = new AbortController();
    this.#going = going;
    this.#become(going);
    const online = () => this.state === "interrupted" && this.resume();
    addEventListener("online", online);
    try {
      return await work(this.#abort.signal);
    } catch (error) {
      this.#become("waiting");
      throw error;
    } finally {
      removeEventListener("online", online);
    }
  }

  /** Repeats what the line broke, as soon as somebody or the browser says so. */
  async #patiently<T>(request: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.#untilResumed();
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof ServerError && ["network", "server", "throttled"].includes(error.code))) throw error;
        this.#become("interrupted");
      }
    }
  }

  async #untilResumed(): Promise<void> {
    this.#abort.signal.throwIfAborted();
    while (this.state === "paused" || this.state === "interrupted") {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#abort.signal.throwIfAborted();
    }
  }

  #become(state: Upload["state"]): void {
    this.state = state;
    this.changed();
  }
}
