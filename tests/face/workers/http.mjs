// In a module worker: a key server by an address relative to the worker's own.
import { httpBackend } from "../../pkg/index.js";

const codeOf = (error) => error.code;

addEventListener("message", async ({ data: { url, token, login } }) => {
  const backend = httpBackend({ url, token: () => token });
  const { serverSalt } = await backend.request(...login);
  const code = await backend.request("GET", "/v1/backup", undefined, { userId: "anna" }).catch(codeOf);
  const bad = await backend.request("GET", "v1").catch(codeOf);
  postMessage({ serverSalt: serverSalt.length, code, bad });
});
