// The demo's two servers with people of the package: what was seeded, what they hold, and the stories in which both have a part.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bytes, device, folder, login, mailTo, person, register, started, until } from "./world.mjs";

const refuses = (code) => (error) => {
  assert.equal(error.code, code, error.message);
  return true;
};
const text = (data) => new TextDecoder().decode(data);

describe("the demo's servers", () => {
  let place;
  let demo;
  before(async () => {
    place = folder();
    demo = await started(place.data);
  });
  after(async () => {
    await demo?.stop();
    place?.remove();
  });

  it("are seeded: all opens in one key request, by the authors that it says", async (t) => {
    assert.equal(demo.seeded, true);
    const { people, facilities } = await demo.config();
    assert.deepEqual(
      people.map(({ facilityId }) => facilityId),
      [...Array(4).fill("city-general"), ...Array(4).fill("lakeside")],
    );
    assert.ok(people.every(({ demoPassword, role }) => demoPassword && role));
    assert.deepEqual(
      facilities.map(({ groupId }) => typeof groupId),
      ["string", "string", "object"],
    );
    const noah = await login(t, demo, "noah.brunner");
    const { transfers } = await noah.ask("GET", "/api/transfers?box=in");
    assert.equal(transfers.length, 12);
    const asked = [];
    const { fetch } = globalThis;
    globalThis.fetch = (url, init) => {
      asked.push(new URL(url).pathname);
      return fetch(url, init);
    };
    t.after(() => {
      globalThis.fetch = fetch;
    });
    const context = ({ id }) => ({ type: "transfer", transfer: id });
    const settled = await noah.wardkey.decryptMany(
      transfers.map((one) => ({ sealed: bytes(one.sealed), context: context(one) })),
    );
    assert.equal(asked.filter((path) => path === "/v1/keys").length, 1, asked.join(" "));
    for (const [place, { ok, value }] of settled.entries()) {
      assert.ok(ok);
      assert.equal(value.author.userId, transfers[place].createdBy);
      assert.equal(value.sessionId, transfers[place].sessionId);
      const record = JSON.parse(value.text());
      assert.ok(record.patient.name && record.diagnosis && record.needs.length > 0, value.text());
    }
  });

  it("hold a file that the other facility reads, whole and by range", async (t) => {
    const leila = await login(t, demo, "leila.haddad");
    const { transfers } = await leila.ask("GET", "/api/transfers?box=in");
    const records = await leila.wardkey.decryptMany(
      transfers.map(({ id, sealed }) => ({ sealed: bytes(sealed), context: { type: "transfer", transfer: id } })),
    );
    const place = records.findIndex(({ value }) => JSON.parse(value.text()).files.length > 0);
    const [file] = JSON.parse(records[place].value.text()).files;
    assert.deepEqual([file.name, file.type], ["discharge-letter.pdf", "application/pdf"]);
    const session = await leila.wardkey.openSession(transfers[place].sessionId);
    t.after(() => session.free());
    const context = { type: "file", file: file.fileId };
    const content = `${demo.application.url}/api/files/${file.fileId}/content`;
    const get = (headers = {}) => demo.application.fetch(content, { headers }, leila.cookies);
    const whole = new Uint8Array(await (await get()).arrayBuffer());
    const pipe = session.decryptStream({ context });
    const pdf = text(await new Response(new Blob([whole]).stream().pipeThrough(pipe)).arrayBuffer());
    assert.equal((await pipe.author).userId, transfers[place].createdBy);
    assert.equal(pdf.length, file.size);
    assert.match(pdf, /^%PDF-1\.4\n[\s\S]*startxref\n\d+\n%%EOF\n$/);
    const source = {
      size: whole.length,
      read: async (start, end) => (await get({ range: `bytes=${start}-${end - 1}` })).arrayBuffer(),
    };
    assert.equal(text(await session.decryptRange(source, 5, 8, { context })), "1.4");
  });

  it("show their rows of a record as they are, and hold nothing readable", async (t) => {
    const ada = await login(t, demo, "ada.okafor");
    const { transfers } = await ada.ask("GET", "/api/transfers");
    const [{ id, sealed, sessionId, createdBy }] = transfers;
    const held = await ada.ask("GET", `/api/dev/held/${id}`);
    const [row] = held.application.transfer;
    assert.deepEqual([row.id, row.session_id, row.created_by], [id, sessionId, createdBy]);
    assert.deepEqual(row.sealed, { base64url: sealed, length: bytes(sealed).length });
    const { packed, piece, bundle, account } = held.keyServer;
    const kept = [...packed, ...piece];
    assert.ok(kept.length > 0 && kept.every(({ session }) => session.base64url === sessionId));
    assert.deepEqual([bundle[0].user_id, account[0].user_id], [createdBy, createdBy]);
    assert.ok([...packed, ...piece].some(({ pieces, wraps }) => (pieces ?? wraps)?.base64url));

    const { value } = (
      await ada.wardkey.decryptMany([{ sealed: bytes(sealed), context: { type: "transfer", transfer: id } }])
    )[0];
    const { patient, notes } = JSON.parse(value.text());
    const files = ["app", join("keys", "transfers.example")].flatMap((name) =>
      readdirSync(join(place.data, name)).map((file) => readFileSync(join(place.data, name, file))),
    );
    const everything = Buffer.concat(files);
    assert.ok(everything.includes("transfers.example") && everything.includes(id));
    const secrets = [patient.name, patient.insuranceId, notes.slice(0, 20), "three blue herons", "discharge-letter"];
    for (const secret of secrets) assert.ok(!everything.includes(secret), secret);
  });

  it("withhold from others what their rows have of somebody: her account, and keys from those who may lose the right", async (t) => {
    const { people } = await demo.config();
    const mireille = await login(t, demo, "mireille.favre");
    const { transfers } = await mireille.ask("GET", "/api/transfers");
    const { id } = transfers.find(({ createdBy }) => createdBy === "mireille.favre");
    const own = await mireille.ask("GET", `/api/dev/held/${id}`);
    const [{ account }] = own.keyServer.account;
    assert.ok(JSON.parse(account).active.bytes, "her own she sees");
    const secrets = Object.values(JSON.parse(account).active).filter((value) => typeof value === "string");
    const length = Buffer.byteLength(account);
    for (const userId of ["ada.okafor", "noah.brunner"]) {
      const other = await login(t, demo, userId);
      const held = await other.ask("GET", `/api/dev/held/${id}`);
      assert.deepEqual(held.keyServer.account, [{ user_id: "mireille.favre", account: { withheld: true, length } }]);
      for (const secret of secrets) assert.ok(!JSON.stringify(held).includes(secret));
      assert.deepEqual(held.application.transfer, own.application.transfer);
      const isSender = people.find((one) => one.userId === userId).facilityId === "city-general";
      assert.ok(held.keyServer.packed.length + held.keyServer.piece.length > 0);
      for (const [place, row] of held.keyServer.packed.entries()) {
        const { pieces } = own.keyServer.packed[place];
        assert.deepEqual(row.pieces, isSender ? pieces : { withheld: true, length: pieces.length });
      }
      for (const [place, { data, wraps }] of held.keyServer.piece.entries()) {
        for (const [value, whole] of [
          [data, own.keyServer.piece[place].data],
          [wraps, own.keyServer.piece[place].wraps],
        ]) {
          assert.deepEqual(value, isSender || whole === null ? whole : { withheld: true, length: whole.length });
        }
      }
    }
  });

  it("give an account back: a code by mail, both shares, a new password", async (t) => {
    const { email, userId } = { email: "mireille.favre@city-general.example", userId: "mireille.favre" };
    // One device of hers at a time: clients of one user in one process are one.
    const other = await login(t, demo, userId);
    await other.close();
    const lost = await device(t, demo, userId);
    const { recoveryId, sentTo } = await lost.wardkey.startRecovery({ userId });
    assert.equal(sentTo, "m•••@city-general.example");
    const { code, subject } = await until(() => mailTo(demo, email), "the mail");
    assert.equal(subject, "Patient transfers: your code");
    const storeLoginSecret = (loginSecret) => lost.ask("PUT", "/api/login-secret", { userId, loginSecret });
    const newPassword = "new herons on the pond";
    await lost.wardkey.finishRecovery({ userId, recoveryId, code, newPassword, storeLoginSecret });
    await assert.rejects(other.ask("GET", "/api/me"), refuses("unauthenticated"));
    assert.ok(!(await demo.config()).people.some((one) => one.userId === userId), "a click doesn't log in any more");
    await lost.close();

    const again = await device(t, demo, userId);
    const loginSecret = await again.wardkey.loginSecret({ userId, password: newPassword });
    await again.ask("POST", "/api/login", { userId, loginSecret });
    assert.equal(await again.wardkey.unlock({ userId, password: newPassword }), "restored");
    const { transfers } = await again.ask("GET", "/api/transfers");
    const session = await again.wardkey.openSession(transfers[0].sessionId);
    session.free();
  });

  it("change a password by the present one, also where the answer was lost", async (t) => {
    const [userId, newPassword] = ["selin.kaya", "copper kettles on the roof"];
    const oldPassword = person(userId).password;
    const selin = await login(t, demo, userId);
    const presentSecret = await selin.wardkey.loginSecret({ userId, password: oldPassword });
    const store = (loginSecret) => selin.ask("PUT", "/api/login-secret", { userId, loginSecret, presentSecret });
    const lost = async (loginSecret) => {
      await store(loginSecret);
      throw new Error("the answer was lost");
    };
    const change = (storeLoginSecret) => selin.wardkey.changePassword({ oldPassword, newPassword, storeLoginSecret });
    await assert.rejects(change(lost), refuses("server"));
    await change(store);
    await selin.close();

    const again = await device(t, demo, userId);
    const logIn = async (password) => {
      const loginSecret = await again.wardkey.loginSecret({ userId, password });
      return again.ask("POST", "/api/login", { userId, loginSecret });
    };
    await assert.rejects(logIn(oldPassword), refuses("unauthenticated"));
    await logIn(newPassword);
    assert.equal(await again.wardkey.unlock({ userId, password: newPassword }), "restored");
  });

  it("keep a transfer for a facility without a group, which then claims and reads it", async (t) => {
    const ada = await login(t, demo, "ada.okafor");
    const facilities = await ada.ask("GET", "/api/facilities");
    const { id: to, contact } = facilities.find(({ groupId }) => groupId === null);
    const session = await ada.wardkey.createSession({
      recipients: [{ placeholder: `facility:${to}`, contact: { email: contact } }],
      managers: [{ group: facilities[0].groupId }],
      includeSelf: false,
    });
    const sealed = Buffer.from(await session.encrypt("a patient for later")).toString("base64url");
    const { id } = await ada.ask("POST", "/api/transfers", { sessionId: session.id, to, sealed });
    session.free();

    const { code: invitation } = await mailTo(demo, contact);
    const first = await register(t, demo, { userId: "anne.first", facilityId: to, invitation });
    assert.equal((await first.ask("GET", "/api/me")).admin, true);
    const waiting = await first.ask("GET", `/api/transfers/${id}`);
    await assert.rejects(first.wardkey.openSession(waiting.sessionId));
    const group = await first.wardkey.createGroup({ name: "St. Anne's" });
    assert.equal((await first.ask("POST", `/api/facilities/${to}/group`, { groupId: group.id })).groupId, group.id);
    const { claimId } = await group.startClaim(`facility:${to}`);
    const mail = await until(async () => {
      const newest = await mailTo(demo, contact);
      return newest.code !== invitation && newest;
    }, "the mail");
    await group.finishClaim({ claimId, code: mail.code });
    assert.equal((await first.wardkey.decrypt(bytes(waiting.sealed))).text(), "a patient for later");
  });

  it("refuse who was removed, both", async (t) => {
    const tomas = await login(t, demo, "tomas.lindqvist");
    const leila = await login(t, demo, "leila.haddad");
    const token = await leila.token();
    await tomas.ask("DELETE", "/api/staff/leila.haddad");
    await assert.rejects(leila.ask("GET", "/api/transfers"), refuses("unauthenticated"));
    // Her token is good for minutes still: the key server was told.
    const asked = await fetch(`${demo.keyServer}/v1/groups`, { headers: { authorization: `Bearer ${token}` } });
    assert.deepEqual([asked.status, (await asked.json()).code], [403, "forbidden"]);
  });

  it("take who was removed and comes again with another password: a code by mail gives back what she had", async (t) => {
    const tomas = await login(t, demo, "tomas.lindqvist");
    const [userId, facilityId, password] = ["leila.haddad", "lakeside", "the bakery is open again"];
    const whom = { userId, name: "Leila Haddad", role: "Head of nursing", admin: false };
    const { invitation } = await tomas.ask("POST", "/api/staff", whom);
    const leila = await device(t, demo, userId);
    const loginSecret = await leila.wardkey.loginSecret({ userId, password });
    await leila.ask("POST", "/api/register", { userId, name: whom.name, facilityId, loginSecret, invitation });
    await assert.rejects(leila.wardkey.register({ userId, password }), refuses("already-registered"));
    await assert.rejects(leila.wardkey.unlock({ userId, password }), refuses("wrong-password"));
    const { recoveryId } = await leila.wardkey.startRecovery({ userId });
    const { code } = await until(() => mailTo(demo, "leila.haddad@lakeside.example"), "the mail");
    const storeLoginSecret = (secret) => leila.ask("PUT", "/api/login-secret", { userId, loginSecret: secret });
    await leila.wardkey.finishRecovery({ userId, recoveryId, code, newPassword: password, storeLoginSecret });
    await leila.ask("POST", "/api/login", { userId, loginSecret });
    const { transfers } = await leila.ask("GET", "/api/transfers");
    const session = await leila.wardkey.openSession(transfers[0].sessionId);
    session.free();
    await leila.close();
    await assert.rejects(login(t, demo, userId), refuses("unauthenticated"));
  });

  it("go on after both were cut off", async (t) => {
    const jonas = await login(t, demo, "jonas.weber");
    const { transfers } = await jonas.ask("GET", "/api/transfers");
    for (const server of Object.values(demo.servers)) await server.kill();
    for (const server of Object.values(demo.servers)) await server.start();
    assert.deepEqual((await jonas.ask("GET", "/api/transfers")).transfers, transfers);
    const session = await jonas.wardkey.openSession(transfers[0].sessionId);
    session.free();
  });

  it("log nothing that names anybody, or that is secret", async (t) => {
    const jonas = await login(t, demo, "jonas.weber");
    const { people } = await jonas.ask("GET", "/api/config");
    const { transfers } = await jonas.ask("GET", "/api/transfers");
    const log = ["app.log", "keys.log"].map((name) => readFileSync(join(place.data, name), "utf8")).join("");
    assert.match(log, /"listening"/);
    const mails = await demo.application.ask("GET", "/api/dev/mail");
    const named = people.flatMap(({ userId, name, demoPassword }) => [userId, name, demoPassword ?? userId]);
    const ids = transfers.flatMap(({ id, sessionId }) => [id, sessionId]);
    for (const text of [...named, ...ids, ...mails.flatMap(({ to, code }) => [to, code]), "eyJ"]) {
      assert.ok(!log.includes(text), text);
    }
  });
});

describe("startDemo", () => {
  it("seeds once; what was begun and not finished begins anew", async (t) => {
    const place = folder();
    t.after(place.remove);
    const first = await started(place.data, { transfers: 1 });
    const before = (await first.config()).escrowKey;
    await first.stop();
    assert.deepEqual(
      ["running.json", "seeded.json"].map((name) => readdirSync(place.data).includes(name)),
      [false, true],
    );
    const second = await started(place.data, { transfers: 1 });
    assert.deepEqual([second.seeded, (await second.config()).escrowKey], [false, before]);
    await second.stop();
    // As where Ctrl-C came while it was seeded.
    rmSync(join(place.data, "seeded.json"));
    const third = await started(place.data, { transfers: 1 });
    const { people, escrowKey } = await third.config();
    assert.deepEqual([third.seeded, people.length, escrowKey !== before], [true, 8, true]);
    await third.stop();
  });
});
