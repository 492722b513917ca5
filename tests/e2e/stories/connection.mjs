// Lines that break, servers that are away, and many tabs: what was under way goes on, and nothing is said that isn't so.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { until } from "../../../scripts/webdriver.mjs";
import { mails, mailsSoFar } from "../site.mjs";
import { asksForCode } from "./keys.mjs";
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

export const connection = {
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
    await clinic.visit();
    const code = await asksForCode(clinic, site, "leila.haddad");
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
    await clinic.visit();
    const code = await asksForCode(clinic, site, "leila.haddad");
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
    const before = (await mailsSoFar(site, "leila.haddad")).length;
    await clinic.click("Send another code");
    const [again] = await mails(site, "leila.haddad", before);
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
