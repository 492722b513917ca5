// The WebAssembly module of `wardkey/testing`: one instance, however many key servers are in it.
import * as glue from "./core/wardkey_testing.js";
import { SideModule } from "./side-module.js";
import { packed } from "./testing-data.js";

const side = /* @__PURE__ */ new SideModule(glue, packed, "wardkey/testing", "server");

/** A key server of its own; that of a state, if there is one.
 *  @throws `unsupported-environment`; `invalid-format`, `unsupported-version` for a state that is none */
export async function startServer(state: string | undefined): Promise<glue.TestServer> {
  const { TestServer } = await side.load();
  return call(() => (state === undefined ? new TestServer() : TestServer.restore(state)));
}

/** Runs a call of the module; what it throws becomes a WardkeyError. */
export function call<T>(run: () => T): T {
  return side.call(run);
}
