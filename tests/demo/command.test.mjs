// `npm run demo` itself, as it is typed: one address, a second start, --reset, taken ports, and nobody left behind.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../../scripts/free-port.mjs";
import { folder, until } from "./world.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A port of this test's own: a demo that somebody looks at is in nobody's way. */
const PORT = await freePort();

/** The command in a process group of its own, as a terminal's. */
class Command {
  out = "";

  constructor(data, ...more) {
    const args = ["run", "demo", "--", "--data", data, "--transfers", "2", "--port", String(PORT), ...more];
    this.child = spawn("npm", args, { cwd: root, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (piece) => (this.out += piece));
    this.ended = once(this.child, "close").then(([code, signal]) => {
      this.hasEnded = true;
      return { code, signal };
    });
  }

  /** The address that it prints. */
  async address() {
    const found = () => {
      if (this.hasEnded) throw new Error(`it ended: ${this.out}`);
      return /^The demo is at (\S+)/m.exec(this.out)?.[1];
    };
    return await until(found, "an address", 120_000);
  }

  /** What Ctrl-C does: the whole group is told. */
  async interrupt() {
    process.kill(-this.child.pid, "SIGINT");
    return await this.ended;
  }
}

const running = (data) => JSON.parse(readFileSync(join(data, "running.json"), "utf8"));

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Nobody listens there. */
const isGone = (url) =>
  fetch(url).then(
    () => false,
    () => true,
  );

describe("npm run demo", () => {
  let place;
  const commands = [];
  const run = (...more) => {
    const command = new Command(place.data, ...more);
    commands.push(command);
    return command;
  };
  before(() => {
    place = folder();
  });
  after(async () => {
    for (const command of commands) {
      if (!command.hasEnded) await command.interrupt();
    }
    place?.remove();
  });
  const config = async (url) => (await fetch(`${url.replace("localhost", "127.0.0.1")}/api/config`)).json();

  it("leaves nobody behind who was started, when Ctrl-C comes while it seeds", async () => {
    // So many that it isn't done before.
    const command = run("--transfers", "5000");
    await until(() => command.out.includes("seeding: Dr. Jonas Weber"), "the seeding", 120_000);
    const { servers } = running(place.data);
    await command.interrupt();
    assert.doesNotMatch(command.out, /The demo is at/);
    await until(() => servers.every(({ pid }) => !isAlive(pid)), "the end of both servers");
  });

  let escrowKey;
  it("starts, seeds, prints one address, and ends at Ctrl-C with all that it started", async () => {
    const command = run();
    const url = await command.address();
    assert.equal(command.out.match(/https?:\/\/\S+/g).length, 1, command.out);
    assert.match(command.out, /seeding: 2 transfers/);
    const page = await fetch(`${url.replace("localhost", "127.0.0.1")}/`);
    assert.match(await page.text(), /<script/);
    const { people, ...said } = await config(url);
    assert.equal(people.length, 8);
    escrowKey = said.escrowKey;
    const { servers } = running(place.data);
    assert.deepEqual(
      servers.map(({ pid }) => isAlive(pid)),
      [true, true],
    );
    await command.interrupt();
    assert.deepEqual(
      servers.map(({ pid }) => isAlive(pid)),
      [false, false],
    );
    assert.ok(await isGone(url));
    assert.equal(existsSync(join(place.data, "running.json")), false);
  });

  it("starts again with what there is, beside taken ports, and once in a folder", async () => {
    const taken = createServer().listen(PORT, "127.0.0.1");
    await once(taken, "listening");
    const command = run();
    const url = await command.address();
    taken.close();
    assert.notEqual(url, `http://localhost:${PORT}`);
    assert.doesNotMatch(command.out, /seeding/);
    assert.equal((await config(url)).escrowKey, escrowKey);
    const second = run();
    assert.equal((await second.ended).code, 1);
    assert.ok(second.out.includes(`the demo runs already, at ${url}`), second.out);
    const third = run("--reset");
    assert.equal((await third.ended).code, 1);
    assert.equal((await config(url)).escrowKey, escrowKey, "nothing was reset under it");
    // By another signal, to npm alone.
    const { servers, demo } = running(place.data);
    process.kill(demo, "SIGTERM");
    await command.ended;
    assert.ok(servers.every(({ pid }) => !isAlive(pid)));
  });

  it("ends what a killed one left, and starts over with --reset", async () => {
    const killed = run();
    await killed.address();
    const { servers, demo } = running(place.data);
    process.kill(demo, "SIGKILL");
    await killed.ended;
    const command = run("--reset");
    const url = await command.address();
    assert.ok(servers.every(({ pid }) => !isAlive(pid)));
    assert.match(command.out, /seeding: 2 transfers/);
    assert.notEqual((await config(url)).escrowKey, escrowKey);
    // A server that ends by itself ends the demo, which says so.
    process.kill(running(place.data).servers[0].pid, "SIGKILL");
    assert.equal((await command.ended).code, 1);
    assert.match(command.out, /demo: the key server ended by itself \(SIGKILL\)/);
    assert.ok(await isGone(url));
  });

  it("says what is wrong with its flags before it does anything", async () => {
    for (const flags of [["--port", "http"], ["--port", "70000"], ["--transfers", "-1"], ["--rest"]]) {
      const command = run(...flags);
      assert.equal((await command.ended).code, 1, command.out);
      assert.doesNotMatch(command.out, /── build/);
    }
  });
});
