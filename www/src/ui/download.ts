import { cleanFileName } from "../format";
import { Problem } from "../problem";
import { h } from "./dom";

// Never with the type of the content: a blob URL belongs to this page's origin, and what is opened from it must not run here.
const TYPE = "application/octet-stream";

/** A link that saves bytes which this page holds. release() forgets them. */
export class SaveLink {
  readonly element: HTMLAnchorElement;
  readonly #url: string;

  private constructor(blob: Blob, name: string, label: string) {
    this.#url = URL.createObjectURL(blob);
    this.element = h("a", { href: this.#url, download: cleanFileName(name), class: "button primary" }, label);
  }

  static async make(data: BlobPart, name: string, label: string): Promise<SaveLink> {
    const blob = new Blob([data], { type: TYPE });
    try {
      // a browser that has no room for a blob says so only when it is read
      await blob.slice(-1).arrayBuffer();
    } catch {
      throw new Problem("no-room");
    }
    return new SaveLink(blob, name, label);
  }

  release(): void {
    URL.revokeObjectURL(this.#url);
  }
}

export async function saveNow(data: Blob, name: string): Promise<void> {
  const link = await SaveLink.make(data, name, name);
  link.element.click();
  // the download has its own hold on the bytes once it began
  setTimeout(() => link.release(), 60_000);
}
