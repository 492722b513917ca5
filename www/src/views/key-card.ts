import type { App } from "../app";
import type { Clinician } from "../clinician";
import { formatTime } from "../format";
import { say } from "../messages";
import { grouped } from "../ui/code";
import { confirmed } from "../ui/confirm";
import { h, painted, show } from "../ui/dom";
import { icon } from "../ui/icons";
import { Status } from "../ui/status";
import { PasswordForm } from "./password-form";

/** A clinician's key pair: made, backed up, gone, brought back. */
export class KeyCard {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #clinician: Clinician;
  readonly #status = new Status();
  readonly #fingerprint = h("p", { class: "fingerprint" });
  readonly #backupState = h("p", {});
  readonly #backupSummary = h("summary", {});
  readonly #backupForm: PasswordForm;
  readonly #backup: HTMLDetailsElement;
  readonly #unlockForm: PasswordForm;
  readonly #unlockText = h("p", {});
  readonly #startOver = h("button", { type: "button" }, say.unlock.startOver);
  readonly #create = h("button", { type: "button", class: "primary" }, say.keys.create);
  readonly #absent: HTMLElement;
  readonly #ready: HTMLElement;
  readonly #locked: HTMLElement;

  constructor(app: App, clinician: Clinician) {
    this.#app = app;
    this.#clinician = clinician;
    const { userId } = clinician;
    this.#backupForm = new PasswordForm({
      userId,
      submit: say.backup.submit,
      isNew: true,
      onPassword: (password) => this.#backUp(password),
    });
    this.#unlockForm = new PasswordForm({
      userId,
      submit: say.unlock.submit,
      isNew: false,
      onPassword: (password) => this.#unlock(password),
    });
    this.#create.addEventListener("click", () => this.createKeys());
    this.#startOver.addEventListener("click", () => this.#confirmStartOver());
    this.#backup = h("details", {}, this.#backupSummary, this.#backupForm.element);
    this.#absent = h("div", {}, h("p", {}, say.keys.absent), this.#create);
    this.#ready = h(
      "div",
      {},
      h("p", { class: "caption" }, say.keys.fingerprint),
      this.#fingerprint,
      h("p", { class: "fine" }, say.keys.memory),
      h("h4", {}, say.backup.title),
      this.#backupState,
      this.#backup,
    );
    this.#locked = h(
      "div",
      { class: "gone" },
      h("p", { class: "gone-title" }, icon("lock"), h("strong", {}, say.unlock.title)),
      this.#unlockText,
      this.#unlockForm.element,
      this.#startOver,
    );
    this.element = h(
      "div",
      { class: "block" },
      h("h3", {}, say.keys.title),
      this.#absent,
      this.#ready,
      this.#locked,
      this.#status.element,
    );
    clinician.subscribe(() => this.#update());
    this.#update();
  }

  /** For whatever needs the key while it is gone. */
  askToUnlock(): void {
    this.#status.bad({ text: say.unlock.first, code: "locked" });
    const target = [this.#unlockForm.element, this.#startOver, this.#create].find(({ hidden }) => !hidden);
    if (target === this.#unlockForm.element) this.#unlockForm.focus();
    else target?.focus();
  }

  /** What was said and typed for an earlier key. */
  reset(): void {
    this.#status.clear();
    this.#backupForm.clear();
    this.#unlockForm.clear();
    this.#backup.open = false;
  }

  async createKeys(): Promise<void> {
    this.#status.busy(say.keys.creating);
    await painted();
    try {
      await this.#clinician.createKeys();
      this.#status.good(say.keys.created);
    } catch (error) {
      this.#status.failed(error, "keys");
    }
  }

  async #confirmStartOver(): Promise<void> {
    const { startOverTitle, startOver, startOverAction } = say.confirm;
    if (!(await confirmed(startOverTitle, startOver(this.#clinician.person), startOverAction))) return;
    this.#status.focus();
    await this.createKeys();
  }

  async #backUp(password: string): Promise<void> {
    this.#status.busy(say.backup.busy);
    await painted();
    const start = performance.now();
    try {
      await this.#clinician.backUp(password);
    } catch (error) {
      this.#status.failed(error, "backup");
      this.#backupForm.focus();
      return;
    }
    this.#status.good(say.backup.done(performance.now() - start));
    if (this.#backup.contains(document.activeElement)) this.#backupSummary.focus();
    this.#backup.open = false;
  }

  async #unlock(password: string): Promise<void> {
    const backup = this.#app.server.backupOf(this.#clinician.userId);
    if (!backup) return;
    this.#status.busy(say.backup.busy);
    await painted();
    const start = performance.now();
    try {
      await this.#clinician.unlock(backup.bytes, password);
      this.#status.good(say.unlock.done(performance.now() - start));
    } catch (error) {
      this.#status.failed(error, "unlock");
      this.#unlockForm.focus();
    }
  }

  #update(): void {
    const { state, fingerprint, userId } = this.#clinician;
    const backup = this.#app.server.backupOf(userId);
    show(this.#absent, state === "absent", this.#status.element);
    show(this.#ready, state === "ready", this.#status.element);
    show(this.#locked, state === "locked", this.#status.element);
    show(this.#unlockForm.element, backup !== undefined, this.#status.element);
    show(this.#startOver, backup === undefined, this.#status.element);
    this.#unlockText.textContent = backup ? say.unlock.withBackup : say.unlock.withoutBackup;
    this.#backupState.textContent = backup ? say.backup.since(formatTime(backup.storedAt)) : say.backup.none;
    this.#backupSummary.textContent = backup ? say.backup.again : say.backup.first;
    this.#fingerprint.replaceChildren(...(fingerprint === undefined ? [] : [grouped(fingerprint)]));
  }
}
