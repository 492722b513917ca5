// The other pages of an application on this device: locked once, locked everywhere; unlocked once, unlocked everywhere.

/** What goes from page to page. Nothing of it is secret, and nothing of it is believed but that something is to go: whoever hears looks for himself. */
export type Said =
  | { locked: true }
  | { forgotten: true }
  | { unlocked: true }
  /** Somebody does something. */
  | { active: true }
  /** Sessions whose revocation was read in the feed. */
  | { revoked: unknown }
  /** What the key server pushed to the page that listens to it. */
  | { pushed: unknown };

/** The same from another page, or anything else.
 *  @internal */
export type Heard = { [K in "user" | "locked" | "forgotten" | "unlocked" | "active" | "pushed" | "revoked"]?: unknown };

/** @internal */
export class Tabs {
  #channel: BroadcastChannel | undefined;

  constructor(appId: string, hear: (told: Heard) => void) {
    try {
      this.#channel = new BroadcastChannel(`wardkey.client.${appId}`);
    } catch {
      // There are none, or the page may not have any.
      return;
    }
    this.#channel.onmessage = ({ data }) => {
      if (typeof data === "object" && data !== null) hear(data);
    };
    // Node would wait for messages, and not end.
    (this.#channel as { unref?(): void }).unref?.();
  }

  tell(told: Said & { user: string }): void {
    try {
      this.#channel?.postMessage(told);
    } catch {
      // What the application's backend pushed may be anything, and then stays here.
    }
  }

  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }
}
