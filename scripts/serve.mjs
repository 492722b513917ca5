// Serves a built page on this machine only:  node scripts/serve.mjs [folder] [--port 8080]
import { createServer } from "node:http";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const HOST = "127.0.0.1";
const NEXT_PORTS = 20;
const REPORTS = "/policy-report";

/** Nothing but what this origin serves, and no script but its files and its WebAssembly. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/**
 * Serves `dir`. A taken port gives way to the next free one; port 0 lets the system choose.
 * `answer` may take a request, which it says by true. `watch` is told of each other one; what browsers report of the policy then comes in as a POST to /policy-report.
 * @param {string} dir
 * @param {{ port?: number, policy?: string, watch?: (request: { method: string, url: string, body?: string }) => void, answer?: (request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => boolean }} [options]
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serve(dir, { port = 0, policy = POLICY, watch, answer } = {}) {
  const { default: sirv } = await import("sirv");
  const files = sirv(dir, { dev: true });
  const server = createServer((request, response) => {
    if (answer?.(request, response)) return;
    response.setHeader("Content-Security-Policy", policy);
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (watch) {
      const { method, url } = request;
      response.setHeader("Content-Security-Policy", `${policy}; report-uri ${REPORTS}`);
      if (method === "POST" && url === REPORTS) {
        text(request).then(
          (body) => watch({ method, url, body }),
          () => watch({ method, url }),
        );
        response.writeHead(204).end();
        return;
      }
      watch({ method, url });
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
      return;
    }
    try {
      files(request, response, () => response.writeHead(404, { "Content-Type": "text/plain" }).end("Not found\n"));
    } catch {
      // a range that makes no sense, for example: this request fails, the server goes on
      response.destroy();
    }
  });
  const { port: actual } = await listenNear(server, port);
  return { url: `http://${HOST}:${actual}/`, close: () => close(server) };
}

async function listenNear(server, port) {
  const candidates = port === 0 ? [0] : [...Array(NEXT_PORTS).keys()].map((n) => port + n).filter((p) => p < 65_536);
  for (const candidate of [...candidates, 0]) {
    try {
      return await listen(server, candidate);
    } catch (error) {
      if (error.code !== "EADDRINUSE" && error.code !== "EACCES") throw error;
    }
  }
  throw new Error(`no free port on ${HOST}`);
}

function listen(server, port) {
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(port, HOST, () => {
      server.off("error", failed);
      done(server.address());
    });
  });
}

function close(server) {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { parseArgs } = await import("node:util");
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { port: { type: "string" } } });
  const port = Number(values.port ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    console.error("--port is a number from 0 to 65535");
    process.exit(2);
  }
  const { url } = await serve(positionals[0] ?? fileURLToPath(new URL("../www/dist", import.meta.url)), { port });
  console.log(url);
}
