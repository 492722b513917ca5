// Passwords that aren't somebody's any more: on a card of the login page, and of who left and comes back.
import { asksForCode } from "./keys.mjs";
import { PASSWORD } from "./people.mjs";

const OTHER_PASSWORD = "the ferry leaves without us";

const person = { name: "Rita Roth", userId: "rita.roth" };

/** Invited by an administrator who looks at the staff; gives the code. */
async function invites(desk) {
  await desk.type("Name", person.name);
  await desk.type("User ID", person.userId);
  await desk.click("Make an invitation");
  await desk.reads(`Hand this code to ${person.name} yourself.`);
  const [code] = await desk.texts(".invitation");
  return code;
}

async function joins(desk, code, password) {
  await desk.visit();
  await desk.click("I have an invitation");
  await desk.choose("Facility", "City General");
  await desk.type("Invitation code", code);
  await desk.type("Your name", person.name);
  await desk.type("User ID", person.userId);
  await desk.type("E-mail for recovery", `${person.userId}@work.example`);
  await desk.type("Password", password);
  await desk.type("Repeat the password", password);
  await desk.click("Create account");
}

const readable = (desk) =>
  desk.browser.until("readable records", () => {
    const rows = [...document.querySelectorAll(".rows .row")];
    return rows.length > 0 && rows.every((row) => row.dataset.closed === "false");
  });

export const returning = {
  async "who was removed comes back with another password, and a code by mail brings back what she could read"({
    ward,
    clinic: other,
    site,
  }) {
    await ward.enters("Dr. Ada Okafor");
    await ward.goes("Staff");
    await joins(other, await invites(ward), PASSWORD);
    await other.reads("Your account is ready");
    await ward.click(`Give ${person.name} access`);
    await ward.reads(`${person.name} has access now.`);
    await ward.click(`Remove ${person.name}`);
    await ward.click("Remove");
    await ward.reads(`${person.name} is removed`);
    await other.reads("Your access has ended");

    await joins(other, await invites(ward), OTHER_PASSWORD);
    await other.reads("You had an account here before, with another password.");
    await other.click("Back");
    const code = await asksForCode(other, site, person.userId);
    await other.type("Code from the e-mail", code);
    await other.type("New password", OTHER_PASSWORD);
    await other.click("Set new password");
    await other.reads("Your new password is set");
    await ward.click(`Give ${person.name} access`);
    await ward.reads(`${person.name} has access now.`);
    await other.visit();
    await other.type("User ID", person.userId);
    await other.type("Password", PASSWORD);
    await other.click("Sign in");
    await other.reads("User ID or password isn’t right.");
    await other.type("Password", OTHER_PASSWORD);
    await other.click("Sign in");
    await other.ready();
    await other.goes("Sent");
    await readable(other);
  },

  async "a card of the login page goes when its password was changed elsewhere"({ ward, clinic }) {
    const name = "Dr. Chiara Bianchi";
    await ward.visit();
    await ward.reads(name, ".gate");
    await clinic.enters(name);
    await clinic.goes("This workstation");
    await clinic.click("Change password");
    await clinic.type("Current password", "the clock ran on chestnuts");
    await clinic.type("New password", OTHER_PASSWORD);
    await clinic.click("Change password", "details[open] form");
    await clinic.reads("Your password is changed.");
    await ward.click(name, ".gate");
    await ward.reads(`${name} has changed the password`);
    const noCard = (name) => globalThis.look.control(name, ".gate") === undefined;
    await ward.browser.until("no card any more", noCard, name);
    await clinic.click("Sign out");
    await clinic.reads("Noah Brunner", ".gate");
    await clinic.browser.until("no card any more", noCard, name);
  },
};
