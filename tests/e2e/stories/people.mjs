// Staff, and facilities that come.
import assert from "node:assert/strict";
import { mails, mailsSoFar } from "../site.mjs";
import { sendTransfer } from "./transfers.mjs";

export const PASSWORD = "nine grey geese at dusk";

async function joins(desk, { facility, code, name, userId }) {
  await desk.visit();
  await desk.click("I have an invitation");
  await desk.choose("Facility", facility);
  await desk.type("Invitation code", code);
  await desk.type("Your name", name);
  await desk.type("User ID", userId);
  await desk.type("E-mail for recovery", `${userId}@work.example`);
  await desk.type("Password", PASSWORD);
  await desk.type("Repeat the password", PASSWORD);
  await desk.click("Create account");
  await desk.reads("Your account is ready");
  await desk.knows(name, PASSWORD);
}

export const people = {
  async "a colleague is invited, let in, made an administrator and removed, and the window closes at once"(at) {
    const { ward, clinic: other } = at;
    await ward.enters("Dr. Ada Okafor");
    await ward.goes("Staff");
    await ward.type("Name", "Dr. Nina Novak");
    await ward.type("User ID", "nina.novak");
    await ward.click("Make an invitation");
    await ward.reads("Hand this code to Dr. Nina Novak yourself.");
    const [code] = await ward.texts(".invitation");
    await joins(other, { facility: "City General", code, name: "Dr. Nina Novak", userId: "nina.novak" });
    await other.goes("Sent");
    await other.reads("This record wasn’t shared with you.", ".rows");

    await ward.click("Give Dr. Nina Novak access");
    await ward.reads("Dr. Nina Novak has access now.");
    await other.isWiped();
    await other.browser.until("readable records", () => {
      const rows = [...document.querySelectorAll(".rows .row")];
      return rows.length > 0 && rows.every((row) => row.dataset.closed === "false");
    });
    await ward.click("Make administrator: Dr. Nina Novak");
    await ward.reads("Dr. Nina Novak is an administrator now.");
    await other.reads("Administrator", ".who");
    await ward.click("Remove as administrator: Dr. Nina Novak");
    await ward.reads("isn’t an administrator any more.");

    await ward.click("Remove Dr. Nina Novak");
    await ward.click("Remove", "dialog");
    await ward.reads("Dr. Nina Novak is removed, and the facility has new keys.");
    await other.reads("Your access has ended");
    await other.browser.until("no row", () => document.querySelectorAll(".row").length === 0);
  },

  async "safety numbers are the same on both sides, and one that differs is refused"({ ward, clinic }) {
    await ward.enters("Dr. Jonas Weber");
    await clinic.enters("Noah Brunner");
    const number = async (desk, button) => {
      await desk.goes("Facilities");
      await desk.click(button);
      return (await desk.texts(".safety-number"))[0];
    };
    const shown = await number(ward, "Compare safety number with Lakeside Rehabilitation");
    assert.match(shown, /^(\d{5} ){11}\d{5}$/);
    await clinic.isWiped();
    const own = await number(clinic, "Show your safety number");
    assert.equal(own, shown);
    await ward.type(
      "What the other side reads to you",
      own.replace(/^\d/, (digit) => String((Number(digit) + 1) % 10)),
    );
    await ward.click("Verify");
    await ward.reads("This can’t be trusted now.");
    await ward.type("What the other side reads to you", own);
    await ward.click("Verify");
    await ward.reads("Verified: these are the keys that you compared.");
  },

  async "a facility that had no group registers, proves itself by a code, and reads what waits"({
    ward,
    clinic,
    site,
  }) {
    const patient = "Escrow Esther";
    await ward.enters("Dr. Ada Okafor");
    await sendTransfer(ward, { patient, to: "St. Anne's", notes: "Waits in escrow." });
    await ward.reads("St. Anne's Geriatrics hasn’t joined yet.", ".record");

    const invited = (await mails(site, "admission@st-annes.example")).find(({ subject }) =>
      subject.includes("St. Anne"),
    );
    await joins(clinic, { facility: "St. Anne's", code: invited.code, name: "Dr. Paul Rey", userId: "paul.rey" });
    await clinic.click("Make keys");
    await clinic.reads("Step 2 of 2");
    await clinic.isWiped();
    const before = (await mailsSoFar(site, "admission@st-annes.example")).length;
    await clinic.click("Send the code");
    await clinic.reads("Sent to");
    const [claim, ...others] = await mails(site, "admission@st-annes.example", before);
    assert.equal(others.length, before);
    await clinic.type("Code from the e-mail", "00000000");
    await clinic.click("Confirm");
    await clinic.reads("That isn’t the code.");
    await clinic.type("Code from the e-mail", claim.code);
    await clinic.click("Confirm");
    await clinic.reads("Done. What was waiting can be read now.");
    await clinic.click("Open the inbox");
    await clinic.opens(patient);
    await clinic.reads("Waits in escrow.", ".record");
    await clinic.reads("Dr. Ada Okafor (ada.okafor) Signature verified", ".author");
    await clinic.click("Accept", ".decisions");
    await clinic.type("Message", "Our first patient.");
    await clinic.click("Accept");
    await ward.reads("Our first patient.", ".messages");
  },
};
