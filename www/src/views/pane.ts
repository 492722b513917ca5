import type { App } from "../app";
import type { Clinician } from "../clinician";
import { STATE_TEXT } from "../messages";
import { freshId, h } from "../ui/dom";
import { icon } from "../ui/icons";
import { Compose } from "./compose";
import { Inbox } from "./inbox";
import { KeyCard } from "./key-card";

/** One clinician's screen. */
export class Pane {
  readonly #keys: KeyCard;
  readonly #clinician: Clinician;
  readonly #element: HTMLElement;
  readonly #badge = h("span", { class: "badge" });
  readonly #compose: Compose | undefined;

  constructor(element: HTMLElement, app: App, clinician: Clinician, options: { sends: boolean }) {
    this.#element = element;
    this.#clinician = clinician;
    this.#keys = new KeyCard(app, clinician);
    const askToUnlock = () => this.#keys.askToUnlock();
    this.#compose = options.sends ? new Compose(app, clinician) : undefined;
    const inbox = new Inbox(app, clinician, askToUnlock);
    const { facility, name, place } = clinician.person;
    const title = h("h2", { id: freshId("pane") }, facility);
    element.setAttribute("aria-labelledby", title.id);
    element.append(
      h("div", { class: "pane-head" }, h("div", {}, title, h("p", {}, `${name}, ${place}`)), this.#badge),
      this.#keys.element,
      ...(this.#compose ? [this.#compose.element] : []),
      inbox.element,
    );
    clinician.subscribe(() => this.#update());
    this.#update();
  }

  /** Makes the key pair of a clinician who never had one. */
  async createFirstKeys(): Promise<void> {
    if (this.#clinician.state === "absent") await this.#keys.createKeys();
  }

  /** Forgets what was typed and said, as a closed browser does. */
  reset(): void {
    this.#keys.reset();
    this.#compose?.reset();
  }

  #update(): void {
    const { state } = this.#clinician;
    this.#element.dataset.state = state;
    this.#badge.replaceChildren(icon(state === "ready" ? "key" : "lock"), STATE_TEXT[state]);
  }
}
