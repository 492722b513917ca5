// What changed, pushed: the stream as it goes over the line.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { after, before, describe, it } from "node:test";
import { registered } from "./client.mjs";
import { Application, command, Server, until } from "./harness.mjs";

describe("the stream of events", () => {
  let app;
  let server;
  let alice;
  before(async () => {
    app = new Application();
    server = await Server.start(app.flags("--user-rate", "1000"));
    alice = await registered(server, app, "alice");
  });
  after(async () => {
    await alice?.wardkey.close();
    await server?.stop();
    app?.remove();
  });

  /** Listens: what came so far, and whether it has ended. */
  async function listen(userId, { token = app.token(userId), on = server } = {}) {
    const abort = new AbortController();
    const answer = await fetch(`${on.url}/v1/events`, {
      headers: { authorization: `Bearer ${token}` },
      signal: abort.signal,
    });
    const stream = {
      status: answer.status,
      headers: answer.headers,
      text: "",
      ended: false,
      stop: () => abort.abort(),
    };
    (async () => {
      const decoder = new TextDecoder();
      try {
        for await (const piece of answer.body) stream.text += decoder.decode(piece, { stream: true });
      } catch {
        // It was ended here, or cut off.
      }
      stream.ended = true;
    })();
    return stream;
  }

  it("begins at once, as what it is, and tells a user of her feed alone", async () => {
    const bob = await registered(server, app, "bob");
    const streams = { alice: await listen("alice"), bob: await listen("bob") };
    assert.equal(streams.bob.status, 200);
    assert.equal(streams.bob.headers.get("content-type"), "text/event-stream");
    assert.equal(streams.bob.headers.get("cache-control"), "no-store");
    await until(() => streams.bob.text.startsWith("retry: "), "the beginning");
    const session = await alice.wardkey.createSession({ recipients: [{ user: "bob" }] });
    await session.revokeRecipients([{ user: "bob" }]);
    for (const stream of Object.values(streams)) {
      await until(() => stream.text.includes('data: {"type":"feed"}\n\n'), "the event");
    }
    await registered(server, app, "carla");
    const carla = await listen("carla");
    await session.revokeAll();
    await until(() => streams.alice.text.match(/"feed"/g).length >= 2, "another event");
    assert.ok(!carla.text.includes("data:"));
    for (const stream of [...Object.values(streams), carla]) stream.stop();
    await bob.wardkey.close();
  });

  it("needs a token of a registered user, and ends with it", async () => {
    assert.equal((await listen("alice", { token: "" })).status, 401);
    assert.equal((await listen("nobody")).status, 404);
    const short = await listen("alice", { token: app.token("alice", { life: 2 }) });
    assert.equal(short.status, 200);
    await until(() => short.ended, "its end");
  });

  it("ends for who is disabled, and when the server stops", async () => {
    await registered(server, app, "dan");
    const dan = await listen("dan");
    const admin = ["admin", "--url", server.url, "--credential-file", app.path("credential")];
    assert.equal(command(...admin, "disable", "dan").status, 0);
    await until(() => dan.ended, "its end");
    assert.equal((await listen("dan")).status, 403);

    const other = new Application();
    const second = await Server.start(other.flags());
    const eve = await registered(second, other, "eve");
    const stream = await listen("eve", { token: other.token("eve"), on: second });
    await eve.wardkey.close();
    const begun = Date.now();
    assert.deepEqual(await second.stop(), { code: 0, signal: null });
    // It would wait for 20 seconds for whoever doesn't go.
    assert.ok(Date.now() - begun < 15_000);
    await until(() => stream.ended, "its end");
    other.remove();
  });

  it("is had by one user so often, and no more", async () => {
    await (await registered(server, app, "fay")).wardkey.close();
    const streams = [];
    for (let i = 0; i < 21; i++) streams.push(await listen("fay"));
    assert.deepEqual([streams.at(-2).status, streams.at(-1).status], [200, 429]);
    for (const stream of streams) stream.stop();
    await until(async () => {
      const again = await listen("fay");
      again.stop();
      return again.status === 200;
    }, "places that are free again");
  });
});

describe("TLS", () => {
  it("ends here, where a certificate is given", async () => {
    const app = new Application();
    const tls = (name) => new URL(`tls/${name}`, import.meta.url).pathname;
    const server = await Server.start(
      app.flags("--tls-cert", tls("localhost.pem"), "--tls-key", tls("localhost.key.pem")),
    );
    assert.match(server.url, /^https:/);
    const ca = readFileSync(tls("localhost.pem"));
    const status = await new Promise((resolve, reject) => {
      request(`${server.url}/health`, { ca }, (answer) => resolve(answer.statusCode))
        .on("error", reject)
        .end();
    });
    assert.equal(status, 200);
    await assert.rejects(fetch(server.url.replace("https", "http")));
    await server.stop();
    const missing = command("serve", ...app.flags("--tls-cert", "/nowhere", "--tls-key", "/nowhere"));
    assert.match(missing.stderr, /--tls-cert \/nowhere/);
    app.remove();
  });
});
