// Browsers that lack something: the main story goes on, or the page says in words that it can't.
import { test } from "node:test";
import { ENGINES, present } from "../../scripts/browsers.mjs";
import { Clinician } from "./clinician.mjs";
import { openSite } from "./site.mjs";
import { sendTransfer } from "./stories/transfers.mjs";

for (const engine of present()) {
  test(`poorer browsers: ${ENGINES[engine].browser}`, async (t) => {
    const site = await openSite({ transfers: 5 });
    t.after(() => site.close());
    const desk = await Clinician.open(engine, site.url);
    t.after(() => desk.close());

    for (const [page, name] of [
      ["no-storage", "all storage blocked: everything works, from memory"],
      ["no-webcrypto", "no WebCrypto: everything works, by WebAssembly"],
    ]) {
      await t.test(name, { timeout: 120_000 }, async () => {
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
        await desk.assertQuiet();
      });
    }

    await t.test("no WebAssembly: the page says so, in words", { timeout: 60_000 }, async () => {
      await desk.visit("no-webassembly.html");
      await desk.reads("This browser can’t encrypt.");
      await desk.reads("unsupported-environment");
      await desk.assertQuiet();
    });
  });
}
