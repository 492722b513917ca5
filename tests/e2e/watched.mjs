// What fails on another machine must be understood from what it leaves behind: the words of each desk's page, and a picture of it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots", import.meta.url));

const MOST_WORDS = 2000;
/** A page that hangs isn't waited for. */
const PATIENCE_MS = 30_000;

const fileName = (words) =>
  words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 100);

/** What the page looks like, for people to see after the tests. */
export async function keepPicture({ browser, engine }, what, mark = "") {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const path = join(SCREENSHOTS, `${mark}${engine}-${fileName(what)}.png`);
  writeFileSync(path, Buffer.from(await browser.send("GET", "/screenshot"), "base64"));
  return path;
}

/** Does this at these desks; where it fails, the error says what each of them showed. */
export async function watched(name, desks, work) {
  try {
    return await work();
  } catch (error) {
    const reports = await Promise.all(desks.map((desk) => report(name, desk)));
    throw new Error([`${error.message}`, ...reports].join("\n\n"), { cause: error });
  }
}

async function report(name, desk) {
  const answers = async () => {
    const { address, alerts, problems, words } = await desk.browser.run(() => {
      // biome-ignore lint/performance/useDomNodeTextContent: what can be read, not what is hidden
      const read = (element) => element.innerText.replace(/\s+/g, " ");
      const all = (selector) => [...document.querySelectorAll(selector)].map(read);
      return {
        address: location.href,
        alerts: all("[role=alert]"),
        problems: globalThis.problems ?? [],
        // What somebody is at comes before the frame around it.
        words: all("dialog[open], .detail, main, body").reverse().join(" | "),
      };
    });
    const lines = [
      `${desk.desk} showed ${address}`,
      ...alerts.map((alert) => `  alert: ${alert}`),
      ...problems.map((problem) => `  problem: ${problem}`),
      `  ${words.slice(0, MOST_WORDS)}`,
      `  picture: ${await keepPicture(desk, `${desk.desk} ${name}`, "failed-")}`,
    ];
    return lines.join("\n");
  };
  const silence = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
    throw new Error("it doesn't answer");
  });
  return Promise.race([answers(), silence]).catch((error) => `${desk.desk} can't be asked: ${error.message}`);
}
