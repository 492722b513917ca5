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

/** To the other pages of this origin.
 *  @internal */
export function channelTo(name: string): BroadcastChannel | undefined {
  try {
    const channel: BroadcastChannel & { unref?(): void } = new BroadcastChannel(name);
    // Node would wait for messages, and not end.
    channel.unref?.();
    return channel;
  } catch {
    // There are none, or the page may not have any.
    return undefined;
  }
}

/** @internal */
export class Tabs {
  #channel: BroadcastChannel | undefined;

  constructor(appId: string, hear: (told: Heard) => void) {
    this.#channel = channelTo(`wardkey.client.${appId}`);
    this.#channel?.addEventListener("message", ({ data }) => {
      if (typeof data === "object" && data !== null) hear(data);
    });
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
