import type { Session } from "wardkey";
import { Observable } from "../observable";
import * as api from "../server/api";
import { ServerError } from "../server/request";
import type { Octets } from "./bytes";
import { type AttachedFile, fileContext } from "./record";

const CHUNK = 16_384;
const TAG = 16;

/** A file on its way: sealed as a stream, sent in parts. One part is in memory at a time, however large the file. */
export class Upload extends Observable {
  readonly key = crypto.getRandomValues(new Uint32Array(1)).join();
  readonly file: File;
  state: "waiting" | "running" | "paused" | "interrupted" | "done" = "waiting";
  /** Bytes of the ciphertext that the server has. */
  sent = 0;
  total: number;
  problem: unknown;
  #done: AttachedFile | undefined;
  #fileId: string | undefined;
  #abort = new AbortController();
  #wake: (() => void) | undefined;

  constructor(file: File) {
    super();
    this.file = file;
    this.total = file.size;
  }

  pause(): void {
    if (this.state === "running") this.#become("paused");
  }

  resume(): void {
    if (this.state !== "paused" && this.state !== "interrupted") return;
    this.problem = undefined;
    this.#become("running");
    this.#wake?.();
  }

  /** What the server already has of it goes, too. */
  cancel(): void {
    this.#abort.abort();
    this.#wake?.();
    // nobody names the file: the server drops it in any case
    if (this.#fileId !== undefined) api.dropFile(this.#fileId).catch(() => undefined);
    this.#fileId = undefined;
  }

  /** Once it is done, the same answer without another byte. A cut line makes it wait for resume(), or for the browser to be online again. */
  async run(session: Session): Promise<AttachedFile> {
    if (this.#done) return this.#done;
    this.#abort = new AbortController();
    this.sent = 0;
    this.#become("running");
    const { signal } = this.#abort;
    const online = () => this.state === "interrupted" && this.resume();
    addEventListener("online", online);
    try {
      this.total = await sealedSize(session, this.file.size);
      const place = await this.#patiently(() => api.beginFile(this.total, signal));
      this.#fileId = place.fileId;
      const context = fileContext(place.fileId);
      const sealed = this.file.stream().pipeThrough(session.encryptStream({ context, sign: true, signal }));
      let at = 0;
      for await (const part of parts(sealed, place.partSize)) {
        // A Blob is handed over; bytes would be copied while the page stands still.
        const body = new Blob([part]);
        await this.#patiently(() => api.putPart(place.fileId, at, body, signal));
        at += 1;
        this.sent += part.length;
        this.changed();
      }
      await this.#patiently(() => api.completeFile(place.fileId));
      this.#done = {
        fileId: place.fileId,
        name: this.file.name,
        type: this.file.type || "application/octet-stream",
        size: this.file.size,
      };
      this.#become("done");
      return this.#done;
    } catch (error) {
      this.problem = error;
      this.#become("waiting");
      throw error;
    } finally {
      removeEventListener("online", online);
    }
  }

  /** Repeats what the line broke, as soon as somebody or the browser says so. */
  async #patiently<T>(request: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#abort.signal.throwIfAborted();
      if (this.state === "paused" || this.state === "interrupted") {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof ServerError && ["network", "server", "throttled"].includes(error.code))) throw error;
        this.problem = error;
        this.#become("interrupted");
      }
    }
  }

  #become(state: Upload["state"]): void {
    this.state = state;
    this.changed();
  }
}

/** The stream in pieces of that length; the last one has the rest. */
async function* parts(stream: ReadableStream<Octets>, length: number): AsyncGenerator<Octets> {
  const reader = stream.getReader();
  let part = new Uint8Array(length);
  let filled = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let at = 0; at < value.length; ) {
        const piece = value.subarray(at, at + length - filled);
        part.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled < length) continue;
        yield part;
        part = new Uint8Array(length);
        filled = 0;
      }
    }
    if (filled > 0) yield part.subarray(0, filled);
  } finally {
    // somebody stopped early: the encryption stops, too
    reader.cancel().catch(() => undefined);
  }
}

/** The server wants to know it beforehand. An empty stream shows what header, last chunk and signature take; each whole chunk brings its tag. */
async function sealedSize(session: Session, size: number): Promise<number> {
  // an id as long as the server's
  const stream = session.encryptStream({ context: fileContext("x".repeat(22)), sign: true });
  const empty = await new Response(new Blob([]).stream().pipeThrough(stream)).arrayBuffer();
  return empty.byteLength + size + TAG * Math.floor(size / CHUNK);
}
