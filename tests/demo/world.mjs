// The demo's servers in a folder that goes after the tests, seeded small; and people of it, each with a device of her own.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDemo } from "../../scripts/demo.mjs";
import { Application, Person } from "../../www/seed/application.mjs";

const { people } = JSON.parse(readFileSync(new URL("../../www/seed/demo.json", import.meta.url), "utf8"));
export const person = (userId) => people.find((one) => one.userId === userId);
/** The page is no part of these tests. */
const page = fileURLToPath(new URL("page", import.meta.url));

/** A folder for one demo. */
export function folder() {
  const data = mkdtempSync(join(tmpdir(), "wardkey-demo-"));
  return { data, remove: () => rmSync(data, { recursive: true, force: true }) };
}

/** Running servers, on ports that the system chooses. */
export async function started(data, options = {}) {
  const running = await startDemo({ data, page, port: 0, keysPort: 0, transfers: 12, ...options });
  const application = new Application(running.url);
  return { ...running, application, config: () => application.ask("GET", "/api/config") };
}

/** Somebody's device; he isn't logged in. */
export async function device(t, { application, config }, userId) {
  const one = await Person.open(application, await config(), { userId, name: userId });
  t.after(() => one.close());
  return one;
}

/** Somebody of the demo's, logged in. */
export async function login(t, { application, config }, userId) {
  const one = await application.login(await config(), person(userId));
  t.after(() => one.close());
  return one;
}

/** Somebody who was invited, registered. */
export async function register(t, { application, config }, { userId, facilityId, invitation }) {
  const someone = { userId, name: userId, facilityId, password: "a quiet harbour in spring" };
  const one = await application.register(await config(), someone, invitation);
  t.after(() => one.close());
  return one;
}

export const bytes = (text) => Buffer.from(text, "base64url");

/** The newest mail to somebody. */
export async function mailTo({ application }, to) {
  const mails = await application.ask("GET", "/api/dev/mail");
  return mails.find((mail) => mail.to === to);
}

/** Tries until it holds. */
export async function until(holds, what, ms = 60_000) {
  const end = Date.now() + ms;
  for (;;) {
    const result = await holds();
    if (result) return result;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
