// People with the package's clients against the real server, over each database: what they share, lose and get back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { KeyPair, mails, PASSWORD, person, registered, Shares } from "./client.mjs";
import { Application, command, Server, until } from "./harness.mjs";
import { Postgres } from "./postgres.mjs";

const text = (bytes) => new TextDecoder().decode(bytes);
const refuses = (code) => (error) => {
  assert.equal(error.code, code, error.message);
  return true;
};

for (const kind of ["SQLite", "PostgreSQL"]) {
  describe(`people, over ${kind}`, () => {
    let app;
    const servers = [];
    let postgres;
    let place;
    const start = async (...more) => {
      const server = await Server.start(app.flags(...place, "--public-rate", "100000", "--user-rate", "1000", ...more));
      servers.push(server);
      return server;
    };

    before(async () => {
      app = new Application();
      place = [];
      if (kind === "PostgreSQL") {
        postgres = await Postgres.start();
        place = ["--database", postgres.database("wardkey")];
        const made = command("migrate", ...place);
        assert.equal(made.status, 0, made.stderr);
      }
      await start();
      // SQLite is for one process, PostgreSQL for many.
      await (postgres ? start() : undefined);
    });
    after(async () => {
      for (const server of servers) await server.stop();
      await postgres?.stop();
      app?.remove();
    });
    /** The first process, and another where there is one. */
    const one = () => servers[0];
    const other = () => servers.at(-1);

    it("shares a record, takes it away, and says so at once", async () => {
      const alice = await registered(one(), app, "alice");
      const bob = await registered(other(), app, "bob");
      const session = await alice.wardkey.createSession({ recipients: [{ user: "bob" }] });
      const sealed = await session.encrypt(new TextEncoder().encode("a finding"));
      const opened = await bob.wardkey.decrypt(sealed);
      assert.equal(text(opened.data), "a finding");
      assert.equal(opened.author?.userId ?? opened.author?.id, "alice");

      // The stream is there when its headers are.
      const revoked = new Promise((resolve) =>
        bob.wardkey.addEventListener("revoked", ({ detail }) => resolve(detail)),
      );
      const streams = () =>
        other()
          .logged("answered")
          .filter(({ path }) => path === "/v1/events").length;
      // Alice has one too.
      await until(() => streams() >= (one() === other() ? 2 : 1), "the stream of events");
      const begun = Date.now();
      await session.revokeRecipients([{ user: "bob" }]);
      assert.deepEqual(await revoked, { sessionIds: [session.id] });
      assert.ok(Date.now() - begun < 30_000, `${Date.now() - begun} ms`);
      await assert.rejects(bob.wardkey.decrypt(sealed), refuses("revoked"));
      for (const { wardkey } of [alice, bob]) await wardkey.close();
    });

    it("gives keys back for the same password on a new device, and a journal to whom it concerns", async () => {
      const carol = await registered(one(), app, "carol");
      const session = await carol.wardkey.createSession({ recipients: [] });
      const sealed = await session.encrypt(new TextEncoder().encode("hers"));
      await carol.wardkey.close();
      const again = await person(other(), app, "carol");
      assert.equal(again.wardkey.status, "new");
      assert.equal(await again.wardkey.unlock({ userId: "carol", password: PASSWORD }), "restored");
      assert.equal(text((await again.wardkey.decrypt(sealed)).data), "hers");
      const log = await again.wardkey.auditLog({ sessionId: session.id });
      assert.deepEqual(
        log.map(({ action }) => action),
        ["create", "release"],
      );
      await assert.rejects(
        again.wardkey.unlock({ userId: "carol", password: "another" }),
        (error) => error.code !== undefined,
      );
      await again.wardkey.close();
    });

    it("shares entities by one exchange key for each pair, and nothing new with who has left", async () => {
      const gerda = await registered(one(), app, "gerda");
      const hugo = await registered(other(), app, "hugo");
      const ida = await registered(one(), app, "ida");
      const stranger = await registered(other(), app, "stranger");
      const group = await gerda.wardkey.createGroup({ name: "Ward 5", members: ["hugo"] });
      const again = await person(other(), app, "ida");
      await again.wardkey.unlock({ userId: "ida", password: PASSWORD });
      const sealedBy = ({ wardkey }, id) =>
        wardkey.entities.encrypt("Patient", { id, name: `a name of ${id}` }, ["name"], { shareWith: [group.id] });
      const versions = async (userId) => {
        const body = { sessions: [], signers: [], groups: [], pairs: [{ pair: `ida→${group.id}` }] };
        const { json } = await one().ask("POST", "/v1/keys", { token: app.token(userId), body });
        return json.pairs[0].error ?? json.pairs[0].versions.length;
      };
      // Two devices at once, at two processes where there are two: both seal under the one that was first.
      const both = await Promise.all([sealedBy(ida, "p1"), sealedBy(again, "p2")]);
      assert.equal(await versions("ida"), 1);
      const opened = await hugo.wardkey.entities.decryptMany(both);
      assert.deepEqual(
        opened.map(({ value, error }) => value?.name ?? error?.code),
        ["a name of p1", "a name of p2"],
      );

      await group.removeMembers(["hugo"]);
      await again.wardkey.cache.sync();
      const after = await sealedBy(again, "p3");
      assert.deepEqual([await versions("ida"), await versions("gerda")], [2, 2]);
      assert.deepEqual([await versions("hugo"), await versions("stranger")], ["revoked", "not-a-recipient"]);
      await hugo.wardkey.cache.sync();
      await assert.rejects(hugo.wardkey.entities.decrypt(after), refuses("revoked"));
      assert.equal((await gerda.wardkey.entities.decrypt(after)).name, "a name of p3");
      const told = (await ida.wardkey.auditLog()).map(({ action, actor }) => `${actor} ${action}`);
      assert.ok(told.includes("ida exchange-key") && told.includes("hugo exchange-release"), told.join(", "));
      for (const { wardkey } of [gerda, hugo, ida, again, stranger]) await wardkey.close();
    });

    it("recovers by a code, which is good once, five tries, and in one language of three", async () => {
      const shares = new Shares();
      const folder = app.path("mail");
      const dora = await registered(one(), app, "dora", { shares, email: "dora@hospital.example" });
      await dora.wardkey.close();
      const french = (input, init) =>
        fetch(input, {
          ...init,
          headers: { ...Object.fromEntries(new Headers(init?.headers)), "accept-language": "fr" },
        });
      const lost = await person(other(), app, "dora", { shares, fetch: french });
      const before = mails(folder).length;
      const { recoveryId, sentTo } = await lost.wardkey.startRecovery({ userId: "dora" });
      assert.equal(sentTo, "d•••@hospital.example");
      const mail = await until(() => mails(folder)[before], "the mail");
      assert.equal(mail.to, "dora@hospital.example");
      assert.match(mail.text, /Votre code est/);
      assert.ok(![...one().log, ...other().log].join().includes(mail.code), "no code in a log");
      const wrong = mail.code === "00000000" ? "00000001" : "00000000";
      const finish = (code) =>
        lost.wardkey.finishRecovery({ userId: "dora", recoveryId, code, newPassword: "new herons" });
      await assert.rejects(finish(wrong), (error) => refuses("otp-wrong")(error) && error.attemptsLeft === 4);
      await finish(mail.code);
      await assert.rejects(finish(mail.code), refuses("otp-expired"));
      await lost.wardkey.close();
      const again = await person(one(), app, "dora", { shares });
      assert.equal(await again.wardkey.unlock({ userId: "dora", password: "new herons" }), "restored");
      await again.wardkey.close();
    });

    it("counts five of a thousand tries at once, and ten a day whatever is started anew", async () => {
      await (await registered(one(), app, "eve", { email: "eve@hospital.example" })).wardkey.close();
      const pair = await KeyPair.generate({ suite: "hybrid" });
      const key = pair.publicKey.toString();
      const begin = async () =>
        (await one().ask("POST", "/v1/public/recoveries", { body: { userId: "eve" } })).json.recoveryId;
      const tries = async (id, count) => {
        const asked = Array.from({ length: count }, (_, place) => {
          const server = place % 2 ? one() : other();
          const code = String(place).padStart(8, "0");
          return server.ask("POST", `/v1/public/recoveries/${id}/code`, { body: { code, key } });
        });
        const codes = {};
        for (const { json } of await Promise.all(asked)) codes[json.code] = (codes[json.code] ?? 0) + 1;
        return codes;
      };
      const first = await tries(await begin(), 1000);
      assert.equal(first["otp-wrong"], 5, JSON.stringify(first));
      assert.equal(first["otp-locked"] + (first.throttled ?? 0) + (first.server ?? 0), 995);
      const more = [await tries(await begin(), 20), await tries(await begin(), 20)];
      assert.equal(
        more.reduce((sum, codes) => sum + (codes["otp-wrong"] ?? 0), 0),
        5,
        JSON.stringify(more),
      );
      const { status, stdout } = admin("user", "eve");
      assert.equal(status, 0);
      assert.equal(JSON.parse(stdout).today.recoveryTries, 10);
    });

    it("keeps the same answer for the same idempotency key: one code, one try", async () => {
      await (await registered(one(), app, "fred", { email: "fred@hospital.example" })).wardkey.close();
      const folder = app.path("mail");
      const before = mails(folder).length;
      const start = (key) =>
        one().ask("POST", "/v1/public/recoveries", { body: { userId: "fred" }, headers: { "idempotency-key": key } });
      const [a, b] = [await start("one"), await start("one")];
      assert.deepEqual(a.json, b.json);
      assert.notDeepEqual((await start("two")).json, a.json);
      await until(() => mails(folder).length === before + 2, "two mails");
    });

    const admin = (...args) =>
      command("admin", "--url", one().url, "--credential-file", app.path("credential"), ...args);

    it("lets the application see a user's state, disable her, and read journals; nothing of it is a key", async () => {
      const gina = await registered(one(), app, "gina", { email: "gina@hospital.example" });
      const state = JSON.parse(admin("user", "gina").stdout);
      assert.deepEqual([state.registered, state.disabled, state.contact], [true, false, "g•••@hospital.example"]);
      assert.equal(admin("disable", "gina").status, 0);
      await assert.rejects(gina.wardkey.createSession({ recipients: [] }), refuses("forbidden"));
      const recovery = await one().ask("POST", "/v1/public/recoveries", { body: { userId: "gina" } });
      assert.deepEqual([recovery.status, recovery.json.code], [403, "forbidden"]);
      assert.equal(admin("enable", "gina").status, 0);
      await gina.wardkey.createSession({ recipients: [] });
      const journal = admin("journal", "--user", "gina")
        .stdout.split("\n")
        .map((line) => JSON.parse(line).action);
      assert.deepEqual(journal, ["register", "disable", "enable"]);
      assert.match(admin("user", "nobody").stdout, /"registered": false/);
      await gina.wardkey.close();
    });

    it("assigns what was sent to a facility before it had a group, and keeps nothing of it", async () => {
      const henry = await registered(one(), app, "henry");
      const iris = await registered(other(), app, "iris");
      const session = await henry.wardkey.createSession({ recipients: [{ placeholder: "clinic" }] });
      const sealed = await session.encrypt(new TextEncoder().encode("for a clinic"));
      const group = await iris.wardkey.createGroup({ name: "Clinic" });
      const bodies = await escrowed();
      assert.ok(bodies.length > 0);
      const assigned = admin("assign", "clinic", group.id);
      assert.equal(assigned.status, 0, assigned.stderr);
      assert.ok(assigned.stdout.includes(session.id));
      assert.equal(text((await iris.wardkey.decrypt(sealed)).data), "for a clinic");
      assert.deepEqual(await escrowed(), []);
      const twice = admin("assign", "clinic", group.id);
      assert.match(twice.stderr, /unknown-session/);
      for (const { wardkey } of [henry, iris]) await wardkey.close();
      if (!postgres) {
        // Not in any page of any file either, as who pulls the plug finds them: an orderly stop would empty the log.
        const folder = join(app.path("data"), app.id);
        for (const name of readdirSync(folder)) {
          const file = readFileSync(join(folder, name));
          for (const body of bodies) assert.equal(file.indexOf(body), -1, name);
        }
      }
    });

    /** Stanza bodies of placeholders, as they stand in the database: all of its sessions are short, each one row (`server/src/store/packed.rs`). */
    async function escrowed() {
      let rows;
      if (postgres) {
        assert.equal(postgres.query("wardkey", "SELECT COUNT(*) FROM piece").trim(), "0");
        rows = postgres.query("wardkey", "SELECT encode(pieces, 'hex') FROM packed");
      } else {
        const script =
          "import sqlite3, sys; file = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True); assert not file.execute('SELECT 1 FROM piece').fetchall(); print('\\n'.join(row[0] for row in file.execute('SELECT hex(pieces) FROM packed')))";
        const file = join(app.path("data"), app.id, "wardkey.db");
        const { status, stdout, stderr } = spawnSync("python3", ["-c", script, file], { encoding: "utf8" });
        assert.equal(status, 0, stderr);
        rows = stdout;
      }
      const all = rows.split("\n").filter(Boolean);
      assert.ok(all.length > 0);
      return all.flatMap((row) => placeholdersBodies(Buffer.from(row, "hex")));
    }

    function placeholdersBodies(row) {
      const bodies = [];
      let at = 1;
      const bytes = () => {
        const begin = at + 4;
        at = begin + row.readUInt32BE(at);
        return row.subarray(begin, at);
      };
      while (at < row.length) {
        const [kind, has] = [row[at], row[at + 1]];
        at += 2;
        const party = bytes();
        // The sequence, and two numbers.
        at += 8 * (1 + (has & 1) + ((has >> 1) & 1));
        const [, data] = [4, 8, 16].map((bit) => (has & bit ? bytes() : undefined));
        if (kind === 4 && party.subarray(0, 2).equals(Buffer.from([0x84, 0x02]))) bodies.push(Buffer.from(data));
      }
      return bodies;
    }

    it("logs nothing of them", () => {
      const log = servers.flatMap((server) => server.log);
      assert.ok(log.length > 10, `${log.length} lines`);
      for (const line of log) assert.doesNotMatch(line, /alice|bob|dora|gina|henry|clinic|hospital|postgres:/);
      for (const line of log) assert.ok(line.length < 400, line);
    });

    it("backs up while it serves, and comes back as it was, in either database", async () => {
      const julia = await registered(one(), app, "julia");
      const session = await julia.wardkey.createSession({ recipients: [] });
      const sealed = await session.encrypt(new TextEncoder().encode("kept"));
      await julia.wardkey.close();
      const file = app.path("backup.wardkey");
      const of = postgres ? place : ["--data", app.path("data")];
      const backup = command("backup", ...of, file);
      assert.equal(backup.status, 0, backup.stderr);
      assert.match(command("backup", ...of, file).stderr, /is there already/);
      const targets = [["--data", app.path("restored"), "--of", app.id]];
      if (postgres) targets.push(["--database", postgres.database("restored")]);
      for (const target of targets) {
        const restored = command("restore", ...target, file);
        assert.equal(restored.status, 0, restored.stderr);
        const flags = app.flags("--public-rate", "100000");
        if (target[0] === "--data") flags[flags.indexOf("--data") + 1] = target[1];
        else flags.push(...target);
        const again = await Server.start(flags);
        const back = await person(again, app, "julia");
        assert.equal(await back.wardkey.unlock({ userId: "julia", password: PASSWORD }), "restored");
        assert.equal(text((await back.wardkey.decrypt(sealed)).data), "kept");
        await back.wardkey.close();
        assert.equal(again.logged("the database was restored: every client reads its feed anew").length, 1);
        await again.stop();
        assert.match(command("restore", ...target, file).stderr, /force|already|empty/i);
      }
      const whole = readFileSync(file);
      whole[whole.length >> 1] ^= 1;
      const broken = app.write("broken.wardkey", whole);
      const target = ["--data", app.path("broken"), "--of", app.id];
      assert.notEqual(command("restore", ...target, broken).status, 0);
    });
  });
}
