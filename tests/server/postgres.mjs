// A real PostgreSQL in a folder of its own, on a socket of this machine; as root, of an unprivileged user.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "../../scripts/free-port.mjs";
import { until } from "./harness.mjs";

const DEBIAN = "/usr/lib/postgresql";

function find(name) {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, "bin")) : [];
  const folder = [...process.env.PATH.split(delimiter), ...debian].find((folder) => existsSync(join(folder, name)));
  if (!folder) throw new Error(`${name} is missing: install PostgreSQL (Debian: postgresql)`);
  return join(folder, name);
}

export class Postgres {
  /** With settings of its own: `name=value`. */
  static async start(...settings) {
    const postgres = new Postgres();
    postgres.settings = settings;
    postgres.folder = mkdtempSync(join(tmpdir(), "wardkey-postgres-"));
    // It refuses to run as root.
    postgres.as = process.getuid() === 0 ? ["runuser", "-u", "nobody", "--"] : [];
    if (postgres.as.length) spawnSync("chown", ["nobody", postgres.folder]);
    else chmodSync(postgres.folder, 0o700);
    postgres.data = join(postgres.folder, "data");
    const made = postgres.run(
      find("initdb"),
      "-D",
      postgres.data,
      "-U",
      "wardkey",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--no-sync",
    );
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
    postgres.port = await freePort();
    await postgres.up();
    return postgres;
  }

  run(...command) {
    const [program, ...args] = [...this.as, ...command];
    return spawnSync(program, args, { encoding: "utf8", cwd: tmpdir() });
  }

  /** Begins to serve. */
  async up() {
    const where = [`port=${this.port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${this.folder}`];
    const settings = [...where, ...this.settings];
    const flags = ["-D", this.data, ...settings.flatMap((setting) => ["-c", setting])];
    const [program, ...args] = [...this.as, find("postgres"), ...flags];
    this.child = spawn(program, args, { stdio: "ignore", cwd: tmpdir() });
    this.exit = once(this.child, "exit");
    const ready = () => this.run(find("pg_isready"), "-h", "127.0.0.1", "-p", String(this.port)).status === 0;
    await until(ready, "PostgreSQL");
  }

  /** Gone, as by a crash of its machine. */
  async down() {
    this.run(find("pg_ctl"), "stop", "-D", this.data, "-m", "immediate");
    await this.exit;
  }

  /** A new, empty database: its URL. */
  database(name) {
    const made = this.run(find("createdb"), "-h", "127.0.0.1", "-p", String(this.port), "-U", "wardkey", name);
    if (made.status !== 0) throw new Error(`createdb: ${made.stderr}`);
    return `postgres://wardkey@127.0.0.1:${this.port}/${name}`;
  }

  /** What a query gives, as text. */
  query(name, sql) {
    const asked = this.run(
      find("psql"),
      "-h",
      "127.0.0.1",
      "-p",
      String(this.port),
      "-U",
      "wardkey",
      "-d",
      name,
      "-At",
      "-c",
      sql,
    );
    if (asked.status !== 0) throw new Error(asked.stderr);
    return asked.stdout.trim();
  }

  async stop() {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
