// An imaging file of 200 MB: sent in parts with progress, cancelled, sent again, looked at by ranges; the page's memory doesn't grow with it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { ENGINES, find, missing } from "../../scripts/browsers.mjs";
import { CHROMIUM_ARGS } from "../../scripts/chromium.mjs";
import { writeVolume } from "./files.mjs";
import { openSite } from "./site.mjs";

const SLICES = 382;

let site;
let browser;

before(async () => {
  if (!find("chromium")) throw new Error(missing("chromium"));
  site = await openSite({ transfers: 3 });
  browser = await chromium.launch({ executablePath: ENGINES.chromium.find().binary, args: CHROMIUM_ARGS });
});

after(async () => {
  await browser?.close();
  await site?.close();
});

test("200 MB in parts of 8 MiB: progress, cancel, again, and slices without the rest", {
  timeout: 300_000,
}, async () => {
  const path = join(site.folder, "whole body.nii");
  const size = writeVolume(path, { width: 512, height: 512, slices: SLICES });
  assert.ok(size > 200e6);
  const page = await browser.newPage({ locale: "en-GB" });
  page.setDefaultTimeout(60_000);
  const parts = [];
  page.on("request", (request) => {
    if (!/\/parts\/\d+$/.test(request.url())) return;
    parts.push(Number(request.url().split("/").at(-1)));
  });
  await page.goto(site.url);
  await page.getByRole("button", { name: "Dr. Ada Okafor" }).click();
  await page.getByRole("link", { name: "New transfer" }).click();
  await page.getByLabel("Facility").selectOption({ label: "Lakeside Rehabilitation, Lucerne" });
  await page.getByLabel("Name").fill("Large Lars");
  await page.getByLabel("Diagnosis").fill("Polytrauma");
  await page.getByLabel("Add files").setInputFiles(path);

  await page.getByRole("button", { name: "Encrypt and send" }).click();
  const progress = page.getByRole("progressbar", { name: "Uploading whole body.nii" });
  await progress.waitFor();
  await page.waitForFunction((bar) => bar.value > 0.05, await progress.elementHandle());
  // not by the mouse: on a busy machine the page moves under it
  await page.getByRole("button", { name: "Cancel upload" }).press("Enter");
  await page.getByText("The upload was cancelled.").waitFor();
  const before = parts.length;
  assert.ok(before > 0 && before < 25, `${before} parts were sent until then`);

  await page.getByRole("button", { name: "Encrypt and send" }).click();
  await page.getByRole("heading", { name: "Large Lars" }).waitFor({ timeout: 200_000 });
  assert.deepEqual(
    parts.slice(before),
    [...Array(24).keys(), 24].slice(0, Math.ceil(size / 2 ** 23)),
    "each part once, in order",
  );

  const fetched = [];
  page.on("response", (response) => {
    if (response.url().endsWith("/content")) fetched.push(Number(response.headers()["content-length"]));
  });
  await page.getByRole("button", { name: "View whole body.nii" }).click();
  await page.locator("canvas[data-slice]").waitFor();
  await page.getByText(`Slice ${SLICES / 2 + 1} of ${SLICES}`).waitFor();
  const total = fetched.reduce((sum, length) => sum + length, 0);
  assert.ok(total < 800_000, `${total} bytes were fetched for a slice`);
  await page.context().close();
});
