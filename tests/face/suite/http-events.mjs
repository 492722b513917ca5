// Push of httpBackend(): server-sent events over fetch, from a real server.
import { hurried, isRandom, openServer, within } from "./http.mjs";
import { base64url, equal, ok, soon, until, utf8 } from "./tools.mjs";

const STREAM = { status: 200, headers: { "content-type": "text/event-stream" } };
const stream = (text, more = {}) => ({ ...STREAM, base64: [base64url(utf8(text))], ...more });
const FEED = { type: "feed" };
/** Without a word a stream ends. */
const SILENCE_MS = 60_000;

/** Listens to a server of its own; `heard` has what came. */
async function listening(pkg, tools, script, options) {
  const server = openServer(pkg, tools);
  await server.script(...script);
  const heard = [];
  const stop = server.backend(options).events("anna", (event) => heard.push(event));
  return { server, heard, stop };
}

/** A page of which is said whether it is seen, and whether it is on line; in Node there is none. */
function stage(tools) {
  const isPage = tools.environment === "browser";
  const page = isPage ? document : new EventTarget();
  const own = isPage ? globalThis : new EventTarget();
  const become = (state) => {
    Object.defineProperty(page, "visibilityState", { value: state, configurable: true });
    page.dispatchEvent(new Event("visibilitychange"));
  };
  return {
    async run(act) {
      const listen = own.addEventListener.bind(own);
      if (!isPage) return within("document", page, () => within("addEventListener", listen, act));
      await act();
      delete page.visibilityState;
    },
    show: () => become("visible"),
    hide: () => become("hidden"),
    online: () => own.dispatchEvent(new Event("online")),
  };
}

const PARSED = [
  ["data: one\n\ndata: two\n\n", ["one", "two"]],
  ["data: one\r\n\r\ndata: two\r\n\r\n", ["one", "two"]],
  ["data: one\r\rdata: two\r\r", ["one", "two"]],
  ["data: one\r\n\ndata: two\n\r\n", ["one", "two"]],
  ["\ufeffdata: one\n\n", ["one"]],
  ["\ufeff\ufeffdata: one\n\n", []],
  ["data: one\n\ufeffdata: two\n\n", ["one"]],
  ["data: one\ndata: two\ndata\ndata:three\n\n", ["one\ntwo\n\nthree"]],
  [": a comment\n:\ndata: one\n: another\n\n\n\n", ["one"]],
  ["data:  one \n\n", [" one "]],
  ["data: a: b\n\n", ["a: b"]],
  ["data:\n\ndata\n\n", ["", ""]],
  ["event: feed\nid: 7\nretry: x\ndata: one\nunknown: 1\n data: 2\n\nevent: feed\n\n", ["one"]],
  ["data: Ünsal → 😀\r\ndata: 𝄞\r\n\r\n", ["Ünsal → 😀\n𝄞"]],
  ["data: one\u2028two\u0085three\u000bfour\n\n", ["one\u2028two\u0085three\u000bfour"]],
  ["data: one\n\ndata: without an end\n", ["one"]],
  ["retry: 70\ndata: one\n\n", ["one"], 70],
  ["retry: 1\nretry: -5\nretry:2000\nretry: 3 \n", [], 2000],
];

