import type { Session } from "wardkey";
import type { Octets } from "./bytes";
import { fileContext } from "./record";

const CHUNK = 16_384;
const TAG = 16;

/** The stream in pieces of that length; the last one has the rest. */
export async function* parts(stream: ReadableStream<Octets>, length: number): AsyncGenerator<Octets> {
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
export async function sealedSize(session: Session, size: number): Promise<number> {
  // an id as long as the server's
  const stream = session.encryptStream({ context: fileContext("x".repeat(22)), sign: true });
  const empty = await new Response(new Blob([]).stream().pipeThrough(stream)).arrayBuffer();
  return empty.byteLength + size + TAG * Math.floor(size / CHUNK);
}
