/** Something views can watch. */
export class Observable {
  readonly #listeners = new Set<() => void>();

  /** Calls back after each change. Returns what stops it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
