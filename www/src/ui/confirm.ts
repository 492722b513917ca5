import { say } from "../messages";
import { freshId, h } from "./dom";

/** Asks before something is lost. Escape and "Cancel" are no. */
export function confirmed(title: string, text: string | readonly string[], action: string): Promise<boolean> {
  const heading = h("h2", { id: freshId("dialog") }, title);
  const body = h("div", { id: freshId("dialog-text") }, ...[text].flat().map((line) => h("p", {}, line)));
  const no = h("button", { type: "button", autofocus: true }, say.confirm.cancel);
  const yes = h("button", { type: "button", class: "danger" }, action);
  const dialog = h(
    "dialog",
    { "aria-labelledby": heading.id, "aria-describedby": body.id },
    heading,
    body,
    h("div", { class: "actions" }, no, yes),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    yes.addEventListener("click", () => dialog.close("yes"));
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    dialog.showModal();
  });
}
