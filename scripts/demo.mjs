// npm run demo [-- --reset] [--port 8080] [--transfers 200] [--data .demo]: the demo, from nothing: builds, starts both servers, seeds at the first start, and prints one address.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { Process, Running } from "./demo-servers.mjs";
import { firstFreePort, freePort } from "./free-port.mjs";
import { Failure, main, root, run, step } from "./run.mjs";
import * as tools from "./tools.mjs";

const APP = "transfers.example";
const PORT = 8080;
const KEYS_PORT = 8790;
/** Another process may take a port in between. */
const TRIES = 5;

const at = (...path) => join(root, ...path);

/** The newest change below these. */
function newest(...paths) {
  const time = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0;
    return Math.max(0, ...readdirSync(path).map((name) => (skipped.has(name) ? 0 : time(join(path, name)))));
  };
  return Math.max(...paths.map((path) => time(at(path))));
}
const skipped = new Set(["node_modules", "target", "dist", "core", "tests"]);

/** What is missing or older than its sources. */
export async function buildDemo() {
  tools.rust();
  tools.nodeModules();
  const sources = ["src", "npm", "primitives", "entries", "server/rules", "server/testing", "Cargo.toml", "Cargo.lock"];
  if (newest("pkg/package.json") < newest(...sources, "pkg.json", "scripts/build.mjs")) await build();
  if (newest("www/dist/index.html") < newest("www/src", "www/index.html", "webpack.config.js", "pkg/package.json")) {
    await step("build the page", () => run("npx", ["webpack", "--mode", "production"]));
  }
  await step("build the servers", () =>
    run("cargo", ["build", "--locked", "-p", "wardkey-server", "-p", "wardkey-demo"]),
  );
}

/** What a demo leaves in its folder goes; whatever else is there stays. */
function clear(data) {
  const names = ["seeded.json", "keys", "app", "mail", "secrets", "keys.log", "app.log"];
  for (const name of names) rmSync(join(data, name), { recursive: true, force: true });
}

/** Keys and secrets of a fresh demo, in files. */
function writeSecrets(folder) {
  const file = (name) => join(folder, name);
  const put = (name, text) => writeFileSync(file(name), text, { mode: 0o600 });
  if (!existsSync(file("credential"))) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    put("token.key.pem", privateKey.export({ type: "pkcs8", format: "pem" }));
    put("token.public.pem", publicKey.export({ type: "spki", format: "pem" }));
    put("secret", randomBytes(32).toString("base64url"));
    put("credential", randomBytes(32).toString("base64url"));
  }
  return file;
}

/**
 * Starts what was built, and seeds it at the first start. For `npm run demo`, and for tests with a folder of their own.
 *
 * `seen(url)` gives the address by which pages reach the key server, where a test has something in between; `origins` are those of pages that come by other addresses than `url`.
 * A port of 0 is any free one. `loginRate`: tries of a user's login in a minute.
 * @param {{ data: string, port?: number, keysPort?: number, transfers?: number, loginRate?: number, origins?: string[], seen?: (url: string) => string | Promise<string>, page?: string, onProgress?: (what: string) => void }} options
 * @returns {Promise<{ url: string, keyServer: string, data: string, servers: { keys: Process, app: Process }, seeded: boolean, stop: () => Promise<void> }>}
 */
export async function startDemo({
  data,
  port = PORT,
  keysPort = KEYS_PORT,
  transfers = 200,
  loginRate = 20,
  origins = [],
  seen = (url) => url,
  page = at("www/dist"),
  onProgress = () => undefined,
}) {
  const path = (...names) => join(data, ...names);
  const running = new Running(data);
  await running.clear();
  const marker = path("seeded.json");
  // A seeding that broke off: nobody has worked with it yet.
  if (!existsSync(marker)) clear(data);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const secret = writeSecrets(path("secrets"));
  const begin = async (seeding) => {
    for (let tries = 1; ; tries++) {
      const started = await start({ path, secret, port, keysPort, loginRate, origins, seen, page, seeding }).catch(
        (error) => error,
      );
      if (!(started instanceof Error)) return started;
      if (tries === TRIES || !/in use/i.test(started.message)) throw started;
    }
  };
  const isFirst = !existsSync(marker);
  let demo = await begin(isFirst);
  running.write(demo.url, Object.values(demo.servers));
  try {
    if (isFirst) {
      const { seed } = await import("../www/seed/seed.mjs");
      await seed({ url: demo.url, transfers, onProgress });
      // It takes no times of the past any more.
      await demo.stop();
      demo = await begin(false);
      running.write(demo.url, Object.values(demo.servers));
      writeFileSync(marker, JSON.stringify({ at: new Date().toISOString(), transfers }));
    }
  } catch (error) {
    await demo.stop();
    running.remove();
    throw error;
  }
  const stop = async () => {
    await demo.stop();
    running.remove();
  };
  return { ...demo, data, seeded: isFirst, stop };
}

