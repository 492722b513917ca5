// npm run bench:server: the key server under load from a second process, over SQLite and PostgreSQL. Takes some ten minutes and 7 GB of disk; `--only=SQLite` or `--only=PostgreSQL` measures one; `--save`, of both, writes docs/bench/server.md.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Failure, main, root, run, step } from "./run.mjs";
import * as tools from "./tools.mjs";

/** What is asked for, or why that is nothing: a table that lacks something is never saved. */
function settings() {
  const text = { type: "string" };
  const options = { only: text, save: { type: "boolean" }, sessions: text, shared: text, seconds: text };
  let given;
  try {
    given = parseArgs({ options }).values;
  } catch (error) {
    throw new Failure(error.message);
  }
  const { only, save = false } = given;
  if (only !== undefined && !["SQLite", "PostgreSQL"].includes(only)) {
    throw new Failure(`--only=${only}: SQLite or PostgreSQL`);
  }
  if (only !== undefined && save) throw new Failure("--save writes down both databases: not with --only");
  const count = (name, otherwise) => {
    const value = Number(given[name] ?? otherwise);
    if (!Number.isInteger(value) || value < 1) throw new Failure(`--${name}=${given[name]}: a number from 1 on`);
    return value;
  };
  const isMeasured = (database) => only === undefined || only === database;
  return {
    isMeasured,
    save,
    SESSIONS: count("sessions", 1_000_000),
    SHARED: count("shared", 100_000),
    SECONDS: count("seconds", 20),
  };
}

const APP = "app.example";
const program = join(root, "target/server/wardkey-server");
const load = join(root, "target/server/examples/store_load");
process.env.WARDKEY_SERVER = program;

const rows = [];
/** Load averages of the machine before each part: what others do on it is in all figures. */
const loads = [];
/** `aim`: what is aimed at, and whether this reaches it. */
const note = (what, figure, aim) => {
  rows.push([what, figure, aim === undefined ? "" : `${aim.at}: ${aim.isMet ? "met" : "**not met**"}`]);
  console.log(rows.at(-1).filter(Boolean).join(": "));
};
const ask = (...args) => run(load, args.map(String), { quiet: true }).trim();
const last = (text) => text.split("\n").at(-1);

