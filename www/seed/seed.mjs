// Fills the demo: staff, their keys and groups, and transfers, all by the package as the page does it. The servers get what they get from a browser.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Application } from "./application.mjs";
import { transfers } from "./patients.mjs";

const demo = JSON.parse(readFileSync(new URL("demo.json", import.meta.url), "utf8"));
const AT_ONCE = 8;
/** The groups stay fresh while a laptop is shut: an administrator who logs in signs anew. */
const ADMIN_DAYS = 90;

/**
 * Seeds running servers.
 * @param {{ url: string, transfers?: number, now?: number, onProgress?: (what: string) => void }} options `url` is the application's
 */
export async function seed({ url, transfers: count = 200, now = Date.now(), onProgress = () => undefined }) {
  const application = new Application(url);
  const config = await application.ask("GET", "/api/config");
  const facilities = {};
  for (const { id, name } of demo.facilities) {
    const people = demo.people.filter(({ facilityId }) => facilityId === id);
    if (people.length > 0) facilities[id] = await staffed(application, config, { id, name, people }, onProgress);
  }
  const [from, to] = [facilities["city-general"], facilities.lakeside];
  onProgress(`${count} transfers`);
  const todo = transfers(count, now);
  const sent = await inTurns(todo, (one) => send(from, to, one));
  await inTurns(sent, ({ one, id, session }) => answer(from, to, one, id, session));
  for (const { staff } of Object.values(facilities)) for (const person of staff) await person.close();
}

/** Registers everybody of a facility, and makes the group. */
async function staffed(application, config, { id, name, people }, onProgress) {
  const staff = [];
  const [first, ...others] = people;
  const mails = await application.ask("GET", "/api/dev/mail");
  let invitation = mails.find(({ subject }) => subject.endsWith(name)).code;
  for (const person of [first, ...others]) {
    onProgress(person.name);
    if (person !== first) {
      const { userId, role, admin } = person;
      ({ invitation } = await staff[0].ask("POST", "/api/staff", { userId, name: person.name, role, admin }));
    }
    staff.push(await application.register(config, person, invitation));
  }
  const members = others.map(({ userId }) => userId);
  const group = await staff[0].wardkey.createGroup({ name, members, adminDays: ADMIN_DAYS });
  await staff[0].ask("POST", `/api/facilities/${id}/group`, { groupId: group.id });
  return { id, group: group.id, staff, name };
}

async function send(from, to, one) {
  const author = from.staff[one.author];
  const session = await author.wardkey.createSession({
    recipients: [{ group: to.group }],
    managers: [{ group: from.group }],
    rights: { read: true, forward: false, revoke: false },
    // The ward has it, not the person, who may leave.
    includeSelf: false,
  });
  const files = one.file ? [await upload(author, session, one.file)] : [];
  const record = { ...one.record, from: `${author.name}, ${from.name}`, files };
  const id = freshId();
  const sealed = await sealedText(session, record, { type: "transfer", transfer: id });
  await author.ask("POST", "/api/transfers", {
    id,
    sessionId: session.id,
    to: to.id,
    sealed,
    files: files.map(({ fileId }) => fileId),
    at: one.at,
  });
  return { one, id, session };
}

/** Its messages, by those who wrote them, and what they decided. */
async function answer(from, to, one, id, session) {
  let at = one.at;
  for (const { by, kind, text } of one.messages) {
    at += 15 * 60;
    const person = by === "from" ? from.staff[one.author] : to.staff[one.answerer];
    const own = await person.wardkey.openSession(session.id);
    const messageId = freshId();
    const sealed = await sealedText(own, { text, kind }, { type: "message", transfer: id, message: messageId });
    const body = { id: messageId, sealed, at };
    if (kind === "message") await person.ask("POST", `/api/transfers/${id}/messages`, body);
    else await person.ask("POST", `/api/transfers/${id}/state`, { ...body, state: kind });
    own.free();
  }
  session.free();
}

const freshId = () => randomBytes(16).toString("base64url");

/** Sealed as what it is: nobody can put it in another's place. */
async function sealedText(session, json, context) {
  const sealed = await session.encrypt(JSON.stringify(json), { context, padding: "padme" });
  return Buffer.from(sealed).toString("base64url");
}

async function sealedFile(session, data, file) {
  const stream = session.encryptStream({ context: { type: "file", file }, sign: true });
  return new Uint8Array(await new Response(new Blob([data]).stream().pipeThrough(stream)).arrayBuffer());
}

/** Encrypts a file and uploads it in parts. */
async function upload(author, session, { name, type, data }) {
  // The server wants the length first, and gives the id that is sealed with it: all ids are as long.
  const { length } = await sealedFile(session, data, freshId());
  const { fileId, partSize, parts } = await author.ask("POST", "/api/files", { size: length });
  const sealed = await sealedFile(session, data, fileId);
  for (let part = 0; part < parts; part++) {
    await author.ask(
      "PUT",
      `/api/files/${fileId}/parts/${part}`,
      sealed.subarray(part * partSize, (part + 1) * partSize),
    );
  }
  await author.ask("POST", `/api/files/${fileId}/complete`);
  return { fileId, name, type, size: data.length };
}

/** Several at once, in their order. */
async function inTurns(items, work) {
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const place = next++;
      results[place] = await work(items[place]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
