// Key servers over HTTP, for httpBackend(): memoryBackend() behind docs/API.md's headers and statuses. Each has a folder of its own under /keys/, and does what a
// script says in the place of its next answers; it tells what it was asked.
import { text } from "node:stream/consumers";
import { setTimeout as later } from "node:timers";

const STATUS = {
  400: "invalid-argument invalid-format unsupported-version truncated downgrade key-policy kdf-policy key-mismatch unwrap-failed bad-signature pin-mismatch",
  403: "forbidden revoked not-a-recipient otp-wrong",
  404: "unknown-user unknown-group unknown-session no-backup",
  409: "already-registered conflict stale rollback fork",
  410: "otp-expired",
  413: "limit",
  429: "throttled otp-locked",
};
const statusOf = (code) =>
  Number(Object.keys(STATUS).find((status) => STATUS[status].split(" ").includes(code)) ?? 500);
const KEYED = /^\/v1\/(public\/recoveries(\/[\w-]+\/code)?|groups\/[\w-]+\/claims(\/[\w-]+)?)$/;
const CORS = {
  "access-control-allow-headers": "authorization, content-type, idempotency-key, wardkey-user",
  "access-control-allow-methods": "GET, POST, PUT",
  "access-control-expose-headers": "retry-after",
};

const json = (response, status, body, headers = {}) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
const refuse = (response, { code, message, retryAfterMs, attemptsLeft }, status = statusOf(code)) =>
  json(response, status, { code, message, retryAfterMs, attemptsLeft });

/** The user of a token of this test's: "token.<base64url of the user>.<whatever>". */
function userOf({ authorization = "" }) {
  const [, user] = /^Bearer token\.([\w-]+)/.exec(authorization) ?? [];
  return user && Buffer.from(user, "base64url").toString();
}

class Room {
  script = [];
  log = [];
  /** Answers that have no end yet. */
  open = 0;
  /** Answers by idempotency keys. */
  #answered = new Map();
  #backend;

  constructor(memoryBackend) {
    this.#backend = memoryBackend();
  }

  /** What tests ask of the folder itself. */
  async control(what, body, response) {
    if (what === "script") this.script = JSON.parse(body);
    const said = {
      script: null,
      log: this.log,
      codes: this.#backend.deliveredCodes(),
      left: this.script.length,
      open: this.open,
    }[what];
    json(response, 200, said);
    if (what === "log") this.log = [];
  }

  async answer(request, path, body, response) {
    const { method, headers } = request;
    this.log.push({ method, path, headers, body: body.length > 100_000 ? body.length : body });
    this.open += 1;
    response.on("close", () => {
      this.open -= 1;
    });
    const at = this.script.findIndex((step) => step.path === undefined || path.endsWith(step.path));
    const [step] = at < 0 ? [] : this.script.splice(at, 1);
    if (!step || step.lost) await this.#act(method, path, headers, body, step?.lost ? undefined : response);
    if (step) await play(step, request, response);
  }

  async #act(method, path, headers, body, response) {
    const tell = (act) => response && act(response);
    try {
      if (path === "/share") {
        const { reply, cookie } = await this.#share(method, headers, JSON.parse(body));
        tell((response) => json(response, 200, reply, cookie && { "set-cookie": cookie }));
        return;
      }
      const isPublic = path.startsWith("/v1/public/");
      const userId = isPublic ? undefined : userOf(headers);
      if (!isPublic && userId === undefined) {
        return tell((response) => refuse(response, { code: "forbidden", message: "no token" }, 401));
      }
      const named = headers["wardkey-user"] && Buffer.from(headers["wardkey-user"], "base64url").toString();
      if (named !== userId) return tell((response) => refuse(response, { code: "forbidden", message: "another user" }));
      if (path === "/v1/events") return tell((response) => this.#push(userId, response));
      const key = KEYED.test(path) ? headers["idempotency-key"] : undefined;
      const reply =
        (key && this.#answered.get(key)) ??
        (await this.#backend.request(method, path, body === "" ? undefined : JSON.parse(body), {
          ...(isPublic ? { public: true } : { userId }),
        }));
      if (key) this.#answered.set(key, reply);
      tell((response) => json(response, 200, reply));
    } catch (error) {
      tell((response) => refuse(response, error));
    }
  }

  #push(userId, response) {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n");
    const stop = this.#backend.events(userId, (event) => response.write(`data: ${JSON.stringify(event)}\n\n`));
    response.on("close", stop);
  }

  /** docs/API.md, 4.5: an application's service, which gives a ticket for one PUT to whom it gave a share. */
  async #share(method, headers, { userId, share, receipt }) {
    if (method === "POST") {
      const share = await this.#backend.appShare.get(userId, receipt);
      this.ticket = `ticket-${Math.random()}`;
      return { reply: { share }, cookie: `ticket=${this.ticket}; HttpOnly; SameSite=Strict` };
    }
    const hasTicket = this.ticket !== undefined && (headers.cookie ?? "").includes(this.ticket);
    if (userOf(headers) !== userId && !hasTicket) throw { code: "forbidden", message: "who is it?" };
    if (hasTicket && !headers.authorization) this.ticket = undefined;
    await this.#backend.appShare.put(userId, share);
    return { reply: {} };
  }
}

/** `{ status, headers, body | base64: […], gap, drop | hang | cut | open | lost }` */
async function play(step, request, response) {
  const { status = 200, headers = {}, body = "", base64, gap = 0, drop, hang, cut, open, lost, after = 0 } = step;
  if (after) await new Promise((resolve) => later(resolve, after));
  if (drop || lost) return request.socket.destroy();
  if (hang) return undefined;
  response.writeHead(status, headers);
  response.flushHeaders();
  for (const piece of base64 ? base64.map((piece) => Buffer.from(piece, "base64")) : [body]) {
    if (piece.length > 0) response.write(piece);
    if (gap) await new Promise((resolve) => later(resolve, gap));
  }
  if (open) return undefined;
  if (cut) later(() => request.socket.destroy(), 50);
  else response.end();
  return undefined;
}

/** What answers requests under /keys/ and takes no others. `cors`: pages of every origin may ask, but where a step says otherwise. */
export function keyServers(memoryBackend, { cors = false } = {}) {
  const rooms = new Map();
  return (request, response) => {
    const [, name, path] = /^\/keys\/([\w-]+)(\/[^?]*)$/.exec(request.url) ?? [];
    if (name === undefined) return false;
    const room = rooms.get(name) ?? new Room(memoryBackend);
    rooms.set(name, room);
    const what = /^\/(script|log|codes|left|open)$/.exec(path)?.[1];
    response.setHeader("cache-control", "no-store");
    // On a connection that was used before, browsers repeat by themselves what is dropped.
    response.setHeader("connection", "close");
    const { origin } = request.headers;
    const isHidden = room.script[0]?.noCors && !what && request.method !== "OPTIONS";
    if (cors && origin && !isHidden) {
      for (const [header, value] of Object.entries(CORS)) response.setHeader(header, value);
      response.setHeader("access-control-allow-origin", origin);
    }
    if (cors && request.method === "OPTIONS") {
      room.log.push({ method: "OPTIONS", path, headers: request.headers });
      response.writeHead(204).end();
      return true;
    }
    text(request)
      .then((body) => (what ? room.control(what, body, response) : room.answer(request, path, body, response)))
      .catch(() => response.destroy());
    return true;
  };
}
