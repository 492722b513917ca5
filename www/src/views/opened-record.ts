import { sha256 } from "../bytes";
import type { Clinician } from "../clinician";
import { cleanFileName, formatDay } from "../format";
import { say } from "../messages";
import type { AttachedFile, TransferRecord } from "../record";
import type { Transfer } from "../server";
import { grouped } from "../ui/code";
import { h, painted, show } from "../ui/dom";
import { SaveLink } from "../ui/download";
import { ProgressBar } from "../ui/progress";
import { Status } from "../ui/status";

/** A decrypted record on the page, as text, and the way to its file. */
export class OpenedRecord {
  readonly element: HTMLElement;
  readonly #clinician: Clinician;
  readonly #transfer: Transfer;
  readonly #progress = new ProgressBar();
  readonly #status = new Status();
  readonly #result = h("div", { class: "result" });
  readonly #button = h("button", { type: "button" });
  #link: SaveLink | undefined;
  #busy = false;

  constructor(clinician: Clinician, transfer: Transfer, record: TransferRecord) {
    this.#clinician = clinician;
    this.#transfer = transfer;
    const { compose } = say;
    this.element = h(
      "div",
      { class: "record" },
      h(
        "dl",
        {},
        ...entry(compose.patient, record.patient),
        ...entry(compose.born, record.born && formatDay(record.born)),
        ...entry(compose.diagnosis, record.diagnosis),
        ...entry(compose.notes, record.notes),
        ...(record.file ? entry(compose.file, compose.chosen(cleanFileName(record.file.name), record.file.size)) : []),
      ),
      record.file && this.#fileBlock(record.file),
    );
  }

  /** Ends what is under way and forgets the decrypted file. */
  release(): void {
    this.#progress.cancel();
    this.#link?.release();
  }

  #fileBlock(file: AttachedFile): HTMLElement {
    this.#button.textContent = say.inbox.decryptFile(file.size);
    this.#button.addEventListener("click", () => this.#decrypt(file));
    return h("div", { class: "record-file" }, this.#button, this.#progress.element, this.#status.element, this.#result);
  }

  async #decrypt(file: AttachedFile): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#status.clear();
    const signal = this.#progress.start(say.inbox.decrypting(cleanFileName(file.name)), file.size);
    await painted();
    try {
      const data = await this.#clinician.openFile(this.#transfer, { signal, onProgress: this.#progress.update });
      this.#progress.finishing(say.inbox.digesting);
      const digest = await sha256(data);
      const link = await SaveLink.make(data, file.name, say.inbox.saveFile(cleanFileName(file.name)));
      if (signal.aborted) {
        link.release();
        signal.throwIfAborted();
      }
      this.#offer(link, digest, file);
    } catch (error) {
      this.#status.failed(error, "file");
    } finally {
      this.#progress.stop(this.#link?.element ?? this.#button);
      this.#busy = false;
    }
  }

  #offer(link: SaveLink, digest: string | undefined, file: AttachedFile): void {
    this.#link = link;
    const same = digest !== undefined && digest === file.sha256;
    const differs = digest !== undefined && file.sha256 !== undefined && !same;
    this.#result.replaceChildren(
      link.element,
      ...(digest === undefined ? [] : [h("p", { class: "caption" }, say.inbox.digest), grouped(digest)]),
    );
    show(this.#button, false, link.element);
    if (differs) this.#status.bad({ text: say.inbox.digestOther, code: "sha256" });
    else this.#status.good(same ? `${say.inbox.fileReady} ${say.inbox.digestSame}` : say.inbox.fileReady);
  }
}

function entry(term: string, value: string): HTMLElement[] {
  return [h("dt", {}, term), h("dd", { dir: "auto" }, value === "" ? say.inbox.empty : value)];
}
