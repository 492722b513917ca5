// What breaks in the middle: the servers, the line, the browser's own storage.
import assert from "node:assert/strict";
import { HALF, scan } from "../files.mjs";
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
    await clinic.isWiped();
    await sendTransfer(ward, { patient: "After the restart" });
    await clinic.reads("After the restart", ".rows");
    await clinic.opens("After the restart");
    await clinic.type("Write a message", "Both are here.");
    await clinic.click("Send", ".say");
    await ward.reads("Both are here.", ".messages");
  },

  async "a server that is away while a file is sent: the upload waits, and goes on where it was"({ ward, site }) {
    const { path, size, bytes } = scan(site);
    await ward.enters("Dr. Jonas Weber");
    await writeTransfer(ward, { patient: "Interrupted Irma", files: [path] });
    ward.line.up.holdAfter(HALF);
    await ward.click("Encrypt and send");
    await ward.line.up.holds();
    await ward.click("Pause");
    await ward.reads("Paused", ".files");
    await site.servers.app.kill();
    ward.line.up.release();
    await ward.losesStorage();
    await ward.click("Resume");
    await ward.reads("The connection was lost.");
    await site.servers.app.start();
    await ward.click("Resume");
    await ward.reads("Interrupted Irma", ".record");
    const saved = await ward.saved(() => ward.click("Decrypt and save scan of the hip.nii"), size);
    assert.ok(saved.bytes.equals(bytes), "the same bytes");
  },

  async "the line to the key server is cut: what is open stays, what isn't is said in words, and all goes on after"(
    at,
  ) {
    const { ward, site } = at;
    await ward.enters("Dr. Jonas Weber");
    await ward.goes("Sent");
    await ward.isWiped();
    const [patient] = await ward.texts(".row-name");
    site.keysLine.cut();
    try {
      await ward.opens(patient);
      await writeTransfer(ward, { patient: "Cut Carla" });
      await ward.click("Encrypt and send");
      await ward.reads("No connection.");
    } finally {
      site.keysLine.mend();
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
    await ward.losesStorage();
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
    await clinic.losesStorage();
    await clinic.type("Write a message", "Still here.");
    await clinic.click("Send", ".say");
    await ward.reads("Still here.", ".messages");
    await clinic.isWiped();
    await clinic.reads("Still here.", ".messages");
  },
};