async function start({ path, secret, port, keysPort, loginRate, origins, seen, page, seeding }) {
  const own = await (port === 0 ? freePort() : firstFreePort(port));
  const [url, other] = [`http://localhost:${own}`, `http://127.0.0.1:${own}`];
  const keysOwn = await (keysPort === 0 ? freePort(own) : firstFreePort(keysPort));
  const keys = new Process(
    "key server",
    "wardkey-server",
    [
      ...["serve", "--data", path("keys"), "--listen", `127.0.0.1:${keysOwn}`],
      ...["--app", `${APP}=${secret("token.public.pem")}`, "--admin", `${APP}=${secret("credential")}`],
      ...["--secret-file", secret("secret"), "--mail-folder", path("mail")],
      ...["--mail-from", `transfers@${APP}`, "--mail-service", "Patient transfers"],
      ...["--cors-origin", [url, other, ...origins].join(","), "--user-rate", "500", "--public-rate", "6000"],
    ],
    path("keys.log"),
  );
  const said = await keys.start();
  const escrowKey = said.find((line) => line.escrow_key)?.escrow_key;
  const keyServer = `http://127.0.0.1:${keysOwn}`;
  const app = new Process(
    "application's server",
    "wardkey-demo",
    [
      ...["serve", "--data", path("app"), "--listen", `127.0.0.1:${own}`, "--page", page],
      ...["--app-id", APP, "--key-server", keyServer, "--pages-key-server", await seen(keyServer)],
      ...["--escrow-key", escrowKey, "--app-key", secret("token.key.pem"), "--credential", secret("credential")],
      ...["--demo", at("www/seed/demo.json"), "--key-server-data", path("keys"), "--mail-folder", path("mail")],
      ...["--login-rate", String(loginRate), "--development"],
      ...(seeding ? ["--seeding"] : []),
    ],
    path("app.log"),
  );
  const servers = { keys, app };
  const kill = () => {
    for (const server of Object.values(servers)) server.child?.kill("SIGTERM");
  };
  process.on("exit", kill);
  const stop = async () => {
    await Promise.all(Object.values(servers).map((server) => server.stop()));
    process.off("exit", kill);
  };
  try {
    await app.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, keyServer, servers, stop };
}

/** What is asked for, or what is wrong with it. */
function settings() {
  const text = { type: "string" };
  let given;
  try {
    given = parseArgs({ options: { data: text, port: text, reset: { type: "boolean" }, transfers: text } }).values;
  } catch (error) {
    throw new Failure(error.message);
  }
  const number = (name, otherwise, most) => {
    const value = Number(given[name] ?? otherwise);
    if (Number.isInteger(value) && value >= 0 && value <= most) return value;
    throw new Failure(`--${name} is a number from 0 to ${most}`);
  };
  const { data = at(".demo"), reset = false } = given;
  return { data, reset, port: number("port", PORT, 65_535), transfers: number("transfers", 200, 5_000) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  let demo;
  let stop;
  const told = new Promise((resolve) => {
    stop = resolve;
  });
  // Before it is up, what was started is ended on the way out.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => (demo ? stop() : process.exit(130)));
  await main("demo", async () => {
    const { data, reset, port, transfers } = settings();
    await buildDemo();
    if (reset) {
      await new Running(data).clear();
      clear(data);
    }
    demo = await startDemo({ data, port, transfers, onProgress: (what) => console.log(`  seeding: ${what}`) });
  });
  if (demo) {
    console.log(`\nThe demo is at ${demo.url}  (Ctrl-C stops it)`);
    // Ctrl-C tells the servers too: one that ends well was told to.
    const ends = Object.values(demo.servers).map(async (server) => {
      const { code, signal } = await server.ended;
      return code === 0 ? "" : `the ${server.name} ended by itself (${signal ?? code}): see its log in ${demo.data}`;
    });
    const why = await Promise.race([told, ...ends]);
    if (why) console.error(`demo: ${why}`);
    await demo.stop();
    process.exit(why ? 1 : 0);
  }
}
