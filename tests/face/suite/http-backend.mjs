// httpBackend(): requests over real HTTP, to key servers that do as a script says (../key-server.mjs).
import { directory, ends, errorOf, hurried, isRandom, KDF, login, openServer, read, within } from "./http.mjs";
import { allFail, base64url, equal, FAST, fails, ok, soon, until, utf8 } from "./tools.mjs";

const API_CODES =
  "invalid-argument invalid-format unsupported-version truncated downgrade key-policy kdf-policy key-mismatch unwrap-failed bad-signature pin-mismatch forbidden revoked not-a-recipient otp-wrong unknown-user unknown-group unknown-session no-backup already-registered conflict stale rollback fork otp-expired limit throttled otp-locked".split(
    " ",
  );
const HTML = {
  headers: { "content-type": "text/html; charset=utf-8" },
  body: "<h1>Please log in: secret-of-the-page</h1>",
};
const own = (status, error, headers = {}) => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(error),
});
const id = "A".repeat(22);
const group = "A".repeat(43);
/** What isn't recognised by its content. */
const KEYED = [
  ["POST", "/v1/public/recoveries", { userId: "anna" }, { public: true }],
  ["POST", `/v1/public/recoveries/${id}/code`, { code: "12345678", key: "" }, { public: true }],
  ["POST", `/v1/groups/${group}/claims`, { placeholder: "ward" }, { userId: "anna" }],
  ["POST", `/v1/groups/${group}/claims/${id}`, { code: "12345678" }, { userId: "anna" }],
];

