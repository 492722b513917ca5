import type { App } from "../app";
import type { Clinician } from "../clinician";
import { openedBy } from "../device";
import { say } from "../messages";
import type { Transfer } from "../server";
import { h } from "../ui/dom";
import { TransferItem } from "./transfer-item";

/** The transfers at the server, as one clinician sees them. */
export class Inbox {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #clinician: Clinician;
  readonly #askToUnlock: () => void;
  readonly #list = h("ul", { class: "transfers" });
  readonly #none = h("p", { class: "fine" }, say.inbox.none);
  readonly #items = new Map<Transfer, TransferItem>();
  #openedHere: ReadonlySet<string> = new Set();

  constructor(app: App, clinician: Clinician, askToUnlock: () => void) {
    this.#app = app;
    this.#clinician = clinician;
    this.#askToUnlock = askToUnlock;
    this.element = h("div", { class: "block" }, h("h3", {}, say.inbox.title), this.#none, this.#list);
    clinician.subscribe(() => this.#update());
    app.subscribe(() => this.#readOpened());
    this.#readOpened();
  }

  async #readOpened(): Promise<void> {
    this.#openedHere = await openedBy(this.#clinician.userId);
    this.#update();
  }

  #update(): void {
    const { transfers } = this.#app.server.holdings;
    for (const [transfer, item] of this.#items) {
      if (this.#clinician.state !== "ready") item.close();
      if (transfers.includes(transfer)) continue;
      item.close();
      item.element.remove();
      this.#items.delete(transfer);
    }
    for (const [at, transfer] of transfers.entries()) {
      const item =
        this.#items.get(transfer) ?? new TransferItem(this.#app, this.#clinician, transfer, this.#askToUnlock);
      this.#items.set(transfer, item);
      item.fresh = transfer.from !== this.#clinician.userId && !this.#openedHere.has(transfer.id);
      // an element that is where it belongs isn't moved: moving takes the focus away
      const here = this.#list.children[at];
      if (here !== item.element) this.#list.insertBefore(item.element, here ?? null);
    }
    this.#none.hidden = transfers.length > 0;
  }
}
