// Lines that break, servers that are away, and many tabs: what was under way goes on, and nothing is said that isn't so.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { until } from "../../../scripts/webdriver.mjs";
import { writePdf, writeVolume } from "../files.mjs";
import { mails } from "../site.mjs";
import { sendTransfer, writeTransfer } from "./transfers.mjs";

/** Something in front of the application's server that answers in its place, as a proxy does while it restarts. */
async function answerInstead(site, status) {
  await site.servers.app.stop();
  const asked = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status, { "content-type": "text/html" }).end("<h1>Gateway</h1>");
  });
  await new Promise((resolve) => proxy.listen(Number(new URL(site.url).port), "127.0.0.1", resolve));
  const end = async () => {
    const closed = new Promise((resolve) => proxy.close(resolve));
    proxy.closeAllConnections();
    await closed;
    await site.servers.app.start();
  };
  return { asked, end };
}

/** Tabs of one browser, the first one included; `look` is called in each. */
async function inTabs({ browser }, count, look) {
  const handles = [await browser.send("GET", "/window")];
  const go = (handle) => browser.send("POST", "/window", { handle });
  const close = async () => {
    for (const handle of handles.splice(1)) {
      await go(handle);
      await browser.send("DELETE", "/window");
    }
    await go(handles[0]);
  };
  const visit = async (look) => {
    for (const handle of handles) {
      await go(handle);
      await look();
    }
  };
  try {
    while (handles.length < count) {
      const { handle } = await browser.send("POST", "/window/new", { type: "window" });
      handles.push(handle);
      await go(handle);
      await look();
    }
    return { visit, close };
  } catch (error) {
    await close();
    throw error;
  }
}

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

/** The parts that the page sends from now on. */
const watchParts = ({ browser }) =>
  browser.run(() => {
    const { fetch } = window;
    window.parts = [];
    window.fetch = (url, options) => {
      const part = options?.method === "PUT" && /\/parts\/(\d+)$/.exec(url)?.[1];
      if (part) window.parts.push(Number(part));
      return fetch(url, options);
    };
  });

const sentParts = ({ browser }) => browser.run(() => window.parts);

