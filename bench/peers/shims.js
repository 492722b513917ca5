// What peers that were written for Node take for granted; esbuild imports it wherever these names are used.
import process from "process/browser.js";

export { Buffer } from "buffer";
export { process };
