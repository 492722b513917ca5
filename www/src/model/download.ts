import type { Author, Progress, RangeSource, Session } from "wardkey";
import * as api from "../server/api";
import { ServerError } from "../server/request";
import type { Octets } from "./bytes";
import { type AttachedFile, fileContext } from "./record";

/** The ciphertext at the server, read by ranges. */
async function remoteFile(fileId: string): Promise<RangeSource> {
  const { size } = await api.fileState(fileId);
  return {
    size,
    async read(start, end, signal) {
      if (start === end) return new Uint8Array();
      const response = await api.fileContent(fileId, { range: `bytes=${start}-${end - 1}`, signal });
      if (response.status !== 206) throw new ServerError("server");
      return response.arrayBuffer().catch(broken);
    },
  };
}

/** Parts of a file, decrypted, without the rest of it. */
export class RangeReader {
  readonly file: AttachedFile;
  readonly #session: Session;
  readonly #source: Promise<RangeSource>;
  /** Bytes of plaintext that were read so far. */
  bytesRead = 0;

  constructor(session: Session, file: AttachedFile) {
    this.file = file;
    this.#session = session;
    this.#source = remoteFile(file.fileId);
  }

  async read(start: number, end: number, signal?: AbortSignal): Promise<Octets> {
    const context = fileContext(this.file.fileId);
    const source = await this.#source;
    const bytes = await this.#session.decryptRange(source, start, end, { context, ...(signal ? { signal } : {}) });
    this.bytesRead += bytes.length;
    return bytes;
  }
}

/** A whole file, decrypted as it comes; who signed it is known at its end. */
export async function readWhole(
  session: Session,
  file: AttachedFile,
  watch: { signal: AbortSignal; onProgress: (progress: Progress) => void },
): Promise<{ blob: Blob; author: Author | undefined }> {
  const { body } = await api.fileContent(file.fileId, { signal: watch.signal });
  if (!body) throw new ServerError("server");
  const stream = session.decryptStream({
    context: fileContext(file.fileId),
    signal: watch.signal,
    onProgress: ({ bytesProcessed }) => watch.onProgress({ bytesProcessed, totalBytes: file.size }),
  });
  const { author } = stream;
  // where the stream fails, it is the stream that says so
  author.catch(() => undefined);
  const blob = await collect(body.pipeThrough(stream)).catch(broken);
  return { blob, author: await author };
}

/** Browsers say with a TypeError that the line broke in the middle of an answer. */
function broken(error: unknown): never {
  throw error instanceof TypeError ? new ServerError("network") : error;
}

/** Pieces become blobs this large: what the page holds of them itself stays small. */
const PIECE = 8 * 2 ** 20;

/** `Response.blob()` does it in a line, but of a stream Chromium makes a file on its disk, and fails where that is small. */
async function collect(stream: ReadableStream<Octets>): Promise<Blob> {
  const blobs: Blob[] = [];
  let chunks: Octets[] = [];
  let bytes = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      chunks.push(value);
      bytes += value.length;
    }
    if (!done && bytes < PIECE) continue;
    blobs.push(new Blob(chunks));
    if (done) return new Blob(blobs);
    chunks = [];
    bytes = 0;
  }
}
