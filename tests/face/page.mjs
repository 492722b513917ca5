// In the page: runs one test when it is asked to.
import * as pkg from "../pkg/index.js";
import elsewhere from "./suite/http-elsewhere.mjs";
import { suites } from "./suite/index.mjs";
import { makeTools } from "./suite/tools.mjs";

const root = new URL("../", import.meta.url).href;
const made = makeTools({ environment: "browser", load: (path) => import(`${root}${path}`), url: root });
const isReal = new URLSearchParams(location.search).has("real");
const tools = { ...made, realServers: isReal ? `${root}real/` : undefined };

/** What went wrong, as text; nothing if nothing did. */
globalThis.runTest = async (suite, name) => {
  try {
    await { ...suites, elsewhere }[suite][name](pkg, tools);
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
  }
};
