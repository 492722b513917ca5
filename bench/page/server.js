// The key server of bench/cases/client.js, in a worker: its work is none of the page's.
import { memoryBackend } from "../../pkg/testing.js";

const { request } = memoryBackend();

globalThis.addEventListener("message", async ({ data: { id, given } }) => {
  try {
    postMessage({ id, reply: JSON.stringify(await request(...given)) });
  } catch ({ code, message }) {
    postMessage({ id, error: { code, message } });
  }
});
