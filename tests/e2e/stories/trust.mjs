// An application's server that lies: about whose group is whose, who somebody is, what was decided, and what the address book says.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { until } from "../../../scripts/webdriver.mjs";
import { Application } from "../../../www/seed/application.mjs";
import { groupOf, inApplication, sessionsOf, whileNamed, withOtherBooks } from "../database.mjs";
import { sendTransfer, writeTransfer } from "./transfers.mjs";

const LAKESIDE = "Lakeside Rehabilitation";
const CHANGED = "This isn’t the facility that your colleagues know.";

/** Somebody at a device of her own, who isn't logged in at a page. */
async function person(site, userId) {
  const application = new Application(site.url);
  const config = await application.ask("GET", "/api/config");
  const { name, demoPassword } = config.people.find((one) => one.userId === userId);
  return application.login(config, { userId, name, password: demoPassword });
}

/** Somebody who has an account, and belongs to nobody: the application's server lets her in anywhere. */
async function stranger(site, userId, facilityId, name = "Mallory") {
  const ada = await person(site, "ada.okafor");
  const { invitation } = await ada.ask("POST", "/api/staff", { userId, name, admin: false });
  const someone = { userId, name, facilityId: "city-general", password: "a key under the mat" };
  const application = new Application(site.url);
  const one = await application.register(await application.ask("GET", "/api/config"), someone, invitation);
  await ada.close();
  inApplication(site, "UPDATE staff SET facility_id = ? WHERE user_id = ?", facilityId, userId);
  return one;
}

const freshId = () => randomBytes(16).toString("base64url");
const sealedText = async (session, json, context) =>
  Buffer.from(await session.encrypt(JSON.stringify(json), { context, padding: "padme" })).toString("base64url");

/** Loads the page again, and waits for its list. */
async function again(desk) {
  await desk.reload();
  await desk.goes("Inbox");
  await desk.ready();
}

async function openNumber(desk, button) {
  await desk.goes("Facilities");
  await desk.click(button);
  await desk.browser.until("the number", () => document.querySelector(".safety-number"));
}

async function compares(desk, number) {
  await openNumber(desk, `Compare safety number with ${LAKESIDE}`);
  await desk.type("What the other side reads to you", number);
  await desk.click("Verify");
  await desk.reads("Verified: these are the keys that you compared.");
}

async function cardReads(desk, facility, text) {
  await desk.goes("Facilities");
  await desk.browser.until(
    `“${text}” on the card of ${facility}`,
    (facility, text) =>
      globalThis.look.texts(".facilities > li").some((one) => one.startsWith(facility) && one.includes(text)),
    facility,
    text,
  );
}

