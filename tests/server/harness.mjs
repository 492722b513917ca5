// A real key server: the program, in a process of its own, on a free port of this machine.
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const PROGRAM = process.env.WARDKEY_SERVER ?? join(root, "target/debug/wardkey-server");
export const APP = "app.example";
/** What anybody may ask for: how a login is derived. */
export const LOGIN = "/v1/public/login";
export const KDF = { name: "argon2id", memoryKiB: 65536, passes: 3 };
export const login = (userId = "alice", appId = APP) => ({ appId, userId, kdf: KDF });

/** Tests of this process move its clock: servers know nothing of that. */
const clock = Date.now;

const base64url = (value) => Buffer.from(value).toString("base64url");

/** What a command of the program prints. */
export function command(...args) {
  const { status, stdout, stderr } = spawnSync(PROGRAM, args, { encoding: "utf8" });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** An application: its key for tokens, its credential, the operator's secret, and a folder that goes after the tests. */
export class Application {
  constructor(id = APP) {
    this.id = id;
    this.folder = mkdtempSync(join(tmpdir(), "wardkey-server-"));
    this.keys = generateKeyPairSync("ed25519");
    this.credential = command("secret").stdout;
    this.write("token.pem", this.keys.publicKey.export({ type: "spki", format: "pem" }));
    this.write("credential", this.credential);
    this.write("secret", command("secret").stdout);
  }

  path(name) {
    return join(this.folder, name);
  }

  write(name, text) {
    writeFileSync(this.path(name), text, { mode: 0o600 });
    return this.path(name);
  }

  /** A token of a user, as any library signs it (RFC 8037). */
  token(userId, { aud = this.id, life = 600, key = this.keys.privateKey, header = {}, claims = {} } = {}) {
    const now = Math.floor(clock() / 1000);
    const parts = [
      { alg: "EdDSA", typ: "JWT", ...header },
      { sub: userId, aud, iat: now, exp: now + life, ...claims },
    ];
    const text = parts.map((part) => base64url(JSON.stringify(part))).join(".");
    return `${text}.${base64url(sign(null, Buffer.from(text), key))}`;
  }

  /** What serves it, with further flags. */
  flags(...more) {
    return [
      ...["--data", this.path("data"), "--listen", "127.0.0.1:0"],
      ...["--app", `${this.id}=${this.path("token.pem")}`, "--admin", `${this.id}=${this.path("credential")}`],
      ...["--secret-file", this.path("secret"), "--log", "debug"],
      ...(more.includes("--smtp") ? [] : ["--mail-folder", this.path("mail")]),
      ...more,
    ];
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A running server. */
export class Server {
  log = [];
  ended = false;

  /** Starts it, and waits until it listens. */
  static async start(flags, { env = {}, through = [] } = {}) {
    const server = new Server();
    const [program, ...args] = [...through, PROGRAM, "serve", ...flags];
    server.child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    server.exit = once(server.child, "exit").then(([code, signal]) => {
      server.ended = true;
      return { code, signal };
    });
    const lines = createInterface({ input: server.child.stderr });
    await new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        server.log.push(line);
        const url = /"listening".*"url":"([^"]+)"/.exec(line)?.[1];
        if (url) {
          server.url = url;
          resolve();
        }
      });
      server.exit.then(() => reject(new Error(`the server ended: ${server.log.join("\n")}`)));
    });
    return server;
  }

  /** A request as it goes over the line: `{ status, headers, json }`. */
  async ask(method, path, { token, body, headers = {}, raw } = {}) {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
      ...(raw && typeof raw !== "string" && !ArrayBuffer.isView(raw) ? { duplex: "half" } : {}),
    });
    const text = await answer.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, headers: answer.headers, json, text };
  }

  /** Lines of the log that have this message. */
  logged(message) {
    return this.log.map((line) => JSON.parse(line)).filter((line) => line.message === message);
  }

  /** Tells it to stop, and waits. */
  async stop() {
    this.child.kill("SIGTERM");
    return await this.exit;
  }

  /** Ends it as a power cut does. */
  async kill() {
    this.child.kill("SIGKILL");
    return await this.exit;
  }
}

/** Tries until it holds. */
export async function until(holds, what, ms = 60_000) {
  const end = clock() + ms;
  for (;;) {
    const result = await holds();
    if (result) return result;
    if (clock() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
