// The demo's stories with real servers, in each engine: two browsers, as two clinicians sit at them.
import { test } from "node:test";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { Clinician } from "./clinician.mjs";
import { openSite } from "./site.mjs";
import { breaks } from "./stories/breaks.mjs";
import { connection } from "./stories/connection.mjs";
import { files } from "./stories/files.mjs";
import { keys } from "./stories/keys.mjs";
import { people } from "./stories/people.mjs";
import { resume } from "./stories/resume.mjs";
import { transfers } from "./stories/transfers.mjs";

const STORIES = { ...transfers, ...files, ...people, ...keys, ...breaks, ...resume, ...connection };

for (const engine of present()) {
  test(`the demo in ${ENGINES[engine].browser}`, async (t) => {
    const site = await openSite();
    t.after(() => site.close());
    const ward = await Clinician.open(engine, site.url);
    t.after(() => ward.close());
    const clinic = await Clinician.open(engine, site.url);
    t.after(() => clinic.close());
    for (const [name, story] of Object.entries(STORIES)) {
      await t.test(name, { timeout: 180_000 }, async () => {
        for (const desk of [ward, clinic]) await desk.visit("empty.html");
        await story({ ward, clinic, site });
        for (const desk of [ward, clinic]) await desk.assertQuiet();
      });
    }
  });
}
