// Real key servers for suites that open one after the other: a process for each application that a test asks for, which a page starts and asks through its site.
import { text } from "node:stream/consumers";
import { Application, Server, until } from "../server/harness.mjs";
import { mails } from "../server/mails.mjs";

/** Under this they are asked for. */
const HERE = /^\/real\/(?:(\d+)\/(token|codes|streams)\/([\w-]*))?$/;

/** `answer` takes the requests of `/real/`; `end` ends every process that was started since. */
export function realServers() {
  let running = [];
  let count = 0;

  async function start(appId, origin) {
    const app = new Application(appId);
    const flags = ["--cors-origin", origin, "--public-rate", "1000000", "--user-rate", "100000"];
    const server = await Server.start(app.flags(...flags));
    count += 1;
    const name = String(count);
    running.push({ name, app, server });
    const [{ escrow_key: escrowKey }] = server.logged("serves");
    return { name, url: server.url, credential: app.credential, escrowKey };
  }

  async function act(request) {
    const [, name, what, given] = HERE.exec(request.url) ?? [];
    if (request.method === "POST") {
      return start(JSON.parse(await text(request)).appId, `http://${request.headers.host}`);
    }
    const { app, server } = running.find((one) => one.name === name);
    if (what === "token") return app.token(Buffer.from(given, "base64url").toString());
    if (what === "streams") {
      return server.logged("answered").filter(({ path, status }) => path === "/v1/events" && status === 200).length;
    }
    const sent = () => mails(app.path("mail")).map(({ to, userId, code }) => ({ to, userId, code }));
    return until(() => sent().length >= Number(given) && sent(), `${given} mails`);
  }

  return {
    answer(request, response) {
      if (!HERE.test(request.url)) return false;
      // Tests keep this process busy: a connection that waits could end under the next request.
      response.setHeader("connection", "close");
      act(request).then(
        (said) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(said)),
        (error) => response.writeHead(500, { "content-type": "text/plain" }).end(String(error?.stack ?? error)),
      );
      return true;
    },
    async end() {
      const ending = running;
      running = [];
      // Streams of events that are open would hold them up.
      await Promise.all(ending.map(({ server }) => server.kill()));
      for (const { app } of ending) app.remove();
    },
  };
}
