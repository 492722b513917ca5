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
  async "a click logs in; 200 records open with one key request, and are searched here"({ clinic }) {
    await clinic.enters("Dr. Tomas Lindqvist");
    await clinic.reads("200 records decrypted here with 1 key request in");
    assert.equal((await clinic.texts(".rows .row")).length, 200);
    const [, name] = /^(\S+ \S+)/.exec((await clinic.texts(".row-name"))[0]);
    await clinic.type("Search", name.toLocaleUpperCase());
    await clinic.reads(" of 200 transfers");
    const found = await clinic.texts(".row-name");
    assert.ok(found.length > 0 && found.every((one) => one === name), `${found} for ${name}`);
    await clinic.type("Search", "no such patient");
    await clinic.reads("No transfer matches");
    await clinic.click("Clear filters");
    await clinic.gone(" of 200 transfers");
    await clinic.choose("Status", "Declined");
    await clinic.reads(" of 200 transfers");
    const states = await clinic.texts(".rows .row-foot");
    assert.ok(states.length > 0 && states.every((one) => one.includes("Declined")));
  },

  async "a user id and a password log in, and a wrong one is said in words"({ clinic }) {
    await clinic.visit();
    await clinic.type("User ID", "noah.brunner");
    await clinic.type("Password", "not this one");
    await clinic.click("Sign in");
    await clinic.reads("User ID or password isn’t right.");
    const { people } = await (await fetch(`${clinic.url}/api/config`)).json();
    await clinic.type("Password", people.find(({ userId }) => userId === "noah.brunner").demoPassword);
    await clinic.click("Sign in");
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
    const { name, bytes } = await clinic.saved(() => clinic.click("Decrypt and save discharge letter.pdf"));
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
    await ward.click("What the servers hold");
    await ward.reads("Key server’s database");
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
    assert.equal(
      await clinic.browser.run(() => document.querySelectorAll(".record img, .record script, .record style").length),
      0,
    );
  },
};
