// Two clinicians at two browsers, from the list to the word in the record.
import assert from "node:assert/strict";
import { join } from "node:path";
import { writePdf } from "../files.mjs";

const PATIENT = "Käthe Müller-Şahin";

export async function writeTransfer(desk, { patient = PATIENT, to = "Lakeside", diagnosis, notes, files = [] } = {}) {
  await desk.goes("New transfer");
  await desk.choose("Facility", to);
  await desk.type("Name", patient);
  await desk.type("Diagnosis", diagnosis ?? "Ischaemic stroke, I63.4");
  if (notes) await desk.type("Clinical notes", notes);
  for (const file of files) await desk.type("Add files", file);
}

export async function sendTransfer(desk, what = {}) {
  await writeTransfer(desk, what);
  await desk.click("Encrypt and send");
  await desk.reads(what.patient ?? PATIENT, ".record");
}

export const transfers = {
  async "a user id and a password log in, and a wrong one is said in words"({ clinic }) {
    await clinic.visit();
    await clinic.knows("Noah Brunner");
    await clinic.signsIn("noah.brunner", "not this one");
    await clinic.reads("User ID or password isn’t right.");
    await clinic.signsIn("noah.brunner", clinic.person.password);
    await clinic.ready();
    await clinic.isWiped();
    await clinic.ready();
    await clinic.reads("Noah Brunner", ".who");
  },

  async "a transfer with a letter arrives at the other side by itself, is read, accepted and talked about"(at) {
    const { ward, clinic, site } = at;
    const letter = join(site.folder, "discharge letter.pdf");
    const pdf = writePdf(letter);
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Dr. Chiara Bianchi");
    await sendTransfer(ward, { notes: "Left hemiparesis.", files: [letter] });
    await ward.reads("Signature verified", ".record");

    await clinic.reads(PATIENT, ".rows");
    await clinic.opens(PATIENT);
    await clinic.reads("Left hemiparesis.", ".record");
    await clinic.reads("Dr. Ada Okafor (ada.okafor) Signature verified", ".author");
    await clinic.isWiped();
    await clinic.reads("Dr. Ada Okafor (ada.okafor) Signature verified", ".author");
    // A doubt that isn't one frightens, and moves what somebody is about to click.
    const said = await clinic.browser.run(() => globalThis.look.ofAuthors());
    assert.deepEqual(
      said.filter((words) => words.includes("couldn’t be checked")),
      [],
    );
    const save = () => clinic.click("Decrypt and save discharge letter.pdf");
    const { name, bytes } = await clinic.saved(save, pdf.length);
    assert.equal(name, "discharge letter.pdf");
    assert.ok(pdf.equals(bytes), "the same bytes");
    await clinic.reads("Signed by Dr. Ada Okafor");

    await clinic.click("Accept", ".decisions");
    await clinic.type("Message", "Bed 12, from two o’clock.");
    await clinic.click("Accept");
    await clinic.reads("Accepted.", ".record");
    await ward.reads("Bed 12, from two o’clock.", ".messages");
    await ward.reads("Accepted", ".record-badges");
    await ward.type("Write a message", "She leaves at noon.");
    await ward.click("Send", ".say");
    await clinic.reads("She leaves at noon.", ".messages");
    await clinic.type("Write a message", "We are ready.");
    await clinic.click("Send", ".say");
    await ward.reads("We are ready.", ".messages");
    await ward.click("Who was given the key");
    await ward.reads("Dr. Chiara Bianchi was given the key");
  },

  async "what the servers hold are rows without a readable word"({ ward }) {
    await ward.enters("Dr. Ada Okafor");
    const patient = "Telltale Tellington";
    await sendTransfer(ward, { patient, notes: "Telltale notes.", diagnosis: "Telltale disease" });
    await ward.isWiped();
    await ward.click("What the servers hold");
    await ward.reads("session_state");
    const held = (await ward.texts(".database")).join(" ");
    assert.match(held, /transfer/);
    assert.match(held, /session_state/);
    assert.match(held, /sealed ?[\w-]{100}/, "the record, sealed");
    for (const word of ["Tellington", "disease", "notes."]) assert.ok(!held.includes(word), word);
    const id = await ward.browser.run(() => location.hash.split("/").at(-1));
    const rows = JSON.stringify(await ward.browser.run(async (id) => (await fetch(`/api/dev/held/${id}`)).json(), id));
    assert.ok(!/Telltale|three blue herons/.test(rows));
  },

  async "a transfer that is withdrawn closes at once in the other window"({ ward, clinic }) {
    await ward.enters("Selin Kaya");
    await clinic.enters("Dr. Chiara Bianchi");
    const patient = "Withdrawn Walter";
    await sendTransfer(ward, { patient, notes: "To be taken back." });
    await clinic.reads(patient, ".rows");
    await clinic.opens(patient);
    await clinic.reads("To be taken back.", ".record");
    await clinic.isWiped();
    await clinic.reads("To be taken back.", ".record");
    await ward.click("Withdraw", ".decisions");
    await ward.type("Message", "Sent by mistake.");
    await ward.click("Withdraw");
    await ward.reads("Nobody there can open it any more.");
    await clinic.reads("Access was withdrawn.", ".record");
    assert.equal(await clinic.readsNow("To be taken back."), false, "nothing of it is left on the page");
    assert.equal(await clinic.readsNow(patient), false);
    await clinic.reload();
    await clinic.ready();
    assert.equal(await clinic.readsNow(patient), false, "not after a reload either");
  },

  async "what was written is text, never markup, and a file's name is only a name"({ ward, clinic }) {
    await ward.enters("Dr. Jonas Weber");
    await clinic.enters("Noah Brunner");
    const patient = '<img src="/fetched" onerror="document.title=1"> Hostile';
    await sendTransfer(ward, { patient, notes: '<script>document.title=2</script><style>@import "/fetched"</style>' });
    await clinic.reads(patient, ".rows");
    await clinic.opens(patient);
    await clinic.reads("<script>document.title=2</script>", ".record");
    await clinic.isWiped();
    await clinic.reads("<script>document.title=2</script>", ".record");
    assert.equal(
      await clinic.browser.run(() => document.querySelectorAll(".record img, .record script, .record style").length),
      0,
    );
  },
};
