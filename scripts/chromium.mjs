/** How Chromium is started wherever a script or a test drives it: headless, as root too, and without calling home. webdriver.json says the same for wasm-pack. */
export const CHROMIUM_ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
