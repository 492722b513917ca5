// Ports for programs that can't choose one by themselves.
import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that systems give to whoever asks for any, and to connections: between the choice and the use nobody else comes by chance. */
const [FIRST, LAST] = [10_240, 32_767];

/** A port of this machine that nobody has. */
export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}
