// Browsers that lack something: the main story goes on, or the page says in words that it can't.
import { describe, test } from "node:test";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { Clinician } from "./clinician.mjs";
import { openSite } from "./site.mjs";
import { sendTransfer } from "./stories/transfers.mjs";
import { watched } from "./watched.mjs";

const TIMEOUT_MS = 600_000;

/** All that is needed works, and nothing of it outlives a wipe. */
async function works(desk, page) {
  await desk.visit(`${page}.html`);
  await desk.click("Dr. Ada Okafor", ".gate");
  await desk.ready();
  await sendTransfer(desk, { patient: `Patient of ${page}`, notes: "Written poorly." });
  await desk.type("Write a message", "Said poorly.");
  await desk.click("Send", ".say");
  await desk.reads("Said poorly.", ".messages");
  await desk.goes("This workstation");
  await desk.reads("Sealed identity");
  await desk.click("Wipe this workstation");
  await desk.click("Wipe this workstation", "dialog");
  await desk.reads("This workstation has been wiped");
  await desk.click("Dr. Ada Okafor", ".gate");
  await desk.ready();
  await desk.goes("Sent");
  await desk.opens(`Patient of ${page}`);
  await desk.reads("Said poorly.", ".messages");
}

const STORIES = {
  "all storage blocked: everything works, from memory": (desk) => works(desk, "no-storage"),
  "no WebCrypto: everything works, by WebAssembly": (desk) => works(desk, "no-webcrypto"),
  async "no WebAssembly: the page says so, in words"(desk) {
    await desk.visit("no-webassembly.html");
    await desk.reads("This browser can’t encrypt.");
    await desk.reads("unsupported-environment");
  },
};

describe("poorer browsers", { concurrency: 2 }, () => {
  for (const engine of present().toReversed()) {
    test(`poorer browsers: ${ENGINES[engine].browser}`, async (t) => {
      const site = await openSite({ transfers: 12 });
      t.after(() => site.close());
      const desk = await Clinician.open(engine, site, "ward");
      t.after(() => desk.close());
      for (const [name, story] of Object.entries(STORIES)) {
        await t.test(name, { timeout: TIMEOUT_MS }, async () => {
          await desk.leaves();
          await watched(name, [desk], async () => {
            await story(desk);
            await desk.assertQuiet();
          });
        });
      }
    });
  }
});
