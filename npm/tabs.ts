// The other pages of an application on this device: locked once, locked everywhere; unlocked once, unlocked everywhere.

/** What goes from page to page. Nothing of it is secret, and nothing of it is believed but "locked": whoever hears looks for himself. */
export type Said =
  | { locked: true }
  | { unlocked: true }
  /** Somebody does something. */
  | { active: true }
  /** Sessions whose revocation was read in the feed. */
  | { revoked: unknown }
  /** What the key server pushed to the page that listens to it. */
  | { pushed: unknown };

/** The same from another page, or anything else.
 *  @internal */
export type Heard = { [K in "user" | "locked" | "unlocked" | "active" | "pushed" | "revoked"]?: unknown };

/** @internal */
export class Tabs {
  readonly #channel: BroadcastChannel | undefined;

  constructor(appId: string, hear: (told: Heard) => void) {
    if (typeof BroadcastChannel !== "function") return;
    this.#channel = new BroadcastChannel(`wardkey.client.${appId}`);
    this.#channel.onmessage = ({ data }) => {
      if (typeof data === "object" && data !== null) hear(data);
    };
    // Node would wait for messages, and not end.
    (this.#channel as { unref?(): void }).unref?.();
  }

  tell(told: Said & { user: string }): void {
    this.#channel?.postMessage(told);
  }

  close(): void {
    this.#channel?.close();
  }
}
