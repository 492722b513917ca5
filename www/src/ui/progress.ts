import type { Progress } from "wardkey";
import { formatBytes } from "../format";
import { say } from "../messages";
import { freshId, h, show } from "./dom";

/** How far a long piece of work is, and the way out of it. */
export class ProgressBar {
  readonly element: HTMLElement;
  readonly #label = h("span", { id: freshId("progress") });
  readonly #amount = h("span", { class: "amount" });
  readonly #bar = h("progress", { max: 1, value: 0, "aria-labelledby": this.#label.id });
  readonly #cancel = h("button", { type: "button" }, say.compose.cancel);
  #controller = new AbortController();

  constructor() {
    this.#cancel.addEventListener("click", () => this.cancel());
    this.element = h(
      "div",
      { class: "progress", hidden: true },
      h("div", { class: "progress-text" }, this.#label, this.#amount),
      this.#bar,
      this.#cancel,
    );
  }

  start(label: string, totalBytes: number): AbortSignal {
    this.#controller = new AbortController();
    this.#label.textContent = label;
    this.update({ bytesProcessed: 0, totalBytes });
    this.element.hidden = false;
    return this.#controller.signal;
  }

  readonly update = ({ bytesProcessed, totalBytes = 0 }: Progress): void => {
    this.#bar.value = totalBytes > 0 ? bytesProcessed / totalBytes : 0;
    this.#amount.textContent = `${formatBytes(bytesProcessed)} of ${formatBytes(totalBytes)}`;
  };

  /** All bytes are through; something of unknown length is left. */
  finishing(label: string): void {
    this.#label.textContent = label;
    this.#bar.removeAttribute("value");
  }

  cancel(): void {
    this.#controller.abort();
  }

  /** Goes; if the focus was in here, `focusNext` gets it. */
  stop(focusNext: HTMLElement): void {
    show(this.element, false, focusNext);
  }
}