export const resume = {
  async "a reload in the middle of an upload: it is offered, and goes on where the server stands"(at) {
    const { ward, clinic, site } = at;
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Noah Brunner");
    const patient = "Reloaded Rita";
    const path = await sendHalf(ward, site, patient);
    await ward.reload();
    await ward.reads("A transfer was interrupted");
    await ward.reads(`${patient}, to Lakeside Rehabilitation, 1 file`);
    await watchParts(ward);
    await ward.click("Continue");
    await ward.reads(patient, ".record");
    assert.deepEqual(await sentParts(ward), [1, 2], "what had arrived isn’t sent again");
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
    await clinic.enters("Noah Brunner");
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

  async "who signs out with the line cut is told so, isn't signed in by a reload, and the server hears of it"(at) {
    const { ward, site } = at;
    await ward.enters("Selin Kaya");
    await site.servers.app.stop();
    await ward.click("Sign out");
    await ward.reads("the server doesn’t know it yet");
    assert.equal(await ward.readsNow("You are signed out."), false);
    await ward.reload().catch(() => undefined);
    await site.servers.app.start();
    await ward.browser.goto(`${ward.url}/`);
    await ward.reads("You are signed out.");
    await ward.reads("Demonstration accounts");
    const status = () => ward.browser.run(async () => (await fetch("/api/me")).status);
    assert.equal(await status(), 401, "the login is over at the server");
  },

  async "who signed out with the line cut and leaves the page open: the server is told when it is back"({
    ward,
    site,
  }) {
    await ward.enters("Selin Kaya");
    await site.servers.app.stop();
    await ward.click("Sign out");
    await ward.reads("the server doesn’t know it yet");
    await site.servers.app.start();
    await ward.reads("You are signed out.");
    assert.equal(await ward.browser.run(async () => (await fetch("/api/me")).status), 401);
  },

  async "a proxy's errors while the server restarts: the page listens again, and reads what it missed"({
    ward,
    clinic,
    site,
  }) {
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Noah Brunner");
    for (const status of [502, 401]) {
      const proxy = await answerInstead(site, status);
      try {
        await until("the page to ask", () => proxy.asked.includes("/api/events"));
      } finally {
        await proxy.end();
      }
      await sendTransfer(ward, { patient: `After ${status}` });
      await clinic.reads(`After ${status}`, ".rows");
    }
  },

  async "what comes between the list and the first word of what changes isn't missed"({ ward, clinic }) {
    await ward.enters("Dr. Ada Okafor");
    await clinic.visit();
    await clinic.browser.run(() => {
      const { fetch } = window;
      window.fetch = async (url, options) => {
        if (url === "/api/events") {
          await new Promise((resolve) => {
            window.open = resolve;
          });
        }
        return fetch(url, options);
      };
    });
    await clinic.click("Noah Brunner", ".gate");
    await clinic.ready();
    await sendTransfer(ward, { patient: "In between" });
    assert.equal(await clinic.readsNow("In between", ".rows"), false);
    await clinic.browser.run(() => window.open());
    await clinic.reads("In between", ".rows");
  },

  async "eight tabs of one person: all open, all hear what comes, and one signs out all"({ ward, clinic }) {
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Noah Brunner");
    const tabs = await inTabs(clinic, 8, async () => {
      await clinic.browser.goto(`${clinic.url}/`);
      await clinic.ready();
    });
    try {
      await sendTransfer(ward, { patient: "To all tabs" });
      await tabs.visit(() => clinic.reads("To all tabs", ".rows"));
      await clinic.click("Sign out");
      await tabs.visit(() => clinic.reads("You are signed out."));
      await tabs.visit(() => clinic.assertQuiet());
    } finally {
      await tabs.close();
    }
  },

  async "two tabs at the login: who signs in at the second one takes the browser, and the first one closes"(at) {
    const { clinic } = at;
    const { browser } = clinic;
    await clinic.visit();
    const first = await browser.send("GET", "/window");
    const { handle } = await browser.send("POST", "/window/new", { type: "window" });
    await browser.send("POST", "/window", { handle });
    await browser.goto(`${clinic.url}/`);
    await clinic.reads("Noah Brunner", ".gate");
    await browser.send("POST", "/window", { handle: first });
    await clinic.click("Noah Brunner", ".gate");
    await clinic.ready();
    // As two windows side by side are: nobody looks away.
    await browser.run(() =>
      window.addEventListener("visibilitychange", (event) => event.stopImmediatePropagation(), true),
    );
    await browser.send("POST", "/window", { handle });
    await clinic.click("Dr. Tomas Lindqvist", ".gate");
    await clinic.ready();
    await browser.send("POST", "/window", { handle: first });
    await clinic.reads("You are signed out.");
    await clinic.reads("Demonstration accounts");
    await clinic.assertQuiet();
    await browser.send("POST", "/window", { handle });
    await clinic.reads("Dr. Tomas Lindqvist", ".who");
    await browser.send("DELETE", "/window");
    await browser.send("POST", "/window", { handle: first });
  },

  async "the tab that listens is closed: another one listens in its place"({ ward, clinic }) {
    await ward.enters("Dr. Ada Okafor");
    await clinic.enters("Noah Brunner");
    const { browser } = clinic;
    const first = await browser.send("GET", "/window");
    const { handle } = await browser.send("POST", "/window/new", { type: "window" });
    await browser.send("POST", "/window", { handle });
    await browser.goto(`${clinic.url}/`);
    await clinic.ready();
    await browser.send("POST", "/window", { handle: first });
    await browser.goto("about:blank");
    await sendTransfer(ward, { patient: "To the tab that is left" });
    await browser.send("POST", "/window", { handle });
    await clinic.reads("To the tab that is left", ".rows");
    await browser.send("DELETE", "/window");
    await browser.send("POST", "/window", { handle: first });
  },

  async "a browser without Web Locks hears what comes, and goes on after a break"({ ward, clinic, site }) {
    await ward.enters("Dr. Ada Okafor");
    await clinic.visit("no-locks.html");
    await clinic.click("Noah Brunner", ".gate");
    await clinic.ready();
    await sendTransfer(ward, { patient: "Without locks" });
    await clinic.reads("Without locks", ".rows");
    await site.servers.app.stop();
    await site.servers.app.start();
    await sendTransfer(ward, { patient: "Without locks again" });
    await clinic.reads("Without locks again", ".rows");
  },

  async "a recovery whose last answer was lost goes on where it was, without another code"({ clinic, site }) {
    const sent = (await (await fetch(`${site.url}/api/dev/mail`)).json()).filter(({ to }) =>
      to?.includes("leila.haddad"),
    );
    await clinic.visit();
    await clinic.click("Forgotten password?");
    await clinic.type("User ID", "leila.haddad");
    await clinic.click("Send the code");
    await clinic.reads("The code was sent to");
    const [{ code }] = await mails(site, "leila.haddad", sent.length);
    await clinic.browser.run(() => {
      const { fetch } = window;
      window.fetch = async (url, options) => {
        const answer = await fetch(url, options);
        if (url === "/api/login-secret" && window.isCut) throw new TypeError("the line is cut");
        return answer;
      };
      window.isCut = true;
    });
    await clinic.type("Code from the e-mail", code);
    await clinic.type("New password", "nineteen swallows over the lake");
    await clinic.click("Set new password");
    await clinic.reads("No connection.");
    await clinic.reads("Try again to go on with it");
    await clinic.browser.run(() => {
      window.isCut = false;
    });
    await clinic.click("Try again");
    await clinic.reads("Your new password is set");
    await clinic.ready();
    assert.ok((await clinic.texts(".rows .row[data-closed=false]")).length > 0);
  },

  async "a recovery that broke off before the new password was set says that the old one counts"({ clinic, site }) {
    const sent = (await (await fetch(`${site.url}/api/dev/mail`)).json()).filter(({ to }) =>
      to?.includes("leila.haddad"),
    );
    await clinic.visit();
    await clinic.click("Forgotten password?");
    await clinic.type("User ID", "leila.haddad");
    await clinic.click("Send the code");
    const [{ code }] = await mails(site, "leila.haddad", sent.length);
    await clinic.browser.run(() => {
      const { fetch } = window;
      window.fetch = async (url, options) => {
        if (url === "/api/login-secret" && window.isCut) throw new TypeError("the line is cut");
        return fetch(url, options);
      };
      window.isCut = true;
    });
    await clinic.type("Code from the e-mail", code);
    await clinic.type("New password", "twenty swallows over the lake");
    await clinic.click("Set new password");
    await clinic.reads("No connection.");
    await clinic.browser.run(() => {
      window.isCut = false;
    });
    await clinic.click("Try again");
    await clinic.reads("Your password is as it was");
    await clinic.click("Send another code");
    const [again] = await mails(site, "leila.haddad", sent.length + 1);
    await clinic.type("Code from the e-mail", again.code);
    await clinic.click("Set new password");
    await clinic.reads("Your new password is set");
    await clinic.ready();
  },

  async "what was sent was sent, also where the list can't be read then, and what is typed meanwhile stays"({ ward }) {
    await ward.enters("Dr. Ada Okafor");
    await ward.browser.run(() => {
      const { fetch } = window;
      window.sent = 0;
      window.fetch = async (url, options) => {
        if (url === "/api/transfers" && options?.method === "POST") window.sent += 1;
        if (window.sent === 1 && /^\/api\/transfers\/[^/]+$/.test(url) && !window.isBack) throw new TypeError("cut");
        if (url.endsWith("/messages") && options?.method === "POST") {
          await new Promise((resolve) => {
            window.letGo = resolve;
          });
        }
        return fetch(url, options);
      };
    });
    await writeTransfer(ward, { patient: "Listed Lisbeth" });
    await ward.click("Encrypt and send");
    await ward.reads("Listed Lisbeth", ".record");
    assert.equal(await ward.browser.run(() => window.sent), 1);
    await ward.type("Write a message", "First.");
    await ward.click("Send", ".say");
    await ward.reads("Sending…", ".say");
    await ward.type("Write a message", "Second, while the first is sent.");
    await ward.browser.until("the request", () => window.letGo !== undefined);
    await ward.browser.run(() => window.letGo());
    await ward.reads("First.", ".messages");
    await ward.reads("Send", ".say");
    assert.equal(
      await ward.browser.run(() => globalThis.look.field("Write a message").value),
      "Second, while the first is sent.",
    );
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

  async "a card whose person has another password by now leads to the form"({ ward, clinic, site }) {
    const { people } = await (await fetch(`${site.url}/api/config`)).json();
    const { demoPassword } = people.find(({ userId }) => userId === "jonas.weber");
    const password = "a ladder against the barn";
    await clinic.visit();
    await ward.enters("Dr. Jonas Weber");
    await ward.goes("This workstation");
    await ward.click("Change password");
    await ward.type("Current password", demoPassword);
    await ward.type("New password", password);
    await ward.click("Change password", "details[open] form");
    await ward.reads("Your password is changed.");
    await clinic.click("Dr. Jonas Weber", ".gate");
    await clinic.reads("Dr. Jonas Weber has changed the password");
    assert.equal(await clinic.browser.run(() => globalThis.look.field("User ID").value), "jonas.weber");
    await clinic.type("Password", password);
    await clinic.click("Sign in");
    await clinic.ready();
  },
};
