// The server's clock jumps: what was counted stays counted, journals stay whole, nothing hangs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { KeyPair, mails, registered } from "./client.mjs";
import { Application, command, Server, until } from "./harness.mjs";

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

describe("a clock that jumps", () => {
  it("frees no try, keeps no code alive, and leaves the journal whole", async (t) => {
    const app = new Application();
    t.after(() => app.remove());
    const library = app.path("clock.so");
    const source = fileURLToPath(new URL("clock.c", import.meta.url));
    const built = spawnSync("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"], { encoding: "utf8" });
    assert.equal(built.status, 0, built.stderr ?? "cc is missing: install a C compiler");
    const jump = (seconds) => app.write("clock", String(seconds));
    const env = { LD_PRELOAD: library, WARDKEY_TEST_CLOCK: jump(0) };
    const server = await Server.start(app.flags("--public-rate", "10000"), { env });
    t.after(() => server.stop());
    const { wardkey } = await registered(server, app, "alice", { email: "alice@hospital.example" });
    const key = (await KeyPair.generate({ suite: "hybrid" })).publicKey.toString();
    const folder = app.path("mail");
    const begin = async () => {
      const before = mails(folder).length;
      const { json } = await server.ask("POST", "/v1/public/recoveries", { body: { userId: "alice" } });
      const mail = await until(() => mails(folder)[before], "the mail");
      const answer = async (code) =>
        (await server.ask("POST", `/v1/public/recoveries/${json.recoveryId}/code`, { body: { code, key } })).json;
      const wrong = mail.code === "00000000" ? "00000001" : "00000000";
      return { right: () => answer(mail.code), wrong: () => answer(wrong) };
    };
    const health = async () => assert.equal((await server.ask("GET", "/health")).status, 200);

    const first = await begin();
    jump(11 * MINUTE);
    assert.equal((await first.right()).code, "otp-expired");
    jump(0);
    const second = await begin();
    for (let i = 0; i < 5; i++) assert.equal((await second.wrong()).code, "otp-wrong");
    for (const seconds of [-DAY, -365 * DAY, 9 * MINUTE, 30 * DAY, 0]) {
      jump(seconds);
      assert.match((await second.right()).code, /^otp-(locked|expired)$/, `${seconds} s`);
      await health();
    }
    // Five are left of this day's ten: a clock that is set back gives no more.
    const codes = [];
    jump(-DAY / 2);
    const third = await begin();
    for (let i = 0; i < 5; i++) codes.push((await third.wrong()).code);
    const fourth = await begin();
    codes.push((await fourth.right()).code);
    assert.deepEqual(codes, [...Array(5).fill("otp-wrong"), "otp-locked"]);

    for (const seconds of [-3650 * DAY, 40 * DAY, -DAY, 0]) {
      jump(seconds);
      // Tokens are of this machine's clock: far from it, nobody is known.
      const { status } = await server.ask("GET", "/v1/backup", { token: app.token("alice") });
      assert.ok([200, 401].includes(status), String(status));
      await server.ask("POST", "/v1/public/recoveries", { body: { userId: "alice" } });
      await health();
    }
    await wardkey.createSession({ recipients: [] });
    const log = await wardkey.auditLog();
    assert.ok(
      log.every(({ at }, place) => place === 0 || at >= log[place - 1].at),
      "times don't fall",
    );
    await wardkey.close();
    const verified = command("verify-journal", "--data", app.path("data"), "--secret-file", app.path("secret"));
    assert.equal(verified.status, 0, verified.stderr);
  });
});
