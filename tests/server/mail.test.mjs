// Codes by a real mail server: SMTP, with and without TLS and a password, and one that is away for a while.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { SMTPServer } from "smtp-server";
import { freePort } from "../../scripts/free-port.mjs";
import { read, registered } from "./client.mjs";
import { Application, Server, until } from "./harness.mjs";

/** A mail server that keeps what it is given. */
class Post {
  mails = [];
  sessions = [];

  static async start({ port = 0, refuse, ...options } = {}) {
    const post = new Post();
    post.server = new SMTPServer({
      disabledCommands: ["STARTTLS"],
      authOptional: true,
      closeTimeout: 100,
      ...options,
      onAuth: ({ username, password }, _session, callback) =>
        callback(username === "wardkey" && password === "p@ss/word" ? null : new Error("wrong"), { user: username }),
      onData(stream, session, callback) {
        const pieces = [];
        stream.on("data", (piece) => pieces.push(piece));
        stream.on("end", () => {
          const why = refuse?.();
          if (why) return callback(Object.assign(new Error("refused"), { responseCode: why }));
          post.mails.push({
            ...read(Buffer.concat(pieces).toString("utf8")),
            user: session.user,
            secure: session.secure,
          });
          callback();
        });
      },
    });
    post.server.on("error", () => undefined);
    post.server.listen(port, "127.0.0.1");
    await once(post.server.server, "listening");
    post.port = post.server.server.address().port;
    return post;
  }

  stop() {
    return new Promise((resolve) => this.server.close(resolve));
  }
}

describe("codes by mail", () => {
  let app;
  before(() => {
    app = new Application();
  });
  after(() => app.remove());
  let people = 0;

  /** A server that mails there, and a user with a contact. */
  async function serving(t, url, ...more) {
    const data = app.path(`data-${people}`);
    const flags = app.flags(
      "--smtp",
      url,
      "--mail-from",
      "Ward 7 <keys@hospital.example>",
      "--mail-service",
      "Ward 7",
      ...more,
    );
    flags[flags.indexOf("--data") + 1] = data;
    const server = await Server.start(flags);
    // A stop would wait for mails that are tried again.
    t.after(() => server.kill());
    const userId = `user-${people++}`;
    const { wardkey } = await registered(server, app, userId, { email: `${userId}@hospital.example` });
    await wardkey.close();
    const start = (headers) => server.ask("POST", "/v1/public/recoveries", { body: { userId }, headers });
    return { server, userId, start };
  }

  it("go to the contact, from the operator's address, in the browser's language or the operator's", async (t) => {
    const post = await Post.start();
    t.after(() => post.stop());
    const { server, userId, start } = await serving(t, `smtp://127.0.0.1:${post.port}`, "--mail-language", "de");
    const languages = [
      ["fr-FR,fr;q=0.9,en;q=0.5", /^Subject: Ward 7 : votre code/im, /Votre code est/],
      ["en-GB", /^Subject: Ward 7: your code/im, /Your code is/],
      ["it", /^Subject: Ward 7: Ihr Code/im, /Ihr Code lautet/],
    ];
    for (const [place, [language, subject, says]] of languages.entries()) {
      assert.equal((await start({ "accept-language": language })).status, 200);
      const mail = await until(() => post.mails[place], "the mail");
      assert.equal(mail.to, `${userId}@hospital.example`);
      assert.match(mail.head, /^From: "?Ward 7"? <keys@hospital.example>/im);
      assert.match(mail.head, /^Auto-Submitted: auto-generated/im);
      assert.match(mail.head, subject);
      assert.match(mail.text, says);
      assert.ok(mail.text.includes(userId));
      assert.match(mail.code, /^\d{8}$/);
      assert.ok(!mail.text.includes("�"), "umlauts arrive");
    }
    assert.equal(new Set(post.mails.map(({ code }) => code)).size, 3);
    const log = server.log.join("\n");
    for (const { code } of post.mails) assert.ok(!log.includes(code));
    assert.ok(!log.includes("@hospital.example"));
  });

  it("wait for a mail server that is away, or refuses for a while", async (t) => {
    const port = await freePort();
    const { server, start } = await serving(t, `smtp://127.0.0.1:${port}`);
    assert.equal((await start()).status, 200, "the request doesn't wait for the mail");
    await until(() => server.logged("a mail is tried again").length > 0, "a first try");
    let refusals = 1;
    const post = await Post.start({ port, refuse: () => (refusals-- > 0 ? 451 : undefined) });
    t.after(() => post.stop());
    await until(() => post.mails.length === 1, "the mail", 150_000);
    assert.match(server.logged("a mail is tried again").at(-1).why, /451/);
  });

  it("are given up where the mail server refuses for good", async (t) => {
    const post = await Post.start({ refuse: () => 550 });
    t.after(() => post.stop());
    const { server, start } = await serving(t, `smtp://127.0.0.1:${post.port}`);
    await start();
    await until(() => server.logged("a mail was given up").length === 1, "the log");
    assert.equal(post.mails.length, 0);
  });

  it("go with a user and a password, which no log tells", async (t) => {
    const post = await Post.start({ authOptional: false, allowInsecureAuth: true, authMethods: ["PLAIN", "LOGIN"] });
    t.after(() => post.stop());
    const url = `smtp://wardkey:${encodeURIComponent("p@ss/word")}@127.0.0.1:${post.port}`;
    const { server, start } = await serving(t, url);
    await start();
    await until(() => post.mails.length === 1, "the mail");
    assert.equal(post.mails[0].user, "wardkey");
    assert.ok(!server.log.join().includes("p@ss"));
  });

  it("go to nobody over TLS whose certificate isn't good", async (t) => {
    const tls = (name) => readFileSync(new URL(`tls/${name}`, import.meta.url));
    const post = await Post.start({ secure: true, key: tls("localhost.key.pem"), cert: tls("localhost.pem") });
    t.after(() => post.stop());
    const { server, start } = await serving(t, `smtps://localhost:${post.port}`);
    await start();
    await until(() => server.logged("a mail is tried again").length > 0, "a first try");
    assert.equal(post.mails.length, 0);
  });
});
