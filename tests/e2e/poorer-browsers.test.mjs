// Browsers that lack something: the main story goes on, or the page says in words that it can't.
import { describe, test } from "node:test";
import { present } from "../../scripts/browsers.mjs";
import { browserOf, play } from "./play.mjs";
import { sendTransfer } from "./stories/transfers.mjs";

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
  "all storage blocked: everything works, from memory": ({ ward }) => works(ward, "no-storage"),
  "no WebCrypto: everything works, by WebAssembly": ({ ward }) => works(ward, "no-webcrypto"),
  async "no WebAssembly: the page says so, in words"({ ward }) {
    await ward.visit("no-webassembly.html");
    await ward.reads("This browser can’t encrypt.");
    await ward.reads("unsupported-environment");
  },
};

describe("poorer browsers", { concurrency: 2 }, () => {
  for (const engine of present().toReversed()) {
    test(`poorer browsers: ${browserOf(engine)}`, (t) => play(t, engine, ["ward"], STORIES, { transfers: 12 }));
  }
});
