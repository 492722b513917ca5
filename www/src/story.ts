import { Observable } from "./observable";

/** The steps of the page's story, in order. */
export const STEPS = ["keys", "sent", "opened", "backedUp", "wiped", "reopened"] as const;
export type Step = (typeof STEPS)[number];

/** What the visitor has done so far. */
export class Story extends Observable {
  readonly #done = new Set<Step>();

  has(step: Step): boolean {
    return this.#done.has(step);
  }

  done(step: Step): void {
    if (this.#done.has(step)) return;
    this.#done.add(step);
    this.changed();
  }

  get next(): Step | undefined {
    return STEPS.find((step) => !this.#done.has(step));
  }
}