/** Memory that a process has, in MB. */
function memory(server) {
  const status = readFileSync(`/proc/${server.child.pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024);
}

/** CPU time that a process has taken, in ms: proc_pid_stat(5), fields 14 and 15. */
function cpuTime(server) {
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** What a load reports, with the CPU time that it took the servers. */
function loaded(servers, ...args) {
  const all = () => servers.map(cpuTime).reduce((sum, ms) => sum + ms);
  const before = all();
  const figure = last(ask(...args));
  const count = Number(/: (\d+) in /.exec(figure)[1]);
  return `${figure}; CPU of the server ${((all() - before) / count).toFixed(1)} ms each`;
}

/** Of what a load reports: its rate a second, and its 99th percentile in ms. */
const rateOf = (figure) => Number(/, (\d+)\/s;/.exec(figure)[1]);
const percentileOf = (figure) => {
  const [, number, unit] = /99th ([\d.]+)(ms|µs|s),/.exec(figure);
  return Number(number) * { µs: 1e-3, ms: 1, s: 1e3 }[unit];
};

await main("bench:server", async () => {
  const { isMeasured, save, SESSIONS, SHARED, SECONDS } = settings();
  tools.rust();
  tools.nodeModules();
  tools.postgres();
  await step("build", () =>
    run("cargo", ["build", "--locked", "--profile", "server", "-p", "wardkey-server", "--bins", "--examples"]),
  );
  const { Server } = await import("../tests/server/harness.mjs");
  const { Postgres } = await import("../tests/server/postgres.mjs");
  const folder = mkdtempSync(join(tmpdir(), "wardkey-bench-"));
  const key = join(folder, "token.key.pem");
  run(program, ["token-key", folder], { quiet: true });

  const flags = (secret, ...more) => [
    ...["--listen", "127.0.0.1:0", "--app", `${APP}=${join(folder, "token.public.pem")}`],
    ...["--secret-file", secret, "--mail-folder", join(folder, "mail"), "--user-rate", "1000000"],
    ...more,
  ];
  const filled = (place, sessions, name) => {
    ask("fill", place, sessions);
    const secret = join(folder, name);
    writeFileSync(secret, last(ask("seal", place)), { mode: 0o600 });
    return secret;
  };

  const sqlite = async () => {
    loads.push(loadavg()[0]);
    const data = join(folder, "data");
    mkdirSync(join(data, APP), { recursive: true });
    const empty = await Server.start(["--data", join(folder, "empty"), "--listen", "127.0.0.1:0"]);
    note("idle memory, empty", `${memory(empty)} MB`);
    await empty.stop();
    const secret = filled(join(data, APP), SESSIONS, "secret");
    const begun = performance.now();
    const server = await Server.start(flags(secret, "--data", data));
    const started = Math.round(performance.now() - begun);
    note(`cold start, ${SESSIONS} sessions`, `${started} ms`, { at: "under 1 s", isMet: started < 1_000 });
    const idle = memory(server);
    note(`idle memory, ${SESSIONS} sessions`, `${idle} MB`, { at: "under 50 MB", isMet: idle < 50 });
    ask("http-keys", server.url, key, program, SESSIONS, 50, 5, 200);
    for (const rate of [50, 100, 200]) {
      const done = loaded([server], "http-keys", server.url, key, program, SESSIONS, rate, SECONDS, 200);
      const aim = { at: "99th under 20 ms", isMet: percentileOf(done) < 20 && rateOf(done) >= 0.95 * rate };
      note(`SQLite, ${SESSIONS} sessions, ${rate} requests a second of 200 keys`, done, rate === 200 ? aim : undefined);
    }
    const writes = loaded([server], "http-write", server.url, key, program, 32, SECONDS);
    note("SQLite, writes", writes, { at: "500 a second", isMet: rateOf(writes) >= 500 });
    note("memory after the load", `${memory(server)} MB`);
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  };
  const postgresql = async () => {
    loads.push(loadavg()[0]);
    // As the guide asks for.
    const postgres = await Postgres.start("max_pred_locks_per_transaction=2048");
    const url = postgres.database("wardkey");
    run(program, ["migrate", "--database", url], { quiet: true });
    const secret = filled(url, SHARED, "secret-postgres");
    for (const processes of [1, 2, 4]) {
      const servers = [];
      for (let i = 0; i < processes; i++) {
        servers.push(await Server.start(flags(secret, "--database", url, "--data", join(folder, "none"))));
      }
      const urls = servers.map((server) => server.url).join(",");
      for (const rate of [40, 80]) {
        const keys = loaded(servers, "http-keys", urls, key, program, SHARED, rate, 8, 200);
        note(`PostgreSQL, ${SHARED} sessions, ${rate} requests a second of 200 keys, processes: ${processes}`, keys);
      }
      const writes = loaded(servers, "http-write", urls, key, program, 32, SECONDS);
      note(`PostgreSQL, writes, processes: ${processes}`, writes);
      for (const server of servers) await server.stop();
    }
    await postgres.stop();
  };
  if (isMeasured("SQLite")) await step("SQLite", sqlite);
  if (isMeasured("PostgreSQL")) await step("PostgreSQL", postgresql);
  rmSync(folder, { recursive: true, force: true });

  if (save) {
    const machine = `${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB`;
    const busy = loads.map((load) => load.toFixed(1)).join(" and ");
    const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
    const text = `# The key server under load\n\n\`npm run bench:server -- --save\`, ${new Date().toISOString().slice(0, 10)}, ${machine}, the load from a second process on loopback of the same machine, whose load average was ${busy} before either part: what else it does is in these figures. Sessions are picked evenly from all that are stored; a reply has genesis, signed wraps and one key of each, some 510 KB of JSON, and its journal row is durable before it goes out. CPU times are the servers' own: the load's and PostgreSQL's come on top, on the same cores. Writes are sessions with two groups, 32 at once.\n\n| | | aimed at |\n|---|---|---|\n${table}\n`;
    writeFileSync(join(root, "docs/bench/server.md"), text);
  }
});
