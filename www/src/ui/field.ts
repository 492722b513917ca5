import { freshId, h } from "./dom";

type Control = HTMLInputElement | HTMLTextAreaElement;

/** A labelled control with an optional hint and its own error line. */
export class FormField<T extends Control> {
  readonly element: HTMLElement;
  readonly control: T;
  readonly #error: HTMLElement;

  constructor(label: string, control: T, hint?: string) {
    this.control = control;
    control.id ||= freshId("field");
    this.#error = h("p", { class: "field-error", id: `${control.id}-error` });
    const hintLine = hint === undefined ? undefined : h("p", { class: "hint", id: `${control.id}-hint` }, hint);
    const described = [hintLine?.id, this.#error.id].filter((id) => id !== undefined);
    control.setAttribute("aria-describedby", described.join(" "));
    control.addEventListener("input", () => this.complain());
    this.element = h("div", { class: "field" }, h("label", { for: control.id }, label), control, hintLine, this.#error);
  }

  /** Says what is wrong and puts the focus there; without a text, takes it back. */
  complain(text?: string): void {
    this.#error.textContent = text ?? "";
    this.control.setAttribute("aria-invalid", String(text !== undefined));
    if (text !== undefined) this.control.focus();
  }
}
