// The WebAssembly module of `wardkey/testing`: one instance, however many key servers are in it.
import * as glue from "./core/wardkey_testing.js";
import { type KnownErrorCode, WardkeyError } from "./errors.js";
import { packed } from "./testing-data.js";
import { unpack } from "./unpack.js";

let loading: Promise<void> | undefined;
/** After a trap nothing in the module can be relied on. */
let dead: WardkeyError | undefined;

/** A key server of its own; that of a state, if there is one.
 *  @throws `unsupported-environment`; `invalid-format`, `unsupported-version` for a state that is none */
export async function startServer(state: string | undefined): Promise<glue.TestServer> {
  loading ??= load().catch((error) => {
    loading = undefined;
    throw error;
  });
  await loading;
  return call(() => (state === undefined ? new glue.TestServer() : glue.TestServer.restore(state)));
}

async function load(): Promise<void> {
  if (typeof WebAssembly !== "object") {
    throw new WardkeyError("unsupported-environment", "there is no WebAssembly here");
  }
  const bytes = await unpack(packed);
  try {
    glue.initSync({ module: await WebAssembly.compile(bytes) });
  } catch (cause) {
    throw new WardkeyError("unsupported-environment", "the WebAssembly module of wardkey/testing does not start", {
      cause,
    });
  }
}

/** An error as the API has it. */
interface Refusal {
  code: KnownErrorCode;
  message: string;
  retryAfterMs?: number;
  attemptsLeft?: number;
}

/** Runs a call of the module; what it throws becomes a WardkeyError. */
export function call<T>(run: () => T): T {
  if (dead) throw dead;
  try {
    return run();
  } catch (e) {
    if (typeof e === "string") {
      const refusal: Refusal = JSON.parse(e);
      throw new WardkeyError(refusal.code, refusal.message, refusal);
    }
    dead = new WardkeyError("server", "the key server in this page failed: load the page again", { cause: e });
    throw dead;
  }
}
