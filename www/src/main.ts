import "./styles/main.css";
import { init } from "wardkey";
import { App } from "./app";
import { say } from "./messages";
import { byId } from "./ui/dom";
import { Status } from "./ui/status";
import { browserCard } from "./views/browser-card";
import { keepDropsInside } from "./views/file-picker";
import { holdingsView } from "./views/holdings";
import { Pane } from "./views/pane";
import { serverFile } from "./views/server-file";
import { storyView } from "./views/story-view";

async function start(): Promise<void> {
  const notice = new Status();
  byId("notice").append(notice.element);
  notice.busy(say.starting);
  try {
    await init();
  } catch (error) {
    notice.failed(error, "start");
    return;
  }
  notice.clear();

  const app = new App();
  const panes = [
    new Pane(byId("ward"), app, app.ward, { sends: true }),
    new Pane(byId("clinic"), app, app.clinic, { sends: false }),
  ];
  const reset = () => {
    for (const pane of panes) pane.reset();
  };
  byId("story").append(storyView(app.story));
  byId("browser").append(browserCard(app, reset));
  byId("server").append(serverFile(app, reset), holdingsView(app));
  keepDropsInside();

  // the first start on this browser; one that remembers a key waits for the server's contents instead
  await Promise.all(panes.map((pane) => pane.createFirstKeys()));
}

start();
