// The key server, asked over HTTP. Here is what is checked at once; the rest is a file of its own, which a page with another backend doesn't load.
import { isObject, MAX_NAME, shortText, toOptions, wellFormed } from "./arguments.js";
import { type Backend, toAppShare, toText } from "./backend.js";
import { invalid, WardkeyError } from "./errors.js";
import type { Http } from "./http.js";

export interface HttpBackendOptions {
  /** Where the key server is: absolute, or relative to the page. Requests go to this and `/v1/…`. */
  url: string;
  /** The token of the user who is logged in. It is asked for by each request that needs one, and once more where the server says 401: keep it, and renew it when it ends. */
  token: () => Promise<string> | string;
  /** In the place of the global one. */
  fetch?: typeof fetch;
  /** The application's half of the two-man rule, or the address of a service that has it (docs/API.md, 4.5). */
  appShare?: Backend["appShare"] | { url: string };
}

/** The key server at this address. What is safe to repeat is repeated a few times, where nobody answered or the server failed; an answer that isn't the key server's is `server`.
 *  @throws `invalid-argument` */
export function httpBackend(options: HttpBackendOptions): Backend {
  const { url, token, fetch, appShare } = toOptions(options, ["url", "token", "fetch", "appShare"]);
  if (typeof token !== "function") throw invalid("token is not a function");
  if (fetch !== undefined && typeof fetch !== "function") throw invalid("fetch is not a function");
  const share = isObject(appShare) && "url" in appShare ? toUrl(toOptions(appShare, ["url"]).url) : undefined;
  const settings = { url: toUrl(url).replace(/\/+$/, ""), share, token, fetch };

  let loading: Promise<Http> | undefined;
  function http(): Promise<Http> {
    loading ??= import("./http.js").then(
      ({ Http }) => new Http(settings),
      (cause) => {
        loading = undefined;
        throw new WardkeyError("network", "a part of the package could not be loaded", { cause });
      },
    );
    return loading;
  }
  // Before it is needed: the device may be off line then.
  http().catch(() => undefined);

  const backend: Backend = {
    async request(method, path, body, asked) {
      const text = toText(body);
      return (await http()).request(method, path, text, asked);
    },
    events(userId, onEvent) {
      shortText(userId, "the user id", MAX_NAME, "invalid-argument");
      if (typeof onEvent !== "function") throw invalid("the listener is not a function");
      const stopped = new AbortController();
      http().then(
        (http) => http.listen(userId, onEvent, stopped.signal),
        () => undefined,
      );
      return () => stopped.abort();
    },
  };
  if (share !== undefined) {
    backend.appShare = {
      put: async (userId, share) => (await http()).putShare(userId, share),
      get: async (userId, receipt) => (await http()).getShare(userId, receipt),
    };
  } else if (appShare !== undefined) backend.appShare = toAppShare(appShare);
  return backend;
}

function toUrl(given: unknown): string {
  const text = wellFormed(given, "url");
  const page =
    typeof document === "object" ? document.baseURI : typeof location === "object" ? location.href : undefined;
  let url: URL | undefined;
  try {
    url = new URL(text, page);
  } catch {
    // There is no page, or it is nonsense.
  }
  if (!text || !url || !/^https?:/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw invalid("url is no address of http or https, without user, query and fragment");
  }
  return url.origin + url.pathname;
}
