// The three engines: where their browsers and drivers are, what they are asked for, and the display that one of them needs.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CHROMIUM_ARGS } from "./chromium.mjs";
import { ask, cache, Failure, root, run } from "./run.mjs";

const inCi = !["", "0", "false"].includes(process.env.CI ?? "");
const compiled = join(cache, "tools", "bin", "geckodriver");
const which = (...names) => names.map((name) => ask("which", [name])).find(Boolean);

/** By the name of each engine: its browser, the ways to get it, and its WebDriver capabilities. `downloads` is the folder that files are saved to. */
export const ENGINES = {
  chromium: {
    browser: "Chromium",
    wasmPack: ["--chrome", "--chromedriver"],
    packages: ["chromium", "chromium-driver"],
    find: () => ({
      binary: process.env.CHROMIUM ?? which("chromium", "google-chrome"),
      driver: process.env.CHROMEDRIVER ?? which("chromedriver"),
    }),
    capabilities: ({ binary }, downloads) => ({
      "goog:chromeOptions": { binary, args: CHROMIUM_ARGS, prefs: { "download.default_directory": downloads } },
    }),
    env: () => ({}),
  },
  firefox: {
    browser: "Firefox",
    wasmPack: ["--firefox", "--geckodriver"],
    packages: ["firefox-esr"],
    find: () => ({
      binary: process.env.FIREFOX ?? which("firefox-esr", "firefox"),
      driver: process.env.GECKODRIVER ?? (existsSync(compiled) ? compiled : which("geckodriver")),
    }),
    capabilities: ({ binary }, downloads) => ({
      "moz:firefoxOptions": {
        binary,
        args: ["-headless"],
        prefs: {
          "browser.download.folderList": 2,
          "browser.download.dir": downloads,
          "browser.download.alwaysOpenPanel": false,
          "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream",
          // A saved PDF would be shown in a tab in front of the page.
          "pdfjs.disabled": true,
        },
      },
    }),
    env: () => ({}),
  },
  webkit: {
    browser: "WebKit",
    // The test runner knows it as Safari.
    wasmPack: ["--safari", "--safaridriver"],
    packages: ["webkit2gtk-driver", "xvfb"],
    // The driver brings its browser, MiniBrowser, which has no headless mode.
    find: () => ({
      binary: process.env.DISPLAY ?? which("Xvfb"),
      driver: process.env.WEBKITDRIVER ?? which("WebKitWebDriver"),
    }),
    capabilities: () => ({}),
    env: () => ({
      // WebKitGTK 2.50 on a busy machine sometimes computes wrongly while a module is compiled beside the page: docs/THREAT-MODEL.md, "What the browser computes".
      JSC_useConcurrentJIT: "0",
      ...(process.getuid?.() === 0 ? { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" } : {}),
    }),
  },
};

/** An engine as it is found here, or undefined. */
export function find(engine) {
  const found = ENGINES[engine].find();
  return found.binary && found.driver ? found : undefined;
}

/** What is said of an engine that isn't here. */
export function missing(engine) {
  const { browser, packages } = ENGINES[engine];
  const driver = engine === "firefox" ? " and cargo install geckodriver --locked" : "";
  return `${browser} or its driver is missing: as root, npm test installs them; else apt-get install ${packages.join(" ")}${driver}`;
}

/** The engines to test in. One that is missing is an error in CI, and a line elsewhere; none is an error everywhere. */
export function present() {
  const engines = Object.keys(ENGINES).filter((engine) => {
    if (find(engine)) return true;
    if (inCi) throw new Failure(missing(engine));
    console.log(`NOT TESTED in ${ENGINES[engine].browser}. ${missing(engine)}`);
    return false;
  });
  if (engines.length === 0) throw new Failure("there is no browser to test in");
  return engines;
}

/** A display for a browser that wants one: the present one or a virtual one, until `close()`. */
export async function display() {
  if (process.env.DISPLAY) return { name: process.env.DISPLAY, close() {} };
  const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const number = await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code) => reject(new Failure(`Xvfb ended with ${code}`)));
    server.stdio[3].once("data", (data) => resolve(String(data).trim()));
  });
  return { name: `:${number}`, close: () => server.kill() };
}

/** The core's tests in a page: tests/web, compiled to WebAssembly. */
export async function testCore(engine) {
  const { wasmPack, env } = ENGINES[engine];
  const { driver } = find(engine);
  const screen = engine === "webkit" ? await display() : undefined;
  try {
    run("wasm-pack", ["test", "--headless", ...wasmPack, driver, "--", "--locked", "--test", "web"], {
      env: {
        // wasm-pack names the driver; any other that is named would go before it.
        GECKODRIVER: undefined,
        CHROMEDRIVER: undefined,
        // In seconds: all of them, and the driver's start. It waits for 20 and 5.
        WASM_BINDGEN_TEST_TIMEOUT: "600",
        WASM_BINDGEN_TEST_DRIVER_TIMEOUT: "120",
        ...env(),
        ...(screen
          ? { DISPLAY: screen.name, WASM_BINDGEN_TEST_WEBDRIVER_JSON: join(root, "tests/web/webkit.json") }
          : {}),
      },
    });
  } finally {
    screen?.close();
  }
}
