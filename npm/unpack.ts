// A WebAssembly module as scripts/build.mjs packs it: base64 of its gzip form, whose checksum catches a flipped byte.
import { WardkeyError } from "./errors.js";

/** @throws `unsupported-environment` if it is damaged, or without DecompressionStream */
export async function unpack(packed: string): Promise<ArrayBuffer> {
  if (typeof DecompressionStream !== "function") {
    throw new WardkeyError("unsupported-environment", "there is no DecompressionStream here: use wardkey/slim");
  }
  try {
    const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
    return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  } catch (cause) {
    throw new WardkeyError("unsupported-environment", "the WebAssembly module inside the package is damaged", {
      cause,
    });
  }
}
