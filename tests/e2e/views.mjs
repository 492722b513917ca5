// Every main view of the page, one after the other, with all in it unfolded.

const PERSON = "Dr. Tomas Lindqvist";
const VIEWS = ["New transfer", "Staff", "Facilities", "This workstation", "Test mailbox", "Sent"];

/** Opens what is folded there, and waits until nothing is loading. */
async function unfolds(desk, place) {
  await desk.browser.run((place) => {
    for (const summary of document.querySelectorAll(`${place} details:not([open]) > summary`)) summary.click();
  }, place);
  await desk.browser.until("what loads", () => !document.querySelector(".busy"));
}

/** Calls back in each view, with its name. */
export async function everywhere(desk, look) {
  await desk.visit();
  await desk.reads(PERSON, ".gate");
  await look("sign in");
  for (const [door, heading] of [
    ["Forgotten password?", "Replace a forgotten password"],
    ["I have an invitation", "Join a facility"],
  ]) {
    await desk.click(door);
    await desk.reads(heading, "h1");
    await look(heading);
    await desk.click("Back");
  }
  await desk.click("Sign in");
  await desk.reads("Please fill this in.");
  await look("what is missing");

  await desk.click(PERSON, ".gate");
  await desk.ready();
  await look("inbox");
  const [patient] = await desk.texts(".row:has(.row-files) .row-name");
  await desk.opens(patient);
  await unfolds(desk, ".record");
  await desk.texts(".db-row");
  await desk.texts(".audit li");
  await desk.click("Inspect ");
  await desk.browser.until("the bytes", () => document.querySelector(".hex"));
  await look("record");
  for (const view of VIEWS) {
    await desk.goes(view);
    await unfolds(desk, "main");
    await look(view);
  }
  await desk.goes("Facilities");
  await desk.click("Compare safety number");
  await desk.texts(".safety-number");
  await look("safety number");
  await desk.goes("This workstation");
  await desk.click("Wipe this workstation");
  await desk.reads("Wipe this workstation?", "dialog");
  await look("dialog");
  await desk.click("Wipe this workstation", "dialog");
  await desk.reads("This workstation has been wiped");
  await look("wiped");
}
