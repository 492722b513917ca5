import { type Explained, explain, type Situation } from "../messages";
import { h } from "./dom";
import { icon } from "./icons";

type Kind = "quiet" | "busy" | "plain" | "good" | "bad";

/** One line that says how it goes, read out by screen readers as it changes. */
export class Status {
  readonly element = h("div", { class: "status", role: "status", tabindex: -1 });

  clear(): void {
    this.#show("quiet");
  }

  /** Only read out: the page shows it already. */
  unseen(text: string): void {
    this.#show("quiet", h("span", { class: "unseen" }, text));
  }

  busy(text: string): void {
    this.#show("busy", h("span", {}, text));
  }

  good(text: string): void {
    this.#show("good", icon("check"), h("span", {}, text));
  }

  bad({ text, code }: Explained): void {
    this.#show("bad", icon("alert"), h("span", {}, text, " ", h("code", { class: "code" }, code)));
  }

  failed(error: unknown, situation: Situation): void {
    const explained = explain(error, situation);
    // what somebody asked for is no failure
    if (explained.code === "aborted") this.#show("plain", h("span", {}, explained.text));
    else this.bad(explained);
  }

  focus(): void {
    this.element.focus();
  }

  #show(kind: Kind, ...content: Node[]): void {
    this.element.dataset.kind = kind;
    this.element.replaceChildren(...content);
  }
}
