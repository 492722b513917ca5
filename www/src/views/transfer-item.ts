import type { App } from "../app";
import type { Clinician } from "../clinician";
import { markOpened } from "../device";
import { formatTime, shortId } from "../format";
import { say } from "../messages";
import { personOf } from "../people";
import type { Transfer } from "../server";
import { freshId, h, painted } from "../ui/dom";
import { Status } from "../ui/status";
import { OpenedRecord } from "./opened-record";

/** One transfer in a clinician's list: closed, or open with its record. */
export class TransferItem {
  readonly element: HTMLLIElement;
  readonly #app: App;
  readonly #clinician: Clinician;
  readonly #transfer: Transfer;
  readonly #fresh = h("span", { class: "badge new" }, say.inbox.fresh);
  readonly #content = h("div", { id: freshId("record") });
  readonly #status = new Status();
  readonly #button: HTMLButtonElement;
  #opened: OpenedRecord | undefined;
  #busy = false;

  constructor(app: App, clinician: Clinician, transfer: Transfer, askToUnlock: () => void) {
    this.#app = app;
    this.#clinician = clinician;
    this.#transfer = transfer;
    this.#button = h("button", { type: "button", "aria-controls": this.#content.id });
    this.#button.addEventListener("click", () => {
      if (this.#opened) this.close();
      else if (clinician.state === "ready") this.#open();
      else askToUnlock();
    });
    this.element = h(
      "li",
      { class: "transfer" },
      h(
        "div",
        { class: "transfer-head" },
        h(
          "div",
          {},
          h("strong", {}, say.inbox.label(shortId(transfer.id))),
          " ",
          this.#fresh,
          h("p", {}, this.#origin()),
        ),
        this.#button,
      ),
      this.#status.element,
      this.#content,
    );
    this.#label();
  }

  set fresh(fresh: boolean) {
    this.#fresh.hidden = !fresh;
  }

  /** Takes what was opened off the page. */
  close(): void {
    this.#opened?.release();
    this.#opened = undefined;
    this.#content.replaceChildren();
    this.#status.clear();
    this.#label();
  }

  async #open(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#status.busy(say.inbox.opening);
    await painted();
    try {
      const record = await this.#clinician.open(this.#transfer);
      this.#opened = new OpenedRecord(this.#clinician, this.#transfer, record);
      this.#content.replaceChildren(this.#opened.element);
      this.#status.unseen(say.inbox.opened);
      this.#label();
      this.#tell();
      await markOpened(this.#clinician.userId, this.#transfer.id);
      this.#app.storageChanged();
    } catch (error) {
      this.#status.failed(error, "open");
    } finally {
      this.#busy = false;
    }
  }

  #tell(): void {
    const { story, clinic } = this.#app;
    if (story.has("wiped")) story.done("reopened");
    else if (this.#clinician === clinic) story.done("opened");
  }

  #label(): void {
    const { open, openName, close, closeName } = say.inbox;
    const id = shortId(this.#transfer.id);
    this.#button.textContent = this.#opened ? close : open;
    this.#button.setAttribute("aria-label", this.#opened ? closeName(id) : openName(id));
    this.#button.setAttribute("aria-expanded", String(this.#opened !== undefined));
  }

  #origin(): string {
    const { from, sentAt, parts } = this.#transfer;
    const person = personOf(from);
    const origin = person ? say.inbox.from(person, from === this.#clinician.userId, formatTime(sentAt)) : "";
    return parts.length > 1 ? `${origin}, ${say.inbox.withFile}` : origin;
  }
}
