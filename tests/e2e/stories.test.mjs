// The demo's stories with real servers, in each engine: two browsers, as two clinicians sit at them.
import { describe, test } from "node:test";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { Clinician } from "./clinician.mjs";
import { openSite } from "./site.mjs";
import { breaks } from "./stories/breaks.mjs";
import { connection } from "./stories/connection.mjs";
import { files } from "./stories/files.mjs";
import { keys } from "./stories/keys.mjs";
import { network } from "./stories/network.mjs";
import { people } from "./stories/people.mjs";
import { resume } from "./stories/resume.mjs";
import { returning } from "./stories/returning.mjs";
import { transfers } from "./stories/transfers.mjs";
import { trust } from "./stories/trust.mjs";
import { watched } from "./watched.mjs";

const STORIES = { ...transfers, ...files, ...people, ...keys, ...breaks, ...network };
/** What lying servers, broken lines and many tabs do is the same in every engine: seen once. */
const ONCE = { ...trust, ...returning, ...resume, ...connection };

/** What waits in vain says so before; this is for what hangs. */
const TIMEOUT_MS = 600_000;

const [first, ...others] = present();

// Two engines at a time: much of it is waiting. What takes longest comes first.
describe("stories", { concurrency: 2 }, () => {
  for (const engine of [first, ...others.toReversed()]) {
    test(`the demo in ${ENGINES[engine].browser}`, async (t) => {
      const site = await openSite({ transfers: 12 });
      t.after(() => site.close());
      const ward = await Clinician.open(engine, site, "ward");
      t.after(() => ward.close());
      const clinic = await Clinician.open(engine, site, "clinic");
      t.after(() => clinic.close());
      const desks = [ward, clinic];
      const stories = engine === first ? { ...STORIES, ...ONCE } : STORIES;
      for (const [name, story] of Object.entries(stories)) {
        await t.test(name, { timeout: TIMEOUT_MS }, async () => {
          await site.repair();
          for (const desk of desks) await desk.leaves();
          await watched(name, desks, async () => {
            await story({ ward, clinic, site });
            for (const desk of desks) await desk.assertQuiet();
          });
        });
      }
    });
  }
});
