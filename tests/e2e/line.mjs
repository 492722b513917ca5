// The line between pages and a server, which a test cuts, or stops in the middle of what goes over it.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { until } from "../../scripts/webdriver.mjs";

export class Line {
  /** From pages to the server, and back. */
  up = new Way();
  down = new Way();
  #sockets = new Set();
  #isCut = false;

  /** A line whose `url` pages use; it leads nowhere before `leadsTo()`. */
  static async open() {
    const line = new Line();
    line.server = createServer((near) => line.#join(near));
    line.server.listen(0, "127.0.0.1");
    await once(line.server, "listening");
    line.url = `http://localhost:${line.server.address().port}`;
    return line;
  }

  leadsTo(url) {
    this.far = new URL(url);
  }

  #join(near) {
    if (this.#isCut || !this.far) return near.destroy();
    const far = connect(Number(this.far.port), "127.0.0.1");
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    }
    // What ends one of them ends the other.
    pipeline(near, this.up.gate(), far).catch(() => near.destroy());
    pipeline(far, this.down.gate(), near).catch(() => far.destroy());
  }

  /** Whatever is under way breaks off, and nothing new comes through. */
  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
    this.up.release();
    this.down.release();
  }

  mend() {
    this.#isCut = false;
    this.up.release();
    this.down.release();
  }

  close() {
    this.cut();
    this.server.close();
  }
}

/** One direction of a line. */
class Way {
  /** That went through so far. */
  bytes = 0;
  #left = Number.POSITIVE_INFINITY;
  #waiting = [];

  /** Lets so many bytes more through, then holds all that comes. */
  holdAfter(bytes) {
    this.#left = bytes;
  }

  /** Waits until something is held. */
  holds(ms) {
    return until("bytes to hold", () => this.#waiting.length > 0, ms);
  }

  release() {
    this.#left = Number.POSITIVE_INFINITY;
    for (const go of this.#waiting.splice(0)) go();
  }

  gate() {
    return new Transform({
      transform: (piece, _, done) => {
        const go = () => {
          this.bytes += piece.length;
          done(null, piece);
        };
        this.#left -= piece.length;
        if (this.#left >= 0) go();
        else this.#waiting.push(go);
      },
    });
  }
}
