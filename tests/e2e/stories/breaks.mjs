// What breaks in the middle: the servers, the line, the browser's own storage.
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeVolume } from "../files.mjs";
import { sendTransfer, writeTransfer } from "./transfers.mjs";

export const breaks = {
  async "servers that are restarted in the middle: what was sent is there, and pages go on by themselves"(at) {
    const { ward, clinic, site } = at;
    await ward.enters("Selin Kaya");
    await clinic.enters("Dr. Chiara Bianchi");
    await sendTransfer(ward, { patient: "Before the restart" });
    await clinic.reads("Before the restart", ".rows");
    for (const server of [site.servers.app, site.servers.keys]) {
      await server.kill();
      await server.start();
    }
    await sendTransfer(ward, { patient: "After the restart" });
    await clinic.reads("After the restart", ".rows");
    await clinic.opens("After the restart");
    await clinic.type("Write a message", "Both are here.");
    await clinic.click("Send", ".say");
    await ward.reads("Both are here.", ".messages");
  },

  async "a server that is away while a file is sent: the upload waits, and goes on where it was"({ ward, site }) {
    const path = join(site.folder, "interrupted.nii");
    const size = writeVolume(path, { width: 512, height: 512, slices: 64 });
    await ward.enters("Dr. Jonas Weber");
    await writeTransfer(ward, { patient: "Interrupted Irma", files: [path] });
    await ward.holdParts(1);
    await ward.click("Encrypt and send");
    await ward.click("Pause");
    await ward.reads("Paused", ".files");
    await site.servers.app.stop();
    await ward.letPartsGo();
    await ward.click("Resume");
    await ward.reads("The connection was lost.");
    await site.servers.app.start();
    await ward.click("Resume");
    await ward.reads("Interrupted Irma", ".record");
    const { bytes } = await ward.saved(() => ward.click("Decrypt and save interrupted.nii"));
    assert.equal(bytes.length, size);
  },

  async "the line to the key server is cut: what is open stays, what isn't is said in words, and all goes on after"(
    at,
  ) {
    const { ward, site } = at;
    await ward.enters("Dr. Jonas Weber");
    await ward.goes("Sent");
    await ward.reads("Sent", "#list-title");
    const [patient] = await ward.browser.until("a row", () => {
      const rows = globalThis.look.texts(".row-name");
      return rows.length > 0 && rows;
    });
    site.line.cut();
    try {
      await ward.opens(patient);
      await writeTransfer(ward, { patient: "Cut Carla" });
      await ward.click("Encrypt and send");
      await ward.reads("No connection.");
    } finally {
      site.line.mend();
    }
    await ward.click("Encrypt and send");
    await ward.reads("Cut Carla", ".record");
  },

  async "no server at all is said in words, and tried again"({ ward, site }) {
    await ward.enters("Selin Kaya");
    await site.servers.app.stop();
    await writeTransfer(ward, { patient: "Offline Otto" });
    await ward.click("Encrypt and send");
    await ward.reads("No connection.");
    await site.servers.app.start();
    await ward.click("Encrypt and send");
    await ward.reads("Offline Otto", ".record");
  },

  async "the browser is wiped while somebody works: the open page goes on, and the password brings all back"(at) {
    const { ward, clinic } = at;
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Noah Brunner");
    await sendTransfer(ward, { patient: "Wiped Wanda" });
    await clinic.reads("Wiped Wanda", ".rows");
    await clinic.opens("Wiped Wanda");
    await clinic.browser.run(async () => {
      localStorage.clear();
      for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
    });
    await clinic.type("Write a message", "Still here.");
    await clinic.click("Send", ".say");
    await ward.reads("Still here.", ".messages");
    await clinic.reload();
    await clinic.reads("Welcome back, Noah Brunner");
    await clinic.type("Password", "copper rain on a tin roof");
    await clinic.click("Unlock");
    await clinic.reads("your password has brought everything back");
    await clinic.reads("Still here.", ".messages");
  },
};
