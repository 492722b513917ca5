// A site with clients in it: pages of one browser, and a key server that outlives them.
import { pathToFileURL } from "node:url";
import { PATIENCE_MS } from "../chromium.mjs";
import { openSite } from "../site.mjs";

/** @param {{ policy?: string }} [options] */
export async function openClientSite(options) {
  const site = await openSite(options);
  const { memoryBackend } = await import(pathToFileURL(`${site.dir}/pkg/testing.js`));

  /** A context of `browser` with a key server of its own. `at` is the page's address. */
  async function visit(browser, { at = site.url, server = memoryBackend(), context: given } = {}) {
    const context = given ?? (await browser.newContext());
    context.setDefaultTimeout(PATIENCE_MS);
    const problems = [];
    context.on("page", (page) => page.on("pageerror", (error) => problems.push(String(error.stack ?? error))));
    const world = { context, server, problems, asked: [], listening: new Map(), before: undefined, after: undefined };
    const serve = async (page, { method, path, body, userId, public: isPublic, listen, stop, put, take }) => {
      if (listen !== undefined) {
        const tell = (event) => page.evaluate(([id, event]) => globalThis.pushed(id, event), [listen, event]);
        const end = server.events(userId, (event) => void tell(event).catch(() => {}));
        world.listening.set(listen, { userId, page, end });
        return null;
      }
      if (stop !== undefined) {
        world.listening.get(stop)?.end();
        world.listening.delete(stop);
        return null;
      }
      if (put !== undefined) return server.appShare.put(userId, put);
      if (take !== undefined) return server.appShare.get(userId, take);
      const asked = isPublic ? { public: true } : { userId };
      return server.request(method, path, body, asked);
    };
    await context.exposeBinding("askServer", async ({ page }, what) => {
      const name = what.method ? `${what.method} ${what.path}` : Object.keys(what).find((name) => name !== "userId");
      if (what.method) world.asked.push(name);
      await world.before?.(name, page);
      try {
        const reply = (await serve(page, what)) ?? null;
        await world.after?.(name, page);
        return { reply };
      } catch ({ code, message, retryAfterMs, attemptsLeft }) {
        return { error: { code, message, retryAfterMs, attemptsLeft } };
      }
    });
    world.load = async (page = undefined, prepare = undefined) => {
      const loaded = page ?? (await context.newPage());
      if (prepare) await loaded.addInitScript(prepare);
      await loaded.goto(`${at}face/client/page.html`);
      await loaded.waitForFunction(() => globalThis.kit !== undefined);
      return loaded;
    };
    /** What was asked since the last call of this. */
    world.take = () => world.asked.splice(0);
    world.clear = async (page, storageTypes) => {
      const session = await context.newCDPSession(page);
      await session.send("Storage.clearDataForOrigin", { origin: new URL(at).origin, storageTypes });
      await session.detach();
    };
    return world;
  }
  return { ...site, memoryBackend, visit };
}