export const trust = {
  async "another group under a facility's name is refused, until somebody compares: nothing is encrypted for it"({
    ward,
    clinic,
    site,
  }) {
    const noah = await person(site, "noah.brunner");
    const other = await noah.wardkey.createGroup({ name: LAKESIDE });
    const [number, otherNumber] = await Promise.all(
      [groupOf(site, "lakeside"), other.id].map((id) => noah.wardkey.safetyNumber(id)),
    );
    await ward.enters("Dr. Jonas Weber");
    await compares(ward, number);
    // It counts for a colleague, at a browser that has never seen it.
    await clinic.enters("Selin Kaya");
    await cardReads(clinic, LAKESIDE, "Compared by Dr. Jonas Weber (jonas.weber)");

    const transfers = () => inApplication(site, "SELECT count(*) FROM transfer")[0][0];
    const before = transfers();
    await whileNamed(site, "lakeside", other.id, async () => {
      // A wiped browser, and one that goes on.
      await clinic.enters("Selin Kaya");
      await again(ward);
      for (const desk of [ward, clinic]) {
        await writeTransfer(desk, { patient: "Redirected Rita" });
        await desk.reads(CHANGED, "form");
        await desk.click("Encrypt and send");
        await desk.reads(CHANGED, ".submit");
        await desk.reads("address: facility", ".submit");
        await cardReads(desk, LAKESIDE, "Not the one you know");
        await cardReads(desk, LAKESIDE, `The server names other keys for ${LAKESIDE} than your address book.`);
      }
      await ward.axe("a facility that isn't the known one");
      assert.equal(sessionsOf(site, other.id), 0, "nothing was encrypted for it");
      assert.equal(transfers(), before, "nothing was sent");

      // A number that somebody reads of the group that was known isn't this one's.
      await openNumber(ward, `Compare safety number with ${LAKESIDE}`);
      await ward.type("What the other side reads to you", number);
      await ward.click("Verify");
      await ward.reads("This can’t be trusted now.", ".safety");
      // The facility has really set up anew: somebody there reads the number that is shown.
      await ward.type("What the other side reads to you", otherNumber);
      await ward.click("Verify");
      await ward.reads("Verified: these are the keys that you compared.");
      await clinic.gone("Not the one you know");
      await cardReads(clinic, LAKESIDE, "Compared by Dr. Jonas Weber");
      await sendTransfer(clinic, { patient: "Renewed Renata" });
      assert.ok(sessionsOf(site, other.id) > 0, "the look into the key server's database sees it");
    });
    // Back again is another group again.
    await again(ward);
    await cardReads(ward, LAKESIDE, "Not the one you know");
    await compares(ward, number);
    await cardReads(ward, LAKESIDE, "Compared by Dr. Jonas Weber");
    await noah.close();
  },

  async "a facility that is met first is not yet compared, and isn't sent to in escrow or under another name once it is known"({
    ward,
    clinic,
    site,
  }) {
    await clinic.enters("Dr. Chiara Bianchi");
    await cardReads(clinic, "City General", "Not yet compared");
    await clinic.goes("New transfer");
    await clinic.choose("Facility", "City General");
    await clinic.reads("Nobody of your facility has compared the safety number with City General", "form");

    await whileNamed(site, "lakeside", null, async () => {
      await ward.enters("Selin Kaya");
      await cardReads(ward, LAKESIDE, `The server says that ${LAKESIDE} isn’t registered any more.`);
      await writeTransfer(ward, { patient: "Escrowed Erwin" });
      await ward.click("Encrypt and send");
      await ward.reads(CHANGED, ".submit");
    });
    inApplication(site, "UPDATE facility SET name = 'Lakeside Clinic' WHERE id = 'lakeside'");
    try {
      await ward.enters("Selin Kaya");
      await cardReads(ward, LAKESIDE, `The server now calls ${LAKESIDE} “Lakeside Clinic”.`);
      await writeTransfer(ward, { patient: "Renamed René" });
      await ward.click("Encrypt and send");
      await ward.reads(CHANGED, ".submit");
    } finally {
      inApplication(site, "UPDATE facility SET name = ? WHERE id = 'lakeside'", LAKESIDE);
    }
    // A new one with the name of a known one.
    inApplication(
      site,
      "INSERT INTO facility (id, name, kind, city, group_id) SELECT 'twin', 'Lakeside  REHABILITATION', kind, city, group_id FROM facility WHERE id = 'lakeside'",
    );
    try {
      await ward.enters("Selin Kaya");
      await ward.goes("Facilities");
      await ward.reads("is in your address book already.", ".facilities");
    } finally {
      inApplication(site, "DELETE FROM facility WHERE id = 'twin'");
    }
  },

  async "another group as the own facility's is refused"({ ward, site }) {
    const mallory = await stranger(site, "mallory.own", "lakeside");
    await ward.enters("Dr. Jonas Weber");
    await cardReads(ward, LAKESIDE, "ompared");
    // She puts a clinician in, unasked, who belongs to it then.
    const group = await mallory.wardkey.createGroup({ name: "City General", members: ["jonas.weber"] });
    await whileNamed(site, "city-general", group.id, async () => {
      const refused = async () => {
        await ward.goes("Facilities");
        await ward.reads("The server doesn’t name your own facility’s keys.");
        await writeTransfer(ward, { patient: "Stolen Stella" });
        await ward.click("Encrypt and send");
        await ward.reads("address: own", ".submit");
      };
      await again(ward);
      await refused();
      // A wiped browser that is given a book which says nothing.
      await withOtherBooks(site, async () => {
        inApplication(site, "DELETE FROM address_book WHERE facility_id = 'city-general'");
        await ward.enters("Dr. Jonas Weber");
        await refused();
      });
      assert.equal(sessionsOf(site, group.id), 0);
    });
    await ward.enters("Dr. Jonas Weber");
    await cardReads(ward, LAKESIDE, "ompared");
    await mallory.close();
  },

  async "a record by who isn't of the facility that it comes from has a warning in the place of the mark"({
    ward,
    site,
  }) {
    const mallory = await stranger(site, "mallory.author", "lakeside");
    const own = await mallory.wardkey.createGroup({ name: LAKESIDE });
    const session = await mallory.wardkey.createSession({
      recipients: [{ group: groupOf(site, "city-general") }],
      managers: [{ group: own.id }],
      includeSelf: false,
    });
    // The application's server calls her by the name of one of Lakeside's.
    inApplication(site, "UPDATE staff SET name = 'Dr. Chiara Bianchi' WHERE user_id = 'mallory.author'");
    const id = freshId();
    const patient = { name: "Forged Fabian", born: "", sex: "" };
    const record = {
      patient,
      diagnosis: "None",
      urgency: "today",
      needs: [],
      notes: "Believe me.",
      from: "",
      files: [],
    };
    const sealed = await sealedText(session, record, { type: "transfer", transfer: id });
    await mallory.ask("POST", "/api/transfers", { id, sessionId: session.id, to: "city-general", sealed });
    await ward.enters("Dr. Ada Okafor");
    await ward.opens("Forged Fabian");
    await ward.reads(`Signed by mallory.author, who doesn’t belong to ${LAKESIDE}.`, ".author");
    assert.equal(await ward.readsNow("Signature verified", ".author"), false);
    assert.equal(await ward.readsNow("Dr. Chiara Bianchi", ".author"), false);
    await ward.axe("a record with a warning");
    await ward.choose("Language", "Deutsch");
    await ward.reads("Diese Person gehört nicht zu", ".author");
    await ward.choose("Sprache", "Français");
    await ward.reads("qui ne fait pas partie de", ".author");
    await ward.choose("Langue", "English");
    session.free();
    await mallory.close();
  },

  async "a decision counts if somebody of the receiving facility has signed it, and a message if its author is of either"({
    ward,
    site,
  }) {
    await ward.enters("Dr. Ada Okafor");
    await sendTransfer(ward, { patient: "Decided Dora" });
    const id = await ward.browser.run(() => location.hash.split("/").at(-1));
    // No message at all: the server's word alone.
    inApplication(site, "UPDATE transfer SET state = 'accepted' WHERE id = ?", id);
    await ward.reload();
    await ward.reads(`The server says “Accepted”, but nobody of ${LAKESIDE} has signed that.`, ".record");
    inApplication(site, "UPDATE transfer SET state = 'sent' WHERE id = ?", id);

    // One of the sending facility who colludes signs it, and the server says that she is of the other one.
    inApplication(site, "UPDATE staff SET facility_id = 'lakeside' WHERE user_id = 'selin.kaya'");
    try {
      const selin = await person(site, "selin.kaya");
      const { sessionId } = await selin.ask("GET", `/api/transfers/${id}`);
      const session = await selin.wardkey.openSession(sessionId);
      const message = freshId();
      const sealed = await sealedText(
        session,
        { text: "Bed 3.", kind: "accepted" },
        { type: "message", transfer: id, message },
      );
      await selin.ask("POST", `/api/transfers/${id}/state`, { id: message, state: "accepted", sealed });
      session.free();
      await selin.close();
      await ward.reads("Bed 3.", ".messages");
      await ward.reads(`Signed by selin.kaya, who doesn’t belong to ${LAKESIDE}.`, ".messages");
      await ward.reads(`nobody of ${LAKESIDE} has signed that.`, ".record");
    } finally {
      inApplication(site, "UPDATE staff SET facility_id = 'city-general' WHERE user_id = 'selin.kaya'");
    }
  },

  async "a record in another session than the server names is refused, and nothing can be said into that one"({
    ward,
    clinic,
    site,
  }) {
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Noah Brunner");
    await sendTransfer(ward, { patient: "Elsewhere Emil" });
    const id = await ward.browser.run(() => location.hash.split("/").at(-1));
    await clinic.reads("Elsewhere Emil", ".rows");
    // A session of a stranger's, which the clinic can open.
    const mallory = await stranger(site, "mallory.session", "lakeside");
    const session = await mallory.wardkey.createSession({ recipients: [{ group: groupOf(site, "lakeside") }] });
    const names = (sessionId) => inApplication(site, "UPDATE transfer SET session_id = ? WHERE id = ?", sessionId, id);
    const [[own]] = inApplication(site, "SELECT session_id FROM transfer WHERE id = ?", id);
    names(session.id);
    session.free();
    await mallory.close();
    await again(clinic);
    await clinic.gone("Elsewhere Emil");
    await clinic.browser.run((id) => {
      location.hash = `#/in/${id}`;
    }, id);
    await clinic.reads("key-mismatch", ".detail");
    assert.equal(await clinic.browser.run(() => document.querySelector(".say") !== null), false);
    names(own);
    await again(clinic);
    await clinic.reads("Elsewhere Emil", ".rows");
  },

  async "who has left since still is who signed, and it is said; another name than at first is noticed"({
    ward,
    clinic,
    site,
  }) {
    // Lakeside's book from its beginning: who is met is met first.
    inApplication(site, "DELETE FROM address_book WHERE facility_id = 'lakeside'");
    const ada = await person(site, "ada.okafor");
    const visitor = await stranger(site, "vera.visits", "city-general");
    const group = await ada.wardkey.group(groupOf(site, "city-general"));
    await group.addMembers(["vera.visits"]);
    await visitor.close();
    await ward.visit();
    await ward.type("User ID", "vera.visits");
    await ward.type("Password", "a key under the mat");
    await ward.click("Sign in");
    await ward.ready();
    await sendTransfer(ward, { patient: "Visited Viktor" });
    await ward.reads("Mallory (vera.visits) Signature verified", ".author");
    await compares(ward, await ada.wardkey.safetyNumber(groupOf(site, "lakeside")));
    await cardReads(ward, LAKESIDE, "Compared by Mallory (vera.visits)");

    await clinic.enters("Dr. Chiara Bianchi");
    await clinic.opens("Visited Viktor");
    await clinic.reads("Mallory (vera.visits) Signature verified", ".author");
    await ward.goes("Sent");
    await ward.opens("Visited Viktor");
    await ward.type("Write a message", "He is on his way.");
    await ward.click("Send", ".say");
    await clinic.reads("vera.visits · City General, emergency ward", ".messages");
    // Whom she met is in the book then.
    await until("two entries", () => {
      const [[count]] = inApplication(site, "SELECT count(*) FROM address_book WHERE facility_id = 'lakeside'");
      return count >= 2;
    });
    inApplication(site, "UPDATE staff SET name = 'Prof. Vera Visits' WHERE user_id = 'vera.visits'");
    await clinic.reload();
    await clinic.reads("The server now calls this person “Prof. Vera Visits”.", ".author");
    await clinic.reads("Mallory (vera.visits)", ".author");
    inApplication(site, "UPDATE staff SET name = 'Mallory' WHERE user_id = 'vera.visits'");

    await group.removeMembers(["vera.visits"]);
    await clinic.reload();
    await clinic.reads(
      "Mallory (vera.visits) Signature verified. Has left City General, emergency ward since.",
      ".author",
    );
    await ward.enters("Dr. Ada Okafor");
    await cardReads(ward, LAKESIDE, "(has left your facility since)");
    await ada.close();
  },

  async "what somebody signs in the address book after she was removed, dated back, doesn't count"({ ward, site }) {
    const eve = await stranger(site, "eve.left", "city-general", "Eve Left");
    const ada = await person(site, "ada.okafor");
    await (await ada.wardkey.group(groupOf(site, "city-general"))).addMembers(["eve.left"]);
    await ada.close();
    const other = await eve.wardkey.createGroup({ name: LAKESIDE });
    await ward.enters("Dr. Ada Okafor");
    await cardReads(ward, LAKESIDE, "ompared");
    const entries = () =>
      inApplication(site, "SELECT hex(sealed) FROM address_book WHERE facility_id = 'city-general' ORDER BY entry");
    const last = () => Buffer.from(entries().at(-1)[0], "hex");
    const session = await eve.wardkey.openSession(last());
    // What she writes while she belongs counts: the page, too, is given it by the server alone.
    const write = async (compared) => {
      const place = entries().length;
      const facilities = [{ facilityId: "lakeside", name: LAKESIDE, groupId: compared, compared: true }];
      const after = last().toString("base64url").slice(-32);
      const entry = { at: new Date().toISOString(), after, facilities, people: [] };
      const context = { type: "address-book", group: groupOf(site, "city-general"), entry: String(place) };
      const sealed = await sealedText(session, entry, context);
      const hex = Buffer.from(sealed, "base64url").toString("hex");
      inApplication(site, `INSERT INTO address_book VALUES ('city-general', ?, 'eve.left', 0, X'${hex}')`, place);
    };
    await write(groupOf(site, "lakeside"));
    await again(ward);
    await cardReads(ward, LAKESIDE, "Compared by Eve Left (eve.left)");

    // Her client hears nothing of it, and signs as before.
    const { fetch } = globalThis;
    globalThis.fetch = (url, init) =>
      String(url).startsWith(site.keysLine.url) ? Promise.reject(new TypeError("cut")) : fetch(url, init);
    try {
      site.keysLine.cut();
      site.keysLine.mend();
      await ward.goes("Staff");
      await ward.click("Remove Eve Left");
      await ward.click("Remove", "dialog");
      await ward.reads("Eve Left is removed, and the facility has new keys.");
      await write(other.id);
    } finally {
      globalThis.fetch = fetch;
    }
    await whileNamed(site, "lakeside", other.id, async () => {
      const refused = async () => {
        await cardReads(ward, LAKESIDE, "Not the one you know");
        await cardReads(ward, LAKESIDE, "Compared by Eve Left (eve.left)");
        await writeTransfer(ward, { patient: "Removed Rosa" });
        await ward.click("Encrypt and send");
        await ward.reads("address: facility", ".submit");
      };
      await again(ward);
      await refused();
      await ward.enters("Dr. Ada Okafor");
      await refused();
    });
    assert.equal(sessionsOf(site, other.id), 0);
    session.free();
    await eve.close();
  },

  async "an older address book is refused where a newer one was seen; a wiped browser shows that nobody has compared"({
    ward,
    site,
  }) {
    const mine = "facility_id = 'city-general'";
    await ward.enters("Selin Kaya");
    await cardReads(ward, LAKESIDE, "Compared");
    const entries = inApplication(site, `SELECT entry, hex(sealed) FROM address_book WHERE ${mine} ORDER BY entry`);
    assert.ok(entries.length > 2);
    const refused = async () => {
      await ward.goes("Facilities");
      await ward.reads("Your facility’s address book can’t be trusted now.");
      await writeTransfer(ward, { patient: "Old Oda" });
      await ward.click("Encrypt and send");
      await ward.reads("address: book", ".submit");
    };
    await withOtherBooks(site, async () => {
      // Cut short, and whole with another entry in the place of one: the page remembers.
      inApplication(site, `DELETE FROM address_book WHERE ${mine} AND entry = ?`, entries.length - 1);
      await again(ward);
      await refused();
      // An entry in the place of another one, and one taken out: nobody takes that for a book.
      inApplication(
        site,
        `UPDATE address_book SET sealed = (SELECT sealed FROM kept WHERE ${mine} AND entry = 0) WHERE ${mine} AND entry = 1`,
      );
      await ward.enters("Selin Kaya");
      await refused();

      inApplication(site, `DELETE FROM address_book WHERE ${mine}`);
      await ward.enters("Selin Kaya");
      await cardReads(ward, LAKESIDE, "Not yet compared");
    });
    await ward.enters("Selin Kaya");
    await cardReads(ward, LAKESIDE, "Compared");
  },

  async "two colleagues compare at once, and both are in the book"({ ward, clinic, site }) {
    const noah = await person(site, "noah.brunner");
    const number = await noah.wardkey.safetyNumber(groupOf(site, "lakeside"));
    await noah.close();
    await ward.enters("Dr. Jonas Weber");
    await clinic.enters("Selin Kaya");
    for (const desk of [ward, clinic]) {
      await openNumber(desk, `Compare safety number with ${LAKESIDE}`);
      await desk.type("What the other side reads to you", number);
    }
    // What Jonas sends waits until Selin's is there.
    await ward.browser.run(() => globalThis.look.hold("POST", "/api/address-book"));
    await ward.click("Verify");
    await ward.browser.until("what Jonas sends is held", () => Boolean(globalThis.look.release));
    await clinic.click("Verify");
    await clinic.reads("Verified: these are the keys that you compared.");
    await ward.browser.run(() => globalThis.look.release());
    await ward.reads("Verified: these are the keys that you compared.");
    const last = "SELECT by_user FROM address_book WHERE facility_id = 'city-general' ORDER BY entry DESC LIMIT 2";
    assert.deepEqual(inApplication(site, last), [["jonas.weber"], ["selin.kaya"]]);
    for (const desk of [ward, clinic]) await cardReads(desk, LAKESIDE, "Compared by Dr. Jonas Weber");
  },
};
