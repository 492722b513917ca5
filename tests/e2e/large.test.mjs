// What is large: 200 records in one list, and an imaging file of 200 MB: sent in parts with progress, cancelled, sent again, looked at by ranges.
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { present } from "../../scripts/browsers.mjs";
import { until } from "../../scripts/webdriver.mjs";
import { writeVolume } from "./files.mjs";
import { browserOf, play } from "./play.mjs";
import { makeFolder } from "./site.mjs";
import { writeTransfer } from "./stories/transfers.mjs";

const UPLOAD_MS = 400_000;
const SLICES = 382;
const NAME = "whole body.nii";

let path;
let size;

before(() => {
  path = join(makeFolder(), NAME);
  size = writeVolume(path, { width: 512, height: 512, slices: SLICES });
});

async function manyRecords({ ward: desk }) {
  await desk.enters("Dr. Tomas Lindqvist");
  const words = "200 records decrypted here with 1 key request in";
  await desk.reads(words);
  assert.equal((await desk.texts(".rows .row")).length, 200);
  await desk.isWiped();
  await desk.reads(words);
  const [, name] = /^(\S+ \S+)/.exec((await desk.texts(".row-name"))[0]);
  await desk.type("Search", name.toLocaleUpperCase());
  await desk.reads(" of 200 transfers");
  const found = await desk.texts(".row-name");
  assert.ok(
    found.every((one) => one === name),
    `${found} for ${name}`,
  );
  await desk.type("Search", "no such patient");
  await desk.reads("No transfer matches");
  await desk.click("Clear filters");
  await desk.gone(" of 200 transfers");
  await desk.choose("Status", "Declined");
  await desk.reads(" of 200 transfers");
  const states = await desk.texts(".rows .row-foot");
  assert.ok(states.every((one) => one.includes("Declined")));
}

async function largeFile({ ward: desk }) {
  assert.ok(size > 200e6);
  const { line } = desk;
  const patient = "Large Lars";
  await desk.enters("Dr. Ada Okafor");
  await writeTransfer(desk, { patient, files: [path] });

  line.up.holdAfter(60e6);
  await desk.click("Encrypt and send");
  await line.up.holds(UPLOAD_MS);
  await desk.reads(`Uploading ${NAME}`);
  // Parts that arrived and were answered: 60 MB are seven of them.
  await desk.browser.until("progress", () => document.querySelector("progress").value > 0.2);
  await desk.losesStorage();
  await desk.click("Cancel upload");
  await desk.reads("The upload was cancelled.");
  line.up.release();

  await desk.browser.run(() => globalThis.look.noteParts());
  await desk.click("Encrypt and send");
  const isSent = () => desk.browser.run((patient) => globalThis.look.reads(patient, ".record"), patient);
  await until("all of it at the server", isSent, UPLOAD_MS);
  const parts = await desk.browser.run(() => globalThis.look.parts);
  assert.deepEqual(parts, [...Array(Math.ceil(size / 2 ** 23)).keys()], "each part once, in order");

  const read = line.down.bytes;
  await desk.click(`View ${NAME}`);
  await desk.browser.until("the slice", () => document.querySelector("canvas")?.dataset.slice);
  await desk.reads(`Slice ${SLICES / 2 + 1} of ${SLICES}`);
  const fetched = line.down.bytes - read;
  assert.ok(fetched < 800_000, `${fetched} bytes were fetched for a slice`);
}

const STORIES = {
  "200 records open with one key request, and are searched here": manyRecords,
  "200 MB in parts of 8 MiB: progress, cancel, again, and slices without the rest": largeFile,
};

for (const engine of present()) {
  test(`what is large, in ${browserOf(engine)}`, (t) => play(t, engine, ["ward"], STORIES));
}
