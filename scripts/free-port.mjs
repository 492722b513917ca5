// Ports for programs that can't choose one by themselves.
import { once } from "node:events";
import { createServer } from "node:net";
import { Failure } from "./run.mjs";

/** Below those that systems give to whoever asks for any, and to connections: between the choice and the use nobody else comes by chance. */
const [FIRST, LAST] = [10_240, 32_767];

const NEXT_PORTS = 50;

/** A port of this machine that nobody has, nor this one. */
export async function freePort(other) {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (port !== other && (await isFree(port, "127.0.0.1"))) return port;
  }
}

/** The first free port from this one on, at both of this machine's addresses: a browser may try either. */
export async function firstFreePort(from) {
  for (let port = from; port < Math.min(from + NEXT_PORTS, 65_536); port++) {
    if ((await isFree(port, "127.0.0.1")) && (await isFree(port, "::1"))) return port;
  }
  throw new Failure(`no free port from ${from} on`);
}

async function isFree(port, host) {
  const server = createServer().listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    // A machine without IPv6 has nobody there.
    return error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT";
  }
  server.close();
  await once(server, "close");
  return true;
}
