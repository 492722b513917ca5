import { cleanFileName } from "../format";
import { say } from "../messages";
import { freshId, h, show } from "../ui/dom";
import { icon } from "../ui/icons";

/** Chooses one file, by button or by dropping it. */
export class FilePicker {
  readonly element: HTMLElement;
  readonly #input = h("input", { type: "file", id: freshId("file"), class: "file-input" });
  readonly #chosen = h("p", { class: "chosen", hidden: true, "aria-live": "polite" });
  readonly #remove = h("button", { type: "button", class: "plain", hidden: true }, say.compose.removeFile);
  #file: File | undefined;

  constructor() {
    const hint = h("span", { id: freshId("drop"), class: "hint" }, say.compose.drop);
    this.#input.setAttribute("aria-describedby", hint.id);
    this.#input.addEventListener("change", () => this.#take(this.#input.files?.[0]));
    this.#remove.addEventListener("click", () => {
      this.clear();
      this.#input.focus();
    });
    const zone = h(
      "div",
      { class: "drop" },
      icon("file"),
      h("div", {}, this.#input, h("label", { for: this.#input.id, class: "button" }, say.compose.choose), " ", hint),
      this.#chosen,
      this.#remove,
    );
    zone.addEventListener("dragover", () => zone.classList.add("over"));
    for (const end of ["dragleave", "drop"]) zone.addEventListener(end, () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => this.#take(event.dataTransfer?.files[0]));
    const caption = h("p", { class: "caption", id: freshId("file-caption") }, say.compose.file);
    this.element = h("div", { role: "group", "aria-labelledby": caption.id }, caption, zone);
  }

  get file(): File | undefined {
    return this.#file;
  }

  clear(): void {
    this.#input.value = "";
    this.#file = undefined;
    this.#update();
  }

  #take(file: File | undefined): void {
    if (!file) return;
    this.#file = file;
    this.#update();
  }

  #update(): void {
    this.#chosen.textContent = this.#file ? say.compose.chosen(cleanFileName(this.#file.name), this.#file.size) : "";
    this.#chosen.hidden = this.#file === undefined;
    show(this.#remove, this.#file !== undefined);
  }
}

/** A file dropped beside the zone must not replace the page, and with it the server and the keys. */
export function keepDropsInside(): void {
  for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault());
}
