import type { App } from "../app";
import type { Clinician } from "../clinician";
import { cleanFileName } from "../format";
import { say } from "../messages";
import { PEOPLE } from "../people";
import { type AttachedFile, LENGTHS } from "../record";
import { grouped } from "../ui/code";
import { freshId, h, painted, show } from "../ui/dom";
import { FormField } from "../ui/field";
import { ProgressBar } from "../ui/progress";
import { Status } from "../ui/status";
import { FilePicker } from "./file-picker";

const EXAMPLE = {
  patient: "Margarethe Ólafsdóttir",
  born: "1957-03-02",
  diagnosis: "Fracture of the left femoral neck, S72.0; hip replacement on 18 November",
  notes:
    "Partial weight-bearing for six weeks. Allergic to penicillin. Please begin gait training; she lives alone, third floor.",
};

/** The ward's form: a record, a file, or both. */
export class Compose {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #clinician: Clinician;
  readonly #patient = new FormField(
    say.compose.patient,
    h("input", { type: "text", maxlength: LENGTHS.patient, autocomplete: "off" }),
  );
  readonly #born = new FormField(say.compose.born, h("input", { type: "date", autocomplete: "off" }));
  readonly #diagnosis = new FormField(
    say.compose.diagnosis,
    h("input", { type: "text", maxlength: LENGTHS.diagnosis, autocomplete: "off" }),
  );
  readonly #notes = new FormField(say.compose.notes, h("textarea", { rows: 3, maxlength: LENGTHS.notes }));
  readonly #picker = new FilePicker();
  readonly #readers = h("ul", { class: "readers" });
  readonly #progress = new ProgressBar();
  readonly #status = new Status();
  readonly #result = h("div", { class: "result" });
  readonly #locked = h("p", { class: "fine" }, say.compose.locked);
  readonly #form: HTMLFormElement;
  #busy = false;

  constructor(app: App, clinician: Clinician) {
    this.#app = app;
    this.#clinician = clinician;
    const example = h("button", { type: "button" }, say.compose.example);
    example.addEventListener("click", () => this.#fillIn(EXAMPLE));
    const readersTitle = h("p", { class: "caption", id: freshId("readers") }, say.compose.readers);
    this.#readers.setAttribute("aria-labelledby", readersTitle.id);
    this.#form = h(
      "form",
      { novalidate: true },
      h("div", { class: "two" }, this.#patient.element, this.#born.element),
      this.#diagnosis.element,
      this.#notes.element,
      this.#picker.element,
      readersTitle,
      this.#readers,
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, say.compose.submit), example),
    );
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.element = h(
      "div",
      { class: "block" },
      h("h3", {}, say.compose.title),
      this.#locked,
      this.#form,
      this.#progress.element,
      this.#status.element,
      this.#result,
    );
    clinician.subscribe(() => this.#update());
    this.#update();
  }

  /** Forgets what was typed and said. */
  reset(): void {
    this.#form.reset();
    for (const field of [this.#patient, this.#born, this.#diagnosis, this.#notes]) field.complain();
    this.#picker.clear();
    this.#status.clear();
    this.#result.replaceChildren();
  }

  async #send(): Promise<void> {
    if (this.#busy) return;
    const { file } = this.#picker;
    const written = this.#written();
    if (written.patient === "" && !file) {
      this.#patient.complain(say.compose.empty);
      return;
    }
    if (!this.#born.control.validity.valid || new Date(written.born) > new Date()) {
      this.#born.complain(say.compose.future);
      return;
    }
    this.#busy = true;
    this.#result.replaceChildren();
    if (file) this.#status.unseen(say.compose.working);
    else this.#status.busy(say.compose.working);
    const signal = file && this.#progress.start(say.compose.encrypting(cleanFileName(file.name)), file.size);
    await painted();
    try {
      const sent = await this.#clinician.send(PEOPLE, written, file, {
        ...(signal ? { signal } : {}),
        onProgress: (progress) => {
          this.#progress.update(progress);
          if (progress.bytesProcessed === progress.totalBytes) this.#progress.finishing(say.compose.digesting);
        },
      });
      this.reset();
      this.#status.good(say.compose.sent);
      if (sent) this.#showDigest(sent);
    } catch (error) {
      this.#status.failed(error, "send");
    } finally {
      this.#busy = false;
      this.#progress.stop(this.#status.element);
    }
  }

  #written() {
    return {
      patient: this.#patient.control.value.trim(),
      born: this.#born.control.value,
      diagnosis: this.#diagnosis.control.value.trim(),
      notes: this.#notes.control.value.trim(),
    };
  }

  #fillIn(example: typeof EXAMPLE): void {
    this.#patient.control.value = example.patient;
    this.#born.control.value = example.born;
    this.#diagnosis.control.value = example.diagnosis;
    this.#notes.control.value = example.notes;
    for (const field of [this.#patient, this.#born, this.#diagnosis, this.#notes]) field.complain();
  }

  #showDigest({ name, sha256 }: AttachedFile): void {
    if (sha256 === undefined) return;
    this.#result.replaceChildren(
      h("p", { class: "caption" }, say.compose.sentFile(cleanFileName(name))),
      grouped(sha256),
    );
  }

  #update(): void {
    const unlocked = this.#clinician.state === "ready";
    show(this.#form, unlocked, this.#status.element);
    this.#locked.hidden = unlocked;
    this.#readers.replaceChildren(
      ...PEOPLE.map(({ name, userId }) => {
        const fingerprint = this.#app.fingerprintOf(userId);
        return h("li", {}, h("span", {}, name), fingerprint !== undefined && grouped(fingerprint.slice(0, 16)));
      }),
    );
  }
}
