// The network is cut and comes back: for one desk, in the middle of what it does.
import assert from "node:assert/strict";
import { HALF, scan } from "../files.mjs";
import { sendTransfer, writeTransfer } from "./transfers.mjs";

const SAVE = "Decrypt and save scan of the hip.nii";

export const network = {
  async "cut while a file goes out, and while it comes in: both are said, and go on when it is back"(at) {
    const { ward, clinic, site } = at;
    const { path, size, bytes } = scan(site);
    await ward.enters("Dr. Jonas Weber");
    await clinic.enters("Dr. Chiara Bianchi");
    await writeTransfer(ward, { patient: "Broken Boris", files: [path] });
    const before = ward.line.up.bytes;
    ward.line.up.holdAfter(HALF);
    await ward.click("Encrypt and send");
    await ward.line.up.holds();
    ward.line.cut();
    await ward.reads("The connection was lost.");
    ward.line.mend();
    await ward.click("Resume");
    await ward.reads("Broken Boris", ".record");
    const sent = ward.line.up.bytes - before;
    assert.ok(sent < size + 9 * 2 ** 20, `${sent} bytes for ${size}: what had arrived isn't sent again`);

    await clinic.reads("Broken Boris", ".rows");
    await clinic.isWiped();
    await clinic.opens("Broken Boris");
    clinic.line.down.holdAfter(HALF);
    await clinic.click(SAVE);
    await clinic.line.down.holds();
    clinic.line.cut();
    await clinic.reads("No connection.", ".files");
    clinic.line.mend();
    const saved = await clinic.saved(() => clinic.click("Try again", ".files"), size);
    assert.ok(saved.bytes.equals(bytes), "the same bytes");
  },

  async "cut while a record is read: what is open stays, and another one opens when it is back"({ ward, clinic }) {
    await ward.enters("Selin Kaya");
    await clinic.enters("Noah Brunner");
    for (const patient of ["Open Olga", "Other Omar"])
      await sendTransfer(ward, { patient, notes: `Notes of ${patient}.` });
    await clinic.reads("Other Omar", ".rows");
    await clinic.opens("Open Olga");
    await clinic.isWiped();
    await clinic.reads("Notes of Open Olga.", ".record");
    clinic.line.cut();
    await clinic.type("Write a message", "Can you hear me?");
    await clinic.click("Send", ".say");
    await clinic.reads("No connection.", ".say");
    await clinic.reads("Notes of Open Olga.", ".record");
    clinic.line.mend();
    await clinic.click("Send", ".say");
    await ward.opens("Open Olga");
    await ward.reads("Can you hear me?", ".messages");
    await clinic.opens("Other Omar");
    await clinic.reads("Notes of Other Omar.", ".record");
  },

  async "cut while a transfer is sent, and its answer is lost: sent again, it is there once"({ ward, clinic }) {
    const patient = "Once Only";
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Dr. Tomas Lindqvist");
    await writeTransfer(ward, { patient });
    await ward.browser.run(() => globalThis.look.hold("POST", "/api/transfers"));
    await ward.click("Encrypt and send");
    await ward.browser.until("the transfer to go out", () => Boolean(globalThis.look.release));
    // What it says arrives; what it is told doesn't.
    ward.line.down.holdAfter(0);
    await ward.browser.run(() => globalThis.look.release());
    await clinic.reads(patient, ".rows");
    ward.line.cut();
    await ward.reads("No connection.");
    await ward.losesStorage();
    ward.line.mend();
    await ward.click("Encrypt and send");
    await ward.reads(patient, ".record");
    for (const desk of [ward, clinic]) {
      await desk.isWiped();
      const names = await desk.texts(".row-name");
      assert.equal(names.filter((name) => name === patient).length, 1, names.join(", "));
    }
  },

  async "cut while the other side sends: it arrives by itself when it is back"({ ward, clinic }) {
    await ward.enters("Selin Kaya");
    await clinic.enters("Dr. Chiara Bianchi");
    await sendTransfer(ward, { patient: "Before Bella" });
    await clinic.reads("Before Bella", ".rows");
    await clinic.opens("Before Bella");
    await clinic.isWiped();
    await clinic.reads("Before Bella", ".record");
    clinic.line.cut();
    await ward.type("Write a message", "Said meanwhile.");
    await ward.click("Send", ".say");
    await ward.reads("Said meanwhile.", ".messages");
    await sendTransfer(ward, { patient: "Meanwhile Mila" });
    clinic.line.mend();
    await clinic.reads("Meanwhile Mila", ".rows");
    await clinic.reads("Said meanwhile.", ".messages");
  },
};
