// Which implementation does the heavy work: the WebCrypto of the environment, or the WebAssembly module. What comes out is the same.
import { invalid, WardkeyError } from "./errors.js";

/** Which implementation does bulk encryption, RSA and PBKDF2. Bytes on the wire are the same for each.
 *  "auto" (default): WebCrypto where it is present (secure context) and faster, the WebAssembly code otherwise. */
export type Engine = "auto" | "webcrypto" | "wasm";

let chosen: Engine = "auto";

/** Chooses for the calls that begin from now on.
 *  @throws `invalid-argument`; `unsupported-environment` for "webcrypto" where there is no `crypto.subtle`: a page of plain http that isn't localhost */
export function setEngine(engine: Engine): void {
  if (engine !== "auto" && engine !== "webcrypto" && engine !== "wasm") {
    throw invalid('the engine is "auto", "webcrypto" or "wasm"');
  }
  if (engine === "webcrypto" && !available()) {
    throw new WardkeyError("unsupported-environment", "there is no WebCrypto here: the page is no secure context");
  }
  chosen = engine;
}

/** The one that is chosen.
 *  @internal */
export function chosenEngine(): Engine {
  return chosen;
}

/** WebCrypto, if the chosen engine lets it be used for work of this size; "auto" takes it from `worthwhile` on.
 *  @internal */
export function webCrypto(size = 0, worthwhile = 0): SubtleCrypto | undefined {
  if (chosen === "wasm" || (chosen === "auto" && size < worthwhile)) return undefined;
  return available();
}

/** WebCrypto, if this is a secure context.
 *  @internal */
export function available(): SubtleCrypto | undefined {
  return typeof crypto === "object" ? (crypto.subtle as SubtleCrypto | undefined) : undefined;
}
