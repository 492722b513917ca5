import { SHORTEST_PASSWORD, say } from "../messages";
import { freshId, h } from "../ui/dom";
import { FormField } from "../ui/field";

interface Options {
  readonly userId: string;
  readonly submit: string;
  /** A new password is asked for twice, and must not be short. */
  readonly isNew: boolean;
  readonly onPassword: (password: string) => Promise<void>;
}

/** Asks for a password. No field has a name, so the browser can't put it into a URL; it is cleared as soon as it is used. */
export class PasswordForm {
  readonly element: HTMLFormElement;
  readonly #fields: FormField<HTMLInputElement>[];
  readonly #reveal = h("input", { type: "checkbox", id: freshId("reveal") });
  #busy = false;

  constructor({ userId, submit, isNew, onPassword }: Options) {
    const input = () =>
      h("input", {
        type: "password",
        autocomplete: isNew ? "new-password" : "current-password",
        spellcheck: "false",
        required: true,
      });
    const { backup } = say;
    this.#fields = isNew
      ? [new FormField(backup.password, input(), backup.hint), new FormField(backup.repeat, input())]
      : [new FormField(backup.password, input())];
    this.#reveal.addEventListener("change", () => this.#showText(this.#reveal.checked));
    this.element = h(
      "form",
      { novalidate: true, class: "password-form" },
      // tells a password manager whose password this is
      h("input", { type: "text", autocomplete: "username", value: userId, readonly: true, hidden: true }),
      ...this.#fields.map((field) => field.element),
      h(
        "div",
        { class: "check" },
        this.#reveal,
        h("label", { for: this.#reveal.id }, isNew ? backup.showBoth : backup.show),
      ),
      h("button", { type: "submit", class: "primary" }, submit),
    );
    this.element.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (this.#busy || !this.#acceptable(isNew)) return;
      const password = this.#values()[0] ?? "";
      this.clear();
      this.#busy = true;
      await onPassword(password);
      this.#busy = false;
    });
  }

  focus(): void {
    this.#fields[0]?.control.focus();
  }

  clear(): void {
    for (const field of this.#fields) {
      field.control.value = "";
      field.complain();
    }
    this.#reveal.checked = false;
    this.#showText(false);
  }

  #values(): string[] {
    return this.#fields.map(({ control }) => control.value);
  }

  #acceptable(isNew: boolean): boolean {
    const [password = "", repeated] = this.#values();
    const [first, second] = this.#fields;
    if (password === "") first?.complain(say.backup.missing);
    else if (isNew && [...password].length < SHORTEST_PASSWORD) first?.complain(say.backup.tooShort);
    else if (repeated !== undefined && repeated !== password) second?.complain(say.backup.different);
    else return true;
    return false;
  }

  #showText(visible: boolean): void {
    for (const { control } of this.#fields) control.type = visible ? "text" : "password";
  }
}