export default {
  "text/event-stream, whole and in two pieces at each byte": async (_pkg, tools) => {
    const { EventStream } = await tools.internal("event-stream");
    let cases = 0;
    for (const [text, expected, retry] of PARSED) {
      const bytes = utf8(text);
      for (let at = 0; at <= bytes.length; at += 1) {
        for (const size of [bytes.length, 1]) {
          const decoder = new TextDecoder();
          const parser = new EventStream();
          const found = [];
          const push = (piece) => found.push(...parser.push(decoder.decode(piece, { stream: true })));
          // In two pieces, or the second one byte by byte.
          push(bytes.subarray(0, at));
          for (let from = at; from < bytes.length; from += size) push(bytes.subarray(from, from + size));
          equal([found, parser.retry], [expected, retry], `${JSON.stringify(text)} at ${at}`);
          cases += 1;
        }
      }
    }
    ok(cases > 500, `${cases} cases`);
    const endless = new EventStream();
    let pushed = 0;
    try {
      for (; pushed < 1000; pushed += 1) endless.push(`${pushed % 2 ? "" : "\ndata: "}${"x".repeat(1000)}`);
    } catch (error) {
      equal(error.name, "RangeError", "an event without an end");
    }
    ok(pushed < 100, `after ${pushed} pieces`);
  },

  "what is pushed comes in, and nothing after stop()": async (pkg, tools) => {
    const text =
      '\ufeff: hello\r\ndata: {"type":"feed"}\r\n\r\ndata: no JSON\r\n\r\ndata: {"type":\r\ndata: "Ünsal 😀"}\r\n\r\n';
    const bytes = [...utf8(text)].map((byte) => base64url(Uint8Array.of(byte)));
    const step = {
      ...STREAM,
      headers: { "content-type": "text/event-stream; charset=utf-8" },
      base64: bytes,
      gap: 2,
      open: true,
    };
    const { server, heard, stop } = await listening(pkg, tools, [step]);
    await until("both", () => heard.length === 2);
    equal(heard, [FEED, { type: "Ünsal 😀" }], "byte by byte");
    const [{ method, path, headers }] = await server.log();
    equal([method, path, headers.accept], ["GET", "/v1/events", "text/event-stream"], "asked");
    equal(
      [headers.authorization, headers["wardkey-user"]],
      [`Bearer ${server.token("anna")}`, base64url(utf8("anna"))],
      "who",
    );
    equal(await server.open(), 1, "it is held");
    stop();
    stop();
    await soon(100);
    equal(heard.length, 2, "nothing more");
    equal(await server.log(), [], "nor asked again");
    await until("nor held", async () => (await server.open()) === 0);
    // Two at once, of which the first one is enough.
    await server.script(stream("data: 1\n\ndata: 2\n\n", { open: true }));
    const some = [];
    const end = server.backend().events("anna", (event) => {
      some.push(event);
      end();
    });
    await until("the first", () => some.length > 0);
    await soon(50);
    equal(some, [1], "stopped by its listener");
    await server.log();
    // One that is stopped before it has begun, and one whose listener throws at nobody.
    server.backend().events("anna", () => {})();
    await soon(100);
    equal(await server.log(), [], "stopped at once");
  },

  "real events, of a real change": async (pkg, tools) => {
    const server = openServer(pkg, tools);
    const open = (userId) =>
      pkg.Wardkey.open({
        appId: "app.example",
        backend: server.backend({ token: () => server.token(userId) }),
        userId,
        kdf: { name: "argon2id", memoryKiB: 19_456, passes: 2 },
        identityStore: "memory",
      });
    const anna = await open("anna");
    const account = { userId: "anna", password: "three blue herons at dawn" };
    await anna.register(account);
    const other = await open("anna");
    const heard = [];
    const stop = server.backend().events("anna", (event) => heard.push(event));
    // Both clients have one stream: they are one identity.
    await until("all listen", async () => (await server.open()) === 2);
    await anna.changePassword({ oldPassword: account.password, newPassword: "another" });
    await until("the backup", () => heard.length > 0);
    equal(heard[0].type, "backup", "pushed");
    ok(Number.isSafeInteger(heard[0].version), "its version");
    stop();
    for (const one of [anna, other]) await one.close();
  },

  "a stream that ends begins again, later each time, and tells of the feed": async (pkg, tools) => {
    const ended = stream(': \n\ndata: {"n":1}\n\n');
    await hurried(async (waits) => {
      const cut = { ...ended, cut: true };
      const { server, heard, stop } = await listening(pkg, tools, [ended, cut, { ...ended, open: true }]);
      await until("the third", () => heard.length === 5);
      equal(heard, [{ n: 1 }, FEED, { n: 1 }, FEED, { n: 1 }], "after each break");
      equal(await server.left(), 0, "all of it");
      stop();
      ok(waits.length > 0, "with pauses");
    });
    // Where the first connection fails, something may have been missed since events() was called.
    await hurried(async () => {
      const { heard, stop } = await listening(pkg, tools, [{ status: 502 }, { ...ended, open: true }]);
      await until("the second", () => heard.length === 2);
      equal(heard, [FEED, { n: 1 }], "after a failure");
      stop();
    });
    const pauses = [];
    await hurried(async (waits) => {
      const { server, stop } = await listening(pkg, tools, Array(9).fill({ status: 502 }));
      await until("the tenth", async () => (await server.left()) === 0);
      await until("the ninth pause", () => waits.filter(isRandom).length >= 9);
      stop();
      pauses.push(...waits.filter(isRandom).slice(0, 9));
    });
    equal(pauses.length, 9, "pauses");
    ok(
      pauses.every((ms, at) => ms <= Math.min(60_000, 1_000 * 2 ** at)),
      `from little, never more than a minute: ${pauses}`,
    );
    ok(Math.max(...pauses) > 5_000, `growing: ${pauses}`);
  },

  "the server says how long": async (pkg, tools) => {
    const pauses = [];
    // At random: eight of thirty seconds that are all below one would be a wonder.
    for (let round = 0; round < 8; round += 1) {
      await hurried(async (waits) => {
        const script = [stream("retry: 30000\n\n"), { ...stream("data: 1\n\n"), open: true }];
        const { heard, stop } = await listening(pkg, tools, script);
        await until("again", () => heard.length === 2);
        stop();
        const [pause] = waits.filter(isRandom);
        ok(pause <= 30_000 && pauses.push(pause), `${waits}`);
      });
    }
    ok(Math.max(...pauses) > 1_000, `more than without: ${pauses}`);
    await hurried(async (waits) => {
      const script = [
        { status: 503, headers: { "retry-after": "45" } },
        { ...stream("data: 1\n\n"), open: true },
      ];
      const { heard, stop } = await listening(pkg, tools, script);
      await until("again", () => heard.length === 2);
      stop();
      ok(
        waits.some((ms) => ms >= 45_000 && ms <= 46_000),
        `${waits}`,
      );
    });
  },

  "silence ends a stream, comments don't": async (pkg, tools) => {
    // Heartbeats, and then none.
    const beats = Array(5).fill(base64url(utf8(":\n")));
    await hurried(async (waits, pass) => {
      const script = [
        { ...STREAM, base64: beats, gap: 200, open: true },
        { ...stream("data: 2\n\n"), open: true },
      ];
      const { server, heard, stop } = await listening(pkg, tools, script);
      // At first there is the limit of the answer, then one more for each beat.
      for (const count of [1, 2, 3, 4, 5]) {
        await until(`beat ${count}`, () => waits.filter((ms) => ms === SILENCE_MS).length > count);
        equal(pass(SILENCE_MS - 1_000), 0, `beat ${count}: limits that have ended`);
      }
      equal(await server.left(), 1, "it is still the first");
      equal(pass(SILENCE_MS), 1, "then silence");
      await until("the second", () => heard.length === 2);
      equal(heard, [FEED, 2], "what came");
      stop();
    });
  },

  "tokens, and who may not listen": async (pkg, tools) => {
    const { server, heard, stop } = await listening(pkg, tools, [
      { status: 401 },
      { ...stream("data: 1\n\n"), open: true },
    ]);
    await until("again", () => heard.length === 2);
    const used = (await server.log()).map(({ headers }) => headers.authorization.split(".")[2]);
    equal(used, ["1", "2"], "another token");
    stop();
    // None is good: it isn't asked for without a pause.
    const refused = await listening(pkg, tools, Array(20).fill({ status: 401 }));
    await soon(400);
    ok((await refused.server.left()) > 8, `${await refused.server.left()} of 20 are left`);
    refused.stop();
    for (const status of [204, 403, 404, 405]) {
      await hurried(async (waits) => {
        const { server, stop } = await listening(pkg, tools, Array(4).fill({ status }));
        await until(`${status}: but after ten minutes`, () => waits.some((ms) => ms >= 600_000));
        await soon(300);
        equal(await server.left(), 3, `${status}: it isn't asked again`);
        stop();
      });
    }
    // What isn't a stream is no break of minutes, and a token that can't be had is asked for again.
    await hurried(async () => {
      let tokens = 0;
      const token = () => {
        tokens += 1;
        if (tokens < 3) throw new Error("no login yet");
        return "token.YW5uYQ.1";
      };
      const html = { status: 200, headers: { "content-type": "text/html" }, body: "data: 7\n\n" };
      const { heard, stop } = await listening(pkg, tools, [html, { ...stream("data: 1\n\n"), open: true }], { token });
      await until("at last", () => heard.length === 2);
      equal(heard, [FEED, 1], "nothing of the page");
      stop();
    });
  },

  "on line again, and seen again": async (pkg, tools) => {
    const open = (text) => ({ ...stream(text), open: true });
    const scene = stage(tools);
    // A pause would take minutes.
    const act = () =>
      hurried(async (waits, pass) => {
        const failing = { status: 503, headers: {} };
        const { server, heard, stop } = await listening(pkg, tools, [
          ...Array(3).fill(failing),
          open("data: 1\n\n"),
          {
            ...STREAM,
            base64: [base64url(utf8("data: 2\n\n")), ...Array(2).fill(base64url(utf8(":\n")))],
            gap: 300,
            open: true,
          },
          open("data: 3\n\n"),
        ]);
        for (const count of [1, 2, 3]) {
          await until(`pause ${count}`, () => waits.filter(isRandom).length === count);
          equal(await server.left(), 6 - count, `try ${count}`);
          if (count % 2) scene.show();
          else scene.online();
        }
        await until("a stream", () => heard.length === 2);
        scene.hide();
        scene.show();
        await soon(100);
        equal(await server.left(), 2, "one that is alive is left alone");
        const limits = () => waits.filter((ms) => ms === SILENCE_MS).length;
        const before = limits();
        scene.online();
        await until("another", () => heard.length === 4);
        equal(heard.slice(2), [FEED, 2], "a line that was away is not trusted");
        // One of the answer, one of the event, and one of each beat.
        for (const beats of [1, 2]) {
          await until(`beat ${beats}`, () => limits() === before + 2 + beats);
          pass(20_000);
          scene.hide();
          scene.show();
          await soon(50);
          equal(await server.left(), 1, "one that says something is left alone");
        }
        pass(10_000);
        scene.hide();
        equal(await server.left(), 1, "nobody looks");
        scene.show();
        await until("the last", () => heard.length === 6);
        stop();
        scene.online();
        await soon(50);
        equal(heard.length, 6, "nothing after stop()");
      }, 0.01);
    await scene.run(act);
  },
};
