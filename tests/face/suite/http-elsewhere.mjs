// httpBackend() to a key server of another origin than the page's, of which a page is told what CORS allows.
import { directory, errorOf, login, openServer, read } from "./http.mjs";
import { equal, ok } from "./tools.mjs";

const elsewhere = () => new URLSearchParams(location.search).get("elsewhere");
const HTML = { headers: { "content-type": "text/html" }, body: "<h1>Bad gateway</h1>" };
const error = (code) => ({ headers: { "content-type": "application/json" }, body: JSON.stringify({ code }) });

export default {
  "requests, and errors": async (pkg, tools) => {
    const server = openServer(pkg, tools, elsewhere());
    const backend = server.backend();
    ok((await backend.request(...login)).serverSalt, "public");
    equal((await errorOf(() => backend.request(...read))).code, "no-backup", "of a user");
    equal(
      (await errorOf(() => backend.request("POST", "/v1/public/recoveries", { userId: "anna" }, { public: true })))
        .code,
      "no-backup",
    );
    const asked = (await server.log()).filter(({ method }) => method !== "OPTIONS");
    equal(asked.length, 3, "each once");
    ok(asked[2].headers["idempotency-key"] && asked[1].headers["wardkey-user"], "with all headers");
    // Seen because the server exposes it.
    await server.script({
      status: 429,
      headers: { ...error("throttled").headers, "retry-after": "70" },
      body: '{"code":"throttled"}',
    });
    equal((await errorOf(() => backend.request(...login))).retryAfterMs, 70_000, "Retry-After");
  },

  push: async (pkg, tools) => {
    const server = openServer(pkg, tools, elsewhere());
    const text = btoa('data: {"type":"feed"}\n\n').replaceAll("=", "");
    await server.script({ headers: { "content-type": "text/event-stream" }, base64: [text], open: true });
    const event = await new Promise((resolve) => {
      const stop = server.backend().events("anna", (event) => {
        stop();
        resolve(event);
      });
    });
    equal(event, { type: "feed" }, "an event");
  },

  "a gateway that knows no CORS has answered all the same": async (pkg, tools) => {
    const server = openServer(pkg, tools, elsewhere());
    const backend = server.backend();
    for (const [given, step] of [
      [login, { status: 502 }],
      [directory, { status: 504 }],
      [login, { status: 302, headers: { location: "https://portal.example/" } }],
      [login, { status: 200 }],
    ]) {
      await server.script(...Array(4).fill({ ...HTML, ...step, noCors: true }));
      const { code, message, cause } = await errorOf(() => backend.request(...given));
      equal([code, cause?.code], ["server", "network"], `${step.status}`);
      ok(message.includes("CORS"), message);
    }
    await server.script();
  },

  "nobody there": async (pkg) => {
    const backend = pkg.httpBackend({ url: "http://127.0.0.1:9/", token: () => "x" });
    equal((await errorOf(() => backend.request(...login))).code, "network", "no connection");
  },
};
