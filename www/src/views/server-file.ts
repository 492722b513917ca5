import type { App, LoadCost } from "../app";
import { EXTENSION } from "../bundle";
import { say } from "../messages";
import { confirmed } from "../ui/confirm";
import { freshId, h } from "../ui/dom";
import { saveNow } from "../ui/download";
import { Status } from "../ui/status";

/** Saves what the server holds to a file, and loads it again. */
export function serverFile(app: App, afterLoad: () => void): HTMLElement {
  const status = new Status();
  const save = h("button", { type: "button" }, "Save server contents to a file");
  save.addEventListener("click", async () => {
    try {
      const name = `wardkey-server-${new Date().toISOString().slice(0, 10)}${EXTENSION}`;
      await app.save((file) => saveNow(file, name));
      status.good(say.server.saved(name));
    } catch (error) {
      status.failed(error, "save");
    }
  });

  const input = h("input", { type: "file", accept: EXTENSION, id: freshId("load"), class: "file-input" });
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    status.busy(say.server.loading);
    try {
      const { holdings, cost } = await app.read(file);
      if (await agreed(cost)) {
        app.load(holdings);
        afterLoad();
        status.good(say.server.loaded(holdings.transfers.length, holdings.backups.size));
      } else {
        status.clear();
      }
    } catch (error) {
      status.failed(error, "load");
    } finally {
      // so that the same file can be chosen again
      input.value = "";
    }
  });
  return h(
    "div",
    { class: "vault-tools" },
    h("div", { class: "actions" }, save, input, h("label", { for: input.id, class: "button" }, "Load from a file")),
    status.element,
  );
}

async function agreed(cost: LoadCost): Promise<boolean> {
  const reasons = say.confirm.load(cost);
  return reasons.length === 0 || confirmed(say.confirm.loadTitle, reasons, say.confirm.loadAction);
}
