import { Observable } from "./observable";

export const VIEWS = ["in", "out", "new", "staff", "facilities", "setup", "device", "mailbox"] as const;
export type View = (typeof VIEWS)[number];

/** Where the page is: `#/in/ID`. Ids only, which the server has made or knows; nothing of a record. */
class Route extends Observable {
  view: View = "in";
  id: string | undefined;

  constructor() {
    super();
    this.#read();
    addEventListener("hashchange", () => {
      this.#read();
      this.changed();
    });
  }

  go(view: View, id?: string): void {
    location.hash = to(view, id);
  }

  #read(): void {
    // A place in the page, as the skip link's: the view stays.
    if (location.hash !== "" && !location.hash.startsWith("#/")) return;
    const [, view, id] = location.hash.split("/");
    this.view = VIEWS.find((name) => name === view) ?? "in";
    this.id = id === undefined || id === "" ? undefined : decoded(id);
  }
}

/** Anybody can write an address: one that isn't in the form of a URL is as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = new Route();

export const to = (view: View, id?: string): string =>
  id === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
