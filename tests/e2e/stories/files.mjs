// Imaging: sent in parts, stopped and gone on with, looked at by ranges.
import assert from "node:assert/strict";
import { HALF, scan } from "../files.mjs";
import { writeTransfer } from "./transfers.mjs";

export const files = {
  async "a volume is sent in parts, paused, cancelled, sent again, and looked at by ranges"({ ward, clinic, site }) {
    const { path, size, bytes } = scan(site);
    assert.ok(size > 32 * 2 ** 20, "more than one part");
    await ward.enters("Dr. Jonas Weber");
    await clinic.enters("Dr. Tomas Lindqvist");
    const patient = "Imaging Imre";
    await writeTransfer(ward, { patient, files: [path] });
    ward.line.up.holdAfter(HALF);
    await ward.click("Encrypt and send");
    await ward.line.up.holds();
    await ward.click("Pause");
    await ward.reads("Paused", ".files");
    await ward.click("Cancel upload");
    await ward.reads("The upload was cancelled. Nothing was sent");
    ward.line.up.release();
    const [name, diagnosis] = await ward.browser.run(() =>
      ["Name", "Diagnosis"].map((label) => globalThis.look.field(label).value),
    );
    assert.deepEqual([name, diagnosis], [patient, "Ischaemic stroke, I63.4"], "what was written is still there");

    ward.line.up.holdAfter(HALF);
    await ward.click("Encrypt and send");
    await ward.line.up.holds();
    await ward.click("Pause");
    await ward.reads("Paused", ".files");
    await ward.losesStorage();
    ward.line.up.release();
    await ward.click("Resume");
    await ward.reads(patient, ".record");

    await clinic.reads(patient, ".rows");
    await clinic.opens(patient);
    await clinic.click("View scan of the hip.nii");
    await clinic.reads("512 × 512 × 64 voxels");
    await clinic.reads("Who signed the file is known once all of it has been read", ".files");
    await clinic.browser.until("slice 33", () => document.querySelector("canvas")?.dataset.slice === "32");
    await clinic.browser.until("what it cost", () =>
      // one slice and the header
      /^(525|524) KB of 34 MB were fetched/.test(document.querySelector(".viewer figcaption").textContent),
    );
    await clinic.slide("Slice", 10);
    await clinic.browser.until("slice 11", () => document.querySelector("canvas").dataset.slice === "10");
    const [middle, corner] = await clinic.browser.run(() => {
      const drawn = document.querySelector("canvas").getContext("2d");
      return [256, 2].map((at) => drawn.getImageData(at, at, 1, 1).data[0]);
    });
    assert.ok(middle > 240 && corner === 0, `a bright ball on black: ${middle}, ${corner}`);
    const saved = await clinic.saved(() => clinic.click("Decrypt and save scan of the hip.nii"), size);
    assert.ok(saved.bytes.equals(bytes), "the same bytes");
  },
};
