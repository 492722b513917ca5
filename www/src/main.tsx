import "./styles/main.css";
import { render } from "preact";
import { language } from "./language";
import { Workstation } from "./model/workstation";
import { Station } from "./station";
import { App } from "./views/app";

// A file that is dropped beside its place isn't opened instead of the page.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());

// A browser may keep a page that was left, as it was, and show it again: whoever is there by then sees what is so now.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

const root = document.getElementById("app");
if (root) {
  language.apply();
  const station = new Workstation();
  render(
    <Station.Provider value={station}>
      <App />
    </Station.Provider>,
    root,
  );
  void station.start();
}
