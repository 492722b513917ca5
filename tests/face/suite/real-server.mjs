// A real key server as the tests of the client take it: httpBackend(), and what an application's server and an operator have beside it (../real-servers.mjs).
import { base64url, until, utf8 } from "./tools.mjs";

/** Starts of recoveries and claims: a mail each. */
const MAILED = /^\/v1\/(public\/recoveries|groups\/[^/]+\/claims)$/;
const get = globalThis.fetch;

async function ask(address, body) {
  const response = await get(address, body && { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${address}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** One for this application, with the members of memoryBackend() that tests use; a process of its own. */
export async function openRealServer(tools, appId) {
  const { httpBackend } = await tools.internal("http-backend");
  const { name, url, credential, escrowKey } = await ask(tools.realServers, { appId });
  const at = `${tools.realServers}${name}/`;
  const backends = new Map();
  /** A user's, logged in; nobody's is without a token. */
  function backendOf(userId = "") {
    let token;
    const login = () => {
      token ??= ask(`${at}token/${base64url(utf8(userId))}`);
      return token;
    };
    if (!backends.has(userId)) backends.set(userId, httpBackend({ url, token: login }));
    return backends.get(userId);
  }
  const application = httpBackend({ url, token: () => credential });
  const shares = new Map();
  let mailed = 0;
  return {
    async request(method, path, body, options) {
      const reply = await backendOf(options?.userId).request(method, path, body, options);
      if (method === "POST" && MAILED.test(path)) mailed += 1;
      return reply;
    },
    events: (userId, onEvent) => backendOf(userId).events(userId, onEvent),
    /** What the application's service checks before it gives one out is its own: tests/server has none of that either. */
    appShare: {
      put: async (userId, share) => void shares.set(userId, share),
      get: async (userId) => shares.get(userId),
    },
    /** As many as were sent, once they are there. */
    codes: () => ask(`${at}codes/${mailed}`),
    /** So many streams of pushes have begun. */
    listened: (count) => until(`${count} listen`, async () => (await ask(`${at}streams/`)) >= count),
    escrowKey: async () => escrowKey,
    async assignPlaceholder(placeholder, groupId) {
      let more = true;
      while (more) ({ more } = await application.request("POST", "/v1/assignments", { placeholder, groupId }));
    },
  };
}
