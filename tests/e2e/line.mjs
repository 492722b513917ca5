// The line between pages and a server, which a test can cut.
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Line {
  #sockets = new Set();
  #isCut = false;

  /** @returns a line whose `url` leads to the server at that one */
  static async to(url) {
    const line = new Line();
    const { hostname, port } = new URL(url);
    line.server = createServer((near) => line.#join(near, connect(Number(port), hostname)));
    line.server.listen(0, "127.0.0.1");
    await once(line.server, "listening");
    line.url = `http://127.0.0.1:${line.server.address().port}`;
    return line;
  }

  #join(near, far) {
    if (this.#isCut) {
      near.destroy();
      far.destroy();
      return;
    }
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }

  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#isCut = false;
  }

  close() {
    this.cut();
    this.server.close();
  }
}
