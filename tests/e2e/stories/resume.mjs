// Transfers that are interrupted while they are sent: they are offered again, and go on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writePdf, writeVolume } from "../files.mjs";
import { writeTransfer } from "./transfers.mjs";

/** A transfer with a volume of three parts, of which the server has one, or as many as are said; the next one waits. */
async function sendHalf(desk, site, patient, arrived = 1) {
  const path = join(site.folder, `${patient}.nii`);
  const size = writeVolume(path, { width: 512, height: 512, slices: 40 });
  assert.equal(Math.ceil(size / 2 ** 23), 3, "three parts");
  await writeTransfer(desk, { patient, notes: "Written before the break.", files: [path] });
  await desk.holdParts(arrived);
  await desk.click("Encrypt and send");
  await desk.reads(`Uploading ${patient}.nii`, ".files");
  await desk.reads(arrived === 1 ? "8.4 MB of 21 MB" : "0 B of 21 MB", ".files");
  return path;
}

export const resume = {
  async "a reload in the middle of an upload: it is offered, and goes on where the server stands"(at) {
    const { ward, clinic, site } = at;
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Dr. Tomas Lindqvist");
    const patient = "Reloaded Rita";
    const path = await sendHalf(ward, site, patient);
    await ward.reload();
    await ward.reads("A transfer was interrupted");
    await ward.reads(`${patient}, to Lakeside Rehabilitation, 1 file`);
    await ward.browser.run(() => globalThis.look.noteParts());
    await ward.click("Continue");
    await ward.reads(patient, ".record");
    const parts = await ward.browser.run(() => globalThis.look.parts);
    assert.deepEqual(parts, [1, 2], "what had arrived isn’t sent again");
    assert.equal(await ward.readsNow("A transfer was interrupted"), false);
    await clinic.reads(patient, ".rows");
    await clinic.opens(patient);
    await clinic.reads("Written before the break.", ".record");
    const whole = readFileSync(path);
    const { bytes } = await clinic.saved(() => clinic.click(`Decrypt and save ${patient}.nii`), whole.length);
    assert.ok(bytes.equals(whole), "the same bytes");
    await clinic.reads("Signed by Dr. Ada Okafor");
    await ward.reload();
    await ward.reads(patient, ".record");
    assert.equal(await ward.readsNow("A transfer was interrupted"), false);
  },

  async "a reload before a file is encrypted: what was written is there, and the file is asked for again"({
    ward,
    site,
  }) {
    await ward.enters("Dr. Ada Okafor");
    const patient = "Early Erika";
    const path = join(site.folder, `${patient}.nii`);
    writeVolume(path, { width: 64, height: 64, slices: 8 });
    await writeTransfer(ward, { patient, notes: "Written before the break.", files: [path] });
    await ward.browser.run(() => {
      File.prototype.stream = () => new ReadableStream();
    });
    await ward.click("Encrypt and send");
    await ward.reads(`Encrypting ${patient}.nii`, ".files");
    await ward.browser.until("a kept draft", async () => {
      const database = await new Promise((resolve) => {
        indexedDB.open("wardkey-demo drafts").onsuccess = ({ target }) => resolve(target.result);
      });
      const rows = await new Promise((resolve) => {
        database.transaction("drafts").objectStore("drafts").getAll().onsuccess = ({ target }) =>
          resolve(target.result);
      });
      database.close();
      return rows.some(({ files }) => files.length === 1);
    });
    await ward.reload();
    await ward.click("Continue");
    await ward.reads("Please add these files again");
    await ward.reads(`${patient}.nii`, ".compose");
    assert.equal(
      await ward.browser.run(() => globalThis.look.field("Clinical notes").value),
      "Written before the break.",
    );
    await ward.type("Add files", path);
    await ward.click("Encrypt and send");
    await ward.reads(patient, ".record");
    await ward.reads(`${patient}.nii`, ".record");
  },

  async "what is kept of an interrupted transfer is nothing that can be read"({ ward, site }) {
    await ward.enters("Dr. Ada Okafor");
    const patient = "Legible Leonie";
    await sendHalf(ward, site, patient, 0);
    const kept = await ward.browser.run(async () => {
      const texts = [];
      const text = (value) => {
        if (ArrayBuffer.isView(value)) return [...value].map((byte) => String.fromCharCode(byte)).join("");
        if (typeof value === "object" && value !== null) return Object.values(value).map(text).join(" ");
        return String(value);
      };
      for (const { name } of await indexedDB.databases()) {
        const database = await new Promise((resolve) => {
          indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result);
        });
        for (const store of database.objectStoreNames) {
          const rows = await new Promise((resolve) => {
            database.transaction(store).objectStore(store).getAll().onsuccess = ({ target }) => resolve(target.result);
          });
          texts.push(`${name} ${store} ${rows.length}`, ...rows.map((row) => text(row).slice(0, 100_000)));
        }
        database.close();
      }
      return texts.join("\n");
    });
    assert.match(kept, /wardkey-demo drafts parts 3/, "all parts are kept");
    for (const word of ["Leonie", "Ischaemic", "before the break", "Phantom"]) assert.ok(!kept.includes(word), word);
  },

  async "an interrupted transfer that is discarded is gone, here and at the server"({ ward, site }) {
    await ward.enters("Selin Kaya");
    await sendHalf(ward, site, "Discarded Dora");
    await ward.reload();
    await ward.reads("Discarded Dora, to Lakeside");
    await ward.browser.run(() => {
      const { fetch } = window;
      window.deleted = [];
      window.fetch = (url, options) => {
        const answer = fetch(url, options);
        if (options?.method === "DELETE") window.deleted.push(answer.then(({ status }) => status));
        return answer;
      };
    });
    await ward.click("Discard");
    await ward.click("Discard", "dialog");
    await ward.gone("A transfer was interrupted");
    assert.deepEqual(await ward.browser.run(() => Promise.all(window.deleted)), [200]);
    await ward.reload();
    await ward.goes("Inbox");
    await ward.ready();
    assert.equal(await ward.readsNow("A transfer was interrupted"), false);
  },

  async "who leaves the form finds it again: what is sent is offered, what isn't stands there"({ ward, site }) {
    await ward.enters("Dr. Jonas Weber");
    await writeTransfer(ward, { patient: "Left Lena", notes: "Half written" });
    await ward.goes("Inbox");
    await ward.ready();
    await ward.goes("New transfer");
    const value = (label) => ward.browser.run((label) => globalThis.look.field(label)?.value, label);
    assert.equal(await value("Name"), "Left Lena");
    assert.equal(await value("Clinical notes"), "Half written");
    const patient = "Left Lukas";
    await sendHalf(ward, site, patient);
    await ward.goes("Inbox");
    await ward.reads(`${patient}, to Lakeside`);
    await ward.letPartsGo();
    await ward.click("Continue");
    await ward.reads(patient, ".record");
  },

  async "another tab doesn't offer what is being sent, and does when that tab is gone"({ ward, site }) {
    await ward.enters("Dr. Jonas Weber");
    const { browser } = ward;
    const first = await browser.send("GET", "/window");
    const { handle } = await browser.send("POST", "/window/new", { type: "window" });
    const patient = "Tabbed Tilda";
    await sendHalf(ward, site, patient);
    await browser.send("POST", "/window", { handle });
    await browser.goto(`${ward.url}/`);
    await ward.ready();
    assert.equal(await ward.readsNow("A transfer was interrupted"), false);
    await browser.send("POST", "/window", { handle: first });
    await browser.goto("about:blank");
    await browser.send("POST", "/window", { handle });
    await ward.reload();
    await ward.reads(`${patient}, to Lakeside`);
    await ward.click("Continue");
    await ward.reads(patient, ".record");
    await browser.send("DELETE", "/window");
    await browser.send("POST", "/window", { handle: first });
  },

  async "a wipe in the middle of an upload: the open page begins it anew, and nothing is left to offer"(at) {
    const { ward, clinic, site } = at;
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Dr. Tomas Lindqvist");
    const patient = "Swept Sven";
    const path = await sendHalf(ward, site, patient);
    await ward.browser.run(async () => {
      const names = (await indexedDB.databases()).map(({ name }) => name);
      await Promise.all(
        names.map((name) => {
          const request = indexedDB.deleteDatabase(name);
          return new Promise((resolve) => {
            request.onsuccess = request.onblocked = resolve;
          });
        }),
      );
    });
    await ward.letPartsGo();
    await ward.reads(patient, ".record");
    await clinic.reads(patient, ".rows");
    await clinic.opens(patient);
    const whole = readFileSync(path);
    const { bytes } = await clinic.saved(() => clinic.click(`Decrypt and save ${patient}.nii`), whole.length);
    assert.ok(bytes.equals(whole), "the same bytes");
  },

  async "a browser that keeps nothing says that the page must stay"({ ward, site }) {
    await ward.visit("no-storage.html");
    await ward.click("Dr. Ada Okafor", ".gate");
    await ward.ready();
    await sendHalf(ward, site, "Unkept Ute");
    await ward.reads("please leave this page open");
    await ward.letPartsGo();
    await ward.reads("Unkept Ute", ".record");
  },

  async "what the receiver couldn't read isn't sent: too many lines, too long ones, too many files"({ ward, site }) {
    await ward.enters("Selin Kaya");
    await writeTransfer(ward, { patient: "Long Ludwig" });
    await ward.type("Care needs", "x".repeat(201));
    await ward.reads("At most 50 lines of 200 characters each.");
    await ward.click("Encrypt and send");
    await ward.reads("At most 50 lines of 200 characters each.");
    await ward.type("Care needs", "A wheelchair");
    await ward.gone("At most 50 lines of 200 characters each.");
    const path = join(site.folder, "one of many.pdf");
    writePdf(path);
    for (let files = 0; files < 51; files++) await ward.type("Add files", path);
    await ward.reads("A transfer has at most 50 files.");
    await ward.click("Encrypt and send");
    await ward.reads("A transfer has at most 50 files.");
    await ward.click("Remove one of many.pdf");
    await ward.gone("A transfer has at most 50 files.");
  },
};
