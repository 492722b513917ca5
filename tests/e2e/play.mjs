// Stories in one engine, one after the other, with a demo and browsers of their own.
import { ENGINES } from "../../scripts/browsers.mjs";
import { Clinician } from "./clinician.mjs";
import { openSite } from "./site.mjs";
import { watched } from "./watched.mjs";

/** What waits in vain says so before; this is for what hangs. */
const TIMEOUT_MS = 600_000;

export const browserOf = (engine) => ENGINES[engine].browser;

/** Each story by its name gets the site, and the clinicians by the names of their desks. `options` are the site's. */
export async function play(t, engine, names, stories, options) {
  const site = await openSite(options);
  t.after(() => site.close());
  const at = { site };
  for (const name of names) {
    const desk = await Clinician.open(engine, site, name);
    t.after(() => desk.close());
    at[name] = desk;
  }
  const desks = names.map((name) => at[name]);
  for (const [name, story] of Object.entries(stories)) {
    await t.test(name, { timeout: TIMEOUT_MS }, async () => {
      await site.repair();
      for (const desk of desks) await desk.leaves();
      await watched(name, desks, async () => {
        await story(at);
        for (const desk of desks) await desk.assertQuiet();
      });
    });
  }
}