export default {
  "bad options, at once": async (pkg, tools) => {
    const { url } = openServer(pkg, tools);
    const token = () => "x";
    const given = { url, token };
    const cases = [
      undefined,
      null,
      "x",
      {},
      { url },
      { token },
      { ...given, url: 7 },
      { ...given, url: "" },
      { ...given, url: "\ud800" },
      { ...given, url: "http://" },
      { ...given, url: "ftp://keys.example" },
      { ...given, url: "data:,x" },
      { ...given, url: "https://anna@keys.example" },
      { ...given, url: "https://:secret@keys.example" },
      { ...given, url: "https://keys.example/?a=b" },
      { ...given, url: "https://keys.example/#a" },
      { ...given, url: new URL(url) },
      { ...given, token: "x" },
      { ...given, token: undefined },
      { ...given, fetch: "x" },
      { ...given, fetch: null },
      { ...given, appShare: null },
      { ...given, appShare: 7 },
      { ...given, appShare: {} },
      { ...given, appShare: { put: token } },
      { ...given, appShare: { url: 7 } },
      { ...given, appShare: { url: "" } },
      { ...given, appShare: { url, put: token } },
      { ...given, timeout: 7 },
      ...(tools.environment === "node" ? [{ ...given, url: "/keys" }] : []),
    ];
    await allFail(
      pkg,
      cases.map((options) => [JSON.stringify(options), () => pkg.httpBackend(options)]),
    );
    equal(pkg.httpBackend(given).appShare, undefined, "without a share");
    const appShare = { put: async () => {}, get: async () => "x" };
    ok(pkg.httpBackend({ ...given, appShare }).appShare === appShare, "an own one, as it is");
    const slim = await tools.slim();
    ok(slim.httpBackend === pkg.httpBackend, "in both entries");
  },

  "bad requests": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    const cyclic = {};
    cyclic.self = cyclic;
    await allFail(
      pkg,
      [
        ["get", "/v1/backup"],
        ["PATCH", "/v1/backup"],
        [undefined, "/v1/backup"],
        ["GET", "v1/backup"],
        ["GET", "@elsewhere.example/v1/backup"],
        ["GET", undefined],
        ["GET", "/v1/backup", {}],
        ["POST", "/v1/directory", cyclic],
        ["POST", "/v1/directory", () => {}],
        ["POST", "/v1/directory", {}, null],
        ["POST", "/v1/directory", {}, { user: "anna" }],
        ["POST", "/v1/directory", {}, { public: 1 }],
        ["POST", "/v1/directory", {}, { signal: 1 }],
        ["POST", "/v1/directory", {}, { userId: "\ud800" }],
        ["POST", "/v1/directory", {}, { userId: "x".repeat(129) }],
        ["POST", "/v1/directory", {}, { idempotencyKey: "" }],
        ["POST", "/v1/directory", {}, { idempotencyKey: "a\nb" }],
        ["POST", "/v1/directory", {}, { idempotencyKey: "é" }],
      ].map((given) => [given.slice(0, 2).join(" "), () => backend.request(...given)]),
    );
    await fails(pkg, "invalid-argument", () => backend.events("\ud800", () => {}));
    await fails(pkg, "invalid-argument", () => backend.events("x".repeat(129), () => {}));
    await fails(pkg, "invalid-argument", () => backend.events("anna"));
    equal(await server.log(), [], "nothing was sent");
    equal(server.tokens, 0, "nobody was asked for a token");
  },

  "what is sent": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    // biome-ignore lint/suspicious/noDocumentCookie: every browser has it
    if (tools.environment === "browser") document.cookie = "session=of-the-page";
    const first = await backend.request(...login);
    equal([first.kdf.name, first.serverSalt.length], ["argon2id", 43], "the reply");
    equal(server.tokens, 0, "a public request needs no token");
    await ends(() => backend.request(...read), "no-backup", "of a user");
    await ends(
      () => backend.request("GET", "/v1/backup", undefined, { userId: "Ünsal→😀" }),
      "forbidden",
      "another's token",
    );
    await ends(
      () => backend.request(...KEYED[0].slice(0, 3), { public: true, userId: "anna" }),
      "no-backup",
      "public, of a user",
    );
    const [open, own, other, named] = await server.log();
    equal([open.method, open.path, JSON.parse(open.body)], [...login.slice(0, 3)], "what was asked");
    equal(open.headers["content-type"], "application/json", "JSON");
    equal([own.method, own.path, own.body], ["GET", "/v1/backup", ""], "without a body");
    equal(own.headers["content-type"], undefined, "of no type");
    const said = ({ headers }) => [headers.authorization, headers["wardkey-user"], headers["idempotency-key"]];
    equal(said(open), [undefined, undefined, undefined], "public");
    equal(
      said(own),
      [`Bearer ${`token.${base64url(utf8("anna"))}.1`}`, base64url(utf8("anna")), undefined],
      "of a user",
    );
    equal(other.headers["wardkey-user"], base64url(utf8("Ünsal→😀")), "any user");
    equal(said(named).slice(0, 2), [undefined, undefined], "public wins");
    for (const { headers } of [open, own, other, named]) {
      equal([headers.cookie, headers.referer], [undefined, undefined], "nothing else of the page");
      equal(headers.accept, "application/json", "accept");
    }
  },

  "what is sent is what was given": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const body = { appId: "app.example", userId: "anna", kdf: { ...KDF } };
    // The rest of the backend is loaded first.
    const asked = server.backend().request("POST", "/v1/public/login", body, { public: true });
    body.userId = "bob";
    body.kdf.name = "x";
    await asked;
    const [{ body: sent }] = await server.log();
    equal(JSON.parse(sent), login[2], "at the time of the call");
  },

  "the address": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    for (const url of [`${server.url}/`, `${server.url}///`, `${server.url}/deeper/..`]) {
      await server.backend({ url }).request(...login);
      equal(await server.paths(), ["POST /v1/public/login"], url);
    }
    if (tools.environment === "node") return;
    const { pathname } = new URL(server.url);
    // The page's is /face/page.html.
    for (const url of [pathname, `..${pathname}/`]) {
      await server.backend({ url }).request(...login);
      equal(await server.paths(), ["POST /v1/public/login"], url);
    }
  },

  "a story: two people, a session, another device, a recovery": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const appId = "app.example";
    const open = (userId) => {
      const token = () => server.token(userId);
      const backend = server.backend({ token, appShare: { url: `${server.url}/share` } });
      return pkg.Wardkey.open({ appId, backend, userId, kdf: FAST, identityStore: "memory" });
    };
    const [anna, bob] = [await open("anna"), await open("bob")];
    const accounts = ["anna", "bob"].map((userId) => ({ userId, password: `the password of ${userId}` }));
    await anna.register({ ...accounts[0], recoveryContact: { email: "anna@hospital.example" } });
    await bob.register(accounts[1]);
    const session = await anna.createSession({ recipients: [{ user: "bob" }] });
    const sealed = await session.encrypt("fever since monday");
    equal((await bob.decrypt(sealed)).text(), "fever since monday", "a record");
    const revoked = new Promise((resolve) => {
      bob.addEventListener("revoked", ({ detail }) => resolve(detail.sessionIds));
    });
    // Push has to be there first: otherwise the feed would be read in its time.
    const listens = ({ path, headers }) => path === "/v1/events" && headers["wardkey-user"] === base64url(utf8("bob"));
    await until("push", async () => (await server.log()).some(listens));
    await session.revokeRecipients([{ user: "bob" }]);
    equal(await revoked, [session.id], "pushed");
    await bob.close();
    await server.log();

    const { recoveryId, sentTo } = await anna.startRecovery({ userId: "anna" });
    equal(sentTo, "a•••@hospital.example", "where the code went");
    const { code } = (await server.codes()).at(-1);
    const wrong = { userId: "anna", recoveryId, code: "not it", newPassword: "another" };
    await ends(() => anna.finishRecovery(wrong), { code: "otp-wrong", attemptsLeft: 4 }, "a wrong code");
    await anna.finishRecovery({ userId: "anna", recoveryId, code, newPassword: "another" });
    const puts = (await server.log()).filter(({ path, method }) => path === "/share" && method === "PUT");
    // A browser brings the ticket that it was given with the share; without one the application wants a token.
    const tokens = puts.map(({ headers }) => headers.authorization !== undefined);
    equal(tokens, tools.environment === "node" ? [false, true] : [false], "the new share");
    equal((await anna.decrypt(sealed)).text(), "fever since monday", "the same keys");
    await anna.close();
    const again = await open("anna");
    equal(await again.unlock({ userId: "anna", password: "another" }), "restored", "another device");
    equal((await again.decrypt(sealed)).text(), "fever since monday", "a record");
    await again.close();
  },

  "errors of the key server, none of which is repeated": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    for (const code of API_CODES) {
      const numbers = { retryAfterMs: 70_000, attemptsLeft: 3 };
      await server.script(own(400, { code, message: `its words: ${code}`, ...numbers }));
      const error = await errorOf(() => backend.request(...directory));
      ok(error instanceof pkg.WardkeyError, code);
      equal([error.code, error.message], [code, `its words: ${code}`], "as it is");
      equal({ ...numbers, ...error }, { ...numbers, name: "WardkeyError", code }, "with its numbers");
    }
    equal((await server.log()).length, API_CODES.length, "one request each");
    // Numbers that are none, and a message that is none.
    await server.script(own(403, { code: "otp-wrong", message: 7, retryAfterMs: -1, attemptsLeft: "3" }));
    const error = await errorOf(() => backend.request(...directory));
    equal(
      [error.code, error.message, error.retryAfterMs, error.attemptsLeft],
      ["otp-wrong", "otp-wrong", undefined, undefined],
    );
  },

  "answers that aren't the key server's": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    const json = { "content-type": "application/json" };
    for (const [step, code, told] of [
      [{ ...HTML, status: 200 }, "server", "status 200, text/html"],
      [{ ...HTML, status: 200, headers: {} }, "server", "status 200, no type"],
      [{ ...HTML, status: 200, headers: json }, "server", "status 200, application/json"],
      [{ status: 200, headers: json, body: "[]" }, "server", "status 200"],
      [{ status: 200, headers: json, body: "null" }, "server", "status 200"],
      [{ status: 200, headers: json, body: "" }, "server", "without content"],
      [{ status: 204 }, "server", "without content"],
      [{ ...HTML, status: 400 }, "server", "status 400"],
      [{ ...HTML, status: 401 }, "forbidden", "status 401"],
      [{ ...HTML, status: 403 }, "forbidden", "status 403, text/html"],
      [{ ...HTML, status: 404 }, "server", "status 404"],
      [{ ...HTML, status: 413 }, "limit", "status 413"],
      [{ ...HTML, status: 429 }, "throttled", "status 429"],
      [{ ...HTML, status: 511 }, "server", "status 511"],
      [own(400, { error: "gateway" }), "server", "status 400, application/json"],
      // What no key server can know: that nobody answered, that this page was closed.
      [own(400, { code: "network", message: "off" }), "server", "status 400"],
      [own(400, { code: "aborted" }), "server", "status 400"],
      [own(400, { code: "wrong-password" }), "server", "status 400"],
      [own(403, { code: "not-invented-yet" }), "forbidden", "status 403"],
      [own(400, { code: 7 }), "server", "status 400"],
      [{ ...own(200, { code: "revoked" }), body: '"revoked"' }, "server", "status 200"],
    ]) {
      await server.script(step);
      const error = await errorOf(() => backend.request(...login));
      equal(error.code, code, JSON.stringify(step));
      ok(error.message.includes(told) && !error.message.includes("secret"), error.message);
      equal((await server.log()).length, 1, `once: ${JSON.stringify(step)}`);
    }
  },

  "a redirection isn't followed": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const elsewhere = openServer(pkg, tools);
    for (const status of [301, 302, 307, 308]) {
      await server.script({ status, headers: { location: `${elsewhere.url}/v1/directory` } });
      const error = await errorOf(() => server.backend().request(...directory));
      equal(error.code, "server", `${status}`);
      ok(error.message.includes("redirection"), error.message);
    }
    equal(await elsewhere.log(), [], "nothing goes there");
    equal((await server.log()).length, 4, "nor a second time here");
  },

  "what failed is repeated, a few times and with pauses at random": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    const failures = {
      "no code": (status) => ({ ...HTML, status }),
      "an own code": (status) => own(status, { code: "server", message: "the disk" }),
    };
    for (const [name, failure] of Object.entries(failures)) {
      for (const status of [500, 502, 503, 504]) {
        await server.script(failure(status));
        ok((await backend.request(...login)).serverSalt, `${name}, ${status}`);
        equal((await server.log()).length, 2, "twice");
      }
    }
    for (const step of [{ drop: true }, { ...own(200, {}), body: '{"kdf":', cut: true }]) {
      await server.script(step, step, step);
      ok((await backend.request(...login)).serverSalt, JSON.stringify(step));
      equal(await server.left(), 0, "all of the script");
    }
    await server.log();
    const all = [];
    for (let round = 0; round < 6; round += 1) {
      await server.script(...Array(9).fill(own(503, { code: "server", message: "the disk" })));
      const waits = await hurried(async () => {
        const error = await errorOf(() => backend.request(...login));
        equal([error.code, error.message], ["server", "the disk"], "what it said last");
      }, 10);
      all.push(waits.filter(isRandom));
      equal(await server.left(), 5, "four tries");
    }
    ok(
      all.flat().every((ms) => ms <= 1600),
      `${all}`,
    );
    ok(new Set(all.flat()).size > 6, `at random: ${all}`);
    const longest = (at) => Math.max(...all.map((waits) => waits[at] ?? 0));
    ok(longest(0) <= 400 && longest(1) <= 800 && longest(2) <= 1600, `more each time: ${all}`);
  },

  "what never answers is `network`": async (pkg, tools) => {
    const nobody = pkg.httpBackend({ url: "http://127.0.0.1:9/", token: () => "x" });
    if (tools.environment === "node") await fails(pkg, "network", () => nobody.request(...login), "no connection");
    const server = openServer(pkg, tools);
    const backend = server.backend();
    await server.script({ drop: true }, { drop: true }, { drop: true }, { drop: true });
    const { code, cause } = await errorOf(() => backend.request(...login));
    ok(code === "network" && cause instanceof Error, "cut before an answer");
    await server.script(...Array(4).fill({ ...own(200, {}), body: '{"kdf":', cut: true }));
    const half = await errorOf(() => backend.request(...login));
    // WebKitGTK takes the end of the connection for the end of the answer.
    ok(["network", "server"].includes(half.code), `cut in the middle of an answer: ${half.code}`);
    equal(await server.left(), 0, "it was tried again");
    // A try of 20 seconds, and another: no third begins.
    for (const [what, step] of [
      ["no answer", { hang: true }],
      ["half an answer", { ...own(200, {}), body: "{", open: true }],
    ]) {
      await server.script(...Array(4).fill(step));
      await hurried(async (_waits, pass) => {
        const call = fails(pkg, "network", () => backend.request(...login), what);
        for (const left of [3, 2]) {
          await until(what, async () => (await server.left()) === left);
          await until(`${what}: the limit`, () => pass(5_000) > 0);
        }
        await call;
      });
      equal(await server.left(), 2, `${what}: tries in vain`);
    }
    await server.script();
  },

  "who is said to be off line is asked, but once": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    const navigator = { onLine: false };
    await within("navigator", navigator, async () => {
      ok((await backend.request(...login)).serverSalt, "it isn't so");
      await server.log();
      await server.script({ drop: true }, { drop: true });
      await fails(pkg, "network", () => backend.request(...login), "it is so");
      equal(await server.left(), 1, "once");
      navigator.onLine = true;
      ok((await backend.request(...login)).serverSalt, "it was so");
    });
  },

  "slow lines": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    const pieces = [...JSON.stringify({ cursor: "x" })].map((char) => base64url(utf8(char)));
    // 14 characters, each of which is waited for anew: for 15 s.
    await server.script({ ...own(200, {}), base64: pieces, gap: 100 });
    await hurried(async (waits, pass) => {
      let [seen, isOver] = [0, false];
      const call = backend.request(...login).finally(() => {
        isOver = true;
      });
      while (!isOver) {
        const limits = waits.filter((ms) => ms >= 20_000).length;
        if (limits > seen) equal(pass(15_000), 0, `limit ${limits}`);
        seen = limits;
        await soon(5);
      }
      equal(await call, { cursor: "x" }, "an answer that drips");
      ok(seen > 4, `${seen} limits`);
    });
    equal((await server.log()).length, 1, "at the first try");
    // 24 MiB take 25 minutes at 16 KB a second.
    await server.script({ ...own(200, {}), body: "{}", after: 1_000 });
    const waits = await hurried(async (waits, pass) => {
      const body = { backup: "A".repeat(24 << 20) };
      const call = backend.request("PUT", "/v1/backup/pending", body, { userId: "anna" });
      await until("its limit", () => waits.some((ms) => ms >= 20_000));
      equal(pass(1_500_000), 0, "limits that have ended");
      equal(await call, {}, "a long body");
    });
    ok(Math.max(...waits) > 1_500_000, `it was waited ${Math.max(...waits)} ms`);
    equal(
      (await server.log()).map(({ body }) => body),
      [(24 << 20) + 13],
      "once, whole",
    );
  },

  "a server that wants to be asked later": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    const throttled = (retryAfterMs, headers) => own(429, { code: "throttled", message: "x", retryAfterMs }, headers);
    const date = "Sun, 22 Nov 2026 10:00:00 GMT";
    const then = "Sun, 22 Nov 2026 10:00:05 GMT";
    for (const [name, step, least] of [
      ["of the API", throttled(3_000), 3_000],
      ["a header", throttled(undefined, { "retry-after": "2" }), 2_000],
      ["both", throttled(4_000, { "retry-after": "9" }), 4_000],
      ["a gateway's", { ...HTML, status: 429, headers: { "retry-after": "2" } }, 2_000],
      ["a date", throttled(undefined, { date, "retry-after": then }), 5_000],
      ["a date of the past", throttled(undefined, { date: then, "retry-after": date }), 0],
      ["a gateway that is down", { ...HTML, status: 503, headers: { "retry-after": "6" } }, 6_000],
      ["a server that is down", own(503, { code: "server", retryAfterMs: 7_000 }), 7_000],
    ]) {
      await server.script(step);
      const waits = await hurried(async () => ok((await backend.request(...login)).serverSalt, name), 20);
      ok(least === 0 || waits.some((ms) => ms >= least && ms <= least + 400), `${name}: ${waits}`);
      equal((await server.log()).length, 2, name);
    }
    for (const [name, step, expected] of [
      ["too long", throttled(60_000), { code: "throttled", retryAfterMs: 60_000 }],
      ["a little too long", throttled(10_001), { code: "throttled", retryAfterMs: 10_001 }],
      [
        "too long, a header",
        { ...HTML, status: 429, headers: { "retry-after": "3600" } },
        { code: "throttled", retryAfterMs: 3_600_000 },
      ],
      ["for no time", throttled(), "throttled"],
      ["nonsense", throttled(undefined, { "retry-after": "soon" }), "throttled"],
      [
        "down for long",
        { ...HTML, status: 503, headers: { "retry-after": "120" } },
        { code: "server", retryAfterMs: 120_000 },
      ],
      ["another code", own(429, { code: "otp-locked", retryAfterMs: 1 }), { code: "otp-locked", retryAfterMs: 1 }],
    ]) {
      await server.script(step);
      await ends(() => backend.request(...login), expected, name);
      equal((await server.log()).length, 1, name);
    }
    // Again and again: it gives up.
    await server.script(...Array(9).fill(throttled(9_000)));
    await hurried(
      () => ends(() => backend.request(...login), { code: "throttled", retryAfterMs: 9_000 }, "for ever"),
      20,
    );
    equal(await server.left(), 5, "four tries");
  },

  "what isn't recognised by its content has a key": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const backend = server.backend();
    const keys = new Set();
    for (const given of KEYED) {
      const [, path] = given;
      await server.script({ ...HTML, status: 502 }, { drop: true });
      await errorOf(() => backend.request(...given));
      const sent = (await server.log()).map(({ headers }) => headers["idempotency-key"]);
      equal([sent.length, new Set(sent).size], [3, 1], `${path}: the same again`);
      ok(/^[\w-]{22}$/.test(sent[0]), sent[0]);
      keys.add(sent[0]);
      await errorOf(() => backend.request(...given.slice(0, 3), { ...given[3], idempotencyKey: "my-own:1" }));
      equal(
        (await server.log()).map(({ headers }) => headers["idempotency-key"]),
        ["my-own:1"],
        `${path}: a given one`,
      );
    }
    equal(keys.size, KEYED.length, "for each another");
    for (const path of [
      "/v1/public/login",
      "/v1/public/recoveries/x/activate",
      "/v1/groups",
      "/v1/groups/x/claims/y/z",
      "/v1/keys",
    ]) {
      await errorOf(() => backend.request("POST", path, {}, { public: true }));
    }
    await errorOf(() => backend.request("PUT", `/v1/public/recoveries/${id}/pending`, {}, { public: true }));
    ok(
      (await server.log()).every(({ headers }) => headers["idempotency-key"] === undefined),
      "all others have none",
    );
  },

  "a code whose answer is lost is mailed once": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const token = () => server.token("anna");
    const backend = server.backend({ token, appShare: { url: `${server.url}/share` } });
    const options = { appId: "app.example", backend, userId: "anna", kdf: FAST, identityStore: "memory" };
    const anna = await pkg.Wardkey.open(options);
    const password = "three blue herons at dawn";
    await anna.register({ userId: "anna", password, recoveryContact: { email: "anna@hospital.example" } });
    await server.script({ path: "/v1/public/recoveries", lost: true });
    const { recoveryId } = await anna.startRecovery({ userId: "anna" });
    const codes = await server.codes();
    equal(codes.length, 1, "codes");
    // Nor is a right code used up by an answer that is lost.
    await server.script({ path: "/code", lost: true });
    await anna.finishRecovery({ userId: "anna", recoveryId, code: codes[0].code, newPassword: "another" });
    equal(anna.status, "ready", "recovered");
    await anna.close();
  },

  tokens: async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const refused = own(401, { code: "forbidden", message: "ended" });
    const backend = server.backend();
    await server.script(refused);
    await ends(() => backend.request(...read), "no-backup", "one that had ended");
    const used = (await server.log()).map(({ headers }) => headers.authorization.split(".")[2]);
    equal(used, ["1", "2"], "another one");
    for (const step of [refused, { ...HTML, status: 401 }]) {
      await server.script(step, step, step);
      await ends(() => backend.request(...read), "forbidden", "none is good");
      equal(await server.left(), 1, "asked twice");
    }
    await server.log();
    const before = server.tokens;
    await server.script(refused);
    await ends(() => backend.request(...login), "forbidden", "public");
    equal([(await server.log()).length, server.tokens - before], [1, 0], "without a token there is none to renew");

    const mine = new pkg.WardkeyError("network", "the login server is away", { retryAfterMs: 5 });
    const other = new TypeError("Failed to fetch");
    const thrower = (error) => () => {
      throw error;
    };
    for (const [token, code, isSame] of [
      [thrower(mine), "network", true],
      [() => Promise.reject(mine), "network", true],
      [thrower(other), "server", false],
      [() => Promise.reject(other), "server", false],
      [() => undefined, "forbidden"],
      [async () => "", "forbidden"],
      [() => "a b", "forbidden"],
      [() => "a\r\nx-evil: 1", "forbidden"],
      [() => "é", "forbidden"],
      [() => 7, "forbidden"],
    ]) {
      const error = await errorOf(() => server.backend({ token }).request(...read));
      equal(error.code, code, String(token));
      if (isSame !== undefined) ok(isSame ? error === mine : error.cause === other, "and which it was");
      ok(error instanceof pkg.WardkeyError && !error.message.includes("evil"), "a WardkeyError");
    }
    equal(await server.log(), [], "nothing was sent");
    ok((await server.backend({ token: thrower(other) }).request(...login)).serverSalt, "public requests need none");
  },

  "a signal": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const reason = new Error("the page is left");
    let [tokens, waits, fetches] = [0, [], 0];
    const aborted = async (what, backend, script, isUnderWay, given = login) => {
      await server.script(...script);
      await server.log();
      const ended = new AbortController();
      const options = { ...given[3], signal: ended.signal };
      const call = errorOf(() => backend.request(...given.slice(0, 3), options));
      await until(`${what}: it is under way`, isUnderWay);
      const since = performance.now();
      ended.abort(reason);
      const error = await call;
      // Otherwise it would be at least nine seconds.
      ok(performance.now() - since < 7_000, `${what}: at once`);
      equal([error.code, error.message], ["aborted", "the call was aborted"], what);
      ok(error.cause === reason, `${what}: why`);
      return server.log();
    };
    const backend = server.backend();
    const asked = async () => (await server.left()) === 0;
    equal((await aborted("an answer that doesn't come", backend, [{ hang: true }], asked)).length, 1);
    equal((await aborted("half an answer", backend, [{ body: "{", open: true }], asked)).length, 1);
    const later = own(429, { code: "throttled", retryAfterMs: 9_000 });
    // A pause in its own time.
    await hurried(async (all) => {
      waits = all;
      const pauses = () => waits.some((ms) => ms >= 9_000 && isRandom(ms));
      equal((await aborted("a pause", backend, [later], pauses)).length, 1);
    }, 1);
    const never = () => new Promise(() => {});
    const token = () => {
      tokens += 1;
      return never();
    };
    const wantsToken = () => tokens > 0;
    equal((await aborted("a token that doesn't come", server.backend({ token }), [], wantsToken, read)).length, 0);
    const deaf = () => {
      fetches += 1;
      return never();
    };
    await aborted("a fetch that hears nothing", server.backend({ fetch: deaf }), [], () => fetches > 0);
    const signal = AbortSignal.abort(reason);
    const error = await errorOf(() => backend.request(...login.slice(0, 3), { public: true, signal }));
    ok(error.code === "aborted" && error.cause === reason, "before");
    equal(await server.log(), [], "nothing was sent");
    // One that is aborted afterwards does nothing, and is not held.
    const kept = new AbortController();
    await backend.request(...login.slice(0, 3), { public: true, signal: kept.signal });
    kept.abort();
  },

  "another fetch": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const seen = [];
    const { fetch } = globalThis;
    async function own(...given) {
      seen.push(this === globalThis, given[1].redirect, given[1].credentials);
      return fetch(...given);
    }
    await server.backend({ fetch: own }).request(...login);
    equal(seen, [true, "manual", "omit"], "as the global one is called");
    const backend = server.backend();
    seen.length = 0;
    await within("fetch", own, () => backend.request(...login));
    equal(seen.length, 3, "the global one is the one of the time of the call");
    await within("fetch", undefined, () => fails(pkg, "unsupported-environment", () => backend.request(...login)));
    const thrown = new pkg.WardkeyError("server", "my own");
    const error = await errorOf(() => server.backend({ fetch: () => Promise.reject(thrown) }).request(...login));
    ok(error === thrown, "its WardkeyErrors stay what they are");
  },

  "in a module worker": async (pkg, tools) => {
    if (tools.environment === "node") return;
    const server = openServer(pkg, tools);
    const worker = new Worker(`${tools.url}face/workers/http.mjs`, { type: "module" });
    const found = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(`the worker: ${event.message}`));
      worker.postMessage({ url: new URL(server.url).pathname, token: server.token("anna"), login });
    });
    worker.terminate();
    equal(found, { serverSalt: 43, code: "no-backup", bad: "invalid-argument" }, "requests");
    equal(await server.paths(), ["POST /v1/public/login", "GET /v1/backup"], "to the address of its origin");
  },

  "the application's share": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const { appShare } = server.backend({ appShare: { url: `${server.url}/share` } });
    const share = "A".repeat(43);
    await appShare.put("anna", share);
    const [put] = await server.log();
    equal([put.method, put.path, JSON.parse(put.body)], ["PUT", "/share", { userId: "anna", share }], "put");
    ok(put.headers.authorization.startsWith("Bearer "), "with a token");
    equal([put.headers["wardkey-user"], put.headers["idempotency-key"]], [undefined, undefined], "and no more");
    await server.script({ ...HTML, status: 502 }, { drop: true });
    await appShare.put("anna", share);
    equal((await server.log()).length, 3, "put is repeated");
    await server.script({ ...HTML, status: 200 });
    await fails(pkg, "server", () => appShare.put("anna", share), "a portal keeps no share");
    await server.script({ status: 204 });
    await appShare.put("anna", share);
    await server.log();

    // It is given out once: who asks again would be told that it was.
    for (const [step, code] of [
      [{ drop: true }, "network"],
      [{ ...HTML, status: 503 }, "server"],
      [own(404, { code: "no-backup" }), "no-backup"],
      [own(401, { code: "forbidden" }), "forbidden"],
      [own(200, { share: 7 }), "server"],
      [{ status: 204 }, "server"],
    ]) {
      await server.script(step);
      await fails(pkg, code, () => appShare.get("anna", "receipt"), JSON.stringify(step));
      const [get, ...more] = await server.log();
      equal([get.method, get.headers.authorization, more.length], ["POST", undefined, 0], "asked once");
    }
    await server.script(own(429, { code: "throttled", retryAfterMs: 100 }), own(200, { share }));
    equal(await appShare.get("anna", "receipt"), share, "but where nothing was done");
    equal(JSON.parse((await server.log())[0].body), { userId: "anna", receipt: "receipt" }, "get");
    // Whose share was given out has forgotten her password: the next one goes without a token, once.
    const before = server.tokens;
    await server.script({ status: 204 });
    await appShare.put("anna", share);
    equal([(await server.log())[0].headers.authorization, server.tokens], [undefined, before], "without");
    await appShare.put("anna", share);
    ok((await server.log())[0].headers.authorization, "with");
    await allFail(pkg, [
      ["put", () => appShare.put("anna")],
      ["put", () => appShare.put(7, share)],
      ["get", () => appShare.get("anna", {})],
      ["get", () => appShare.get("x".repeat(129), "receipt")],
    ]);
  },
};
