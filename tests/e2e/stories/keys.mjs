// What becomes of keys: wiped browsers, forgotten and changed passwords.
import assert from "node:assert/strict";
import { NOTHING } from "../clinician.mjs";
import { mails, mailsSoFar } from "../site.mjs";

const NEW_PASSWORD = "twelve paper boats downstream";

/** At the login page: what the mail says that comes. */
export async function asksForCode(desk, site, userId) {
  const before = (await mailsSoFar(site, userId)).length;
  await desk.click("Forgotten password?");
  await desk.type("User ID", userId);
  await desk.click("Send the code");
  await desk.reads("The code was sent to");
  const [{ code }] = await mails(site, userId, before);
  return code;
}

export const keys = {
  async "the nightly wipe leaves nothing, and the password alone brings all back"({ clinic }) {
    await clinic.enters("Dr. Tomas Lindqvist");
    const [patient] = await clinic.texts(".row-name");
    await clinic.goes("This workstation");
    await clinic.reads("Keys and storage");
    const before = await clinic.storage();
    assert.ok(before.databases.length > 0, "there is something to wipe");
    await clinic.browser.run(async () => {
      sessionStorage.setItem("stray", "1");
      await caches.open("stray");
    });
    await clinic.click("Wipe this workstation");
    await clinic.click("Wipe this workstation", "dialog");
    await clinic.reads("This workstation has been wiped");
    assert.deepEqual(await clinic.storage(), NOTHING);
    assert.equal(await clinic.readsNow(patient), false);
    await clinic.reload();
    await clinic.reads("Sign in");

    await clinic.signsIn("tomas.lindqvist", clinic.person.password);
    await clinic.reads("your password has brought everything back");
    await clinic.ready();
    await clinic.opens(patient);
  },

  async "a reload goes on, a lock asks for the password, and a wrong one is said"({ ward }) {
    await ward.enters("Selin Kaya");
    await ward.reload();
    await ward.ready();
    await ward.click("Lock");
    await ward.reads("Welcome back, Selin Kaya");
    await ward.type("Password", "not this one");
    await ward.click("Unlock");
    await ward.reads("That password isn’t right.");
    await ward.type("Password", ward.person.password);
    await ward.click("Unlock");
    await ward.reads("with the keys of this workstation");
    await ward.isWiped();
    await ward.click("Lock");
    await ward.reads("Welcome back, Selin Kaya");
    await ward.type("Password", ward.person.password);
    await ward.click("Unlock");
    await ward.reads("with the keys of this workstation");
    await ward.ready();
  },

  async "a forgotten password: a code by mail, and a new one"({ clinic, site }) {
    await clinic.visit();
    const code = await asksForCode(clinic, site, "leila.haddad");
    await clinic.click("Look again");
    await clinic.reads(code, ".mails");
    await clinic.type("Code from the e-mail", "1");
    await clinic.type("New password", NEW_PASSWORD);
    await clinic.click("Set new password");
    await clinic.reads("You have 4 tries left.");
    await clinic.losesStorage();
    await clinic.type("Code from the e-mail", code);
    await clinic.click("Set new password");
    await clinic.reads("Your new password is set");
    await clinic.ready();
    await clinic.texts(".rows .row[data-closed=false]");
    await clinic.visit();
    await clinic.signsIn("leila.haddad", NEW_PASSWORD);
    await clinic.ready();
  },

  async "a changed password counts from then on"({ ward }) {
    await ward.enters("Mireille Favre");
    const { password } = ward.person;
    await ward.goes("This workstation");
    await ward.click("Change password");
    await ward.type("Current password", password);
    await ward.type("New password", NEW_PASSWORD);
    await ward.click("Change password", "details[open] form");
    await ward.reads("Your password is changed.");
    await ward.knows("Mireille Favre", NEW_PASSWORD);
    await ward.isWiped();
    await ward.visit();
    await ward.signsIn("mireille.favre", password);
    await ward.reads("User ID or password isn’t right.");
    await ward.signsIn("mireille.favre", NEW_PASSWORD);
    await ward.ready();
  },
};
