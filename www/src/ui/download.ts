import { cleanFileName } from "../format";
import { h } from "./dom";

// Never with the type of the content: a blob URL belongs to this page's origin, and what is opened from it must not run here.
const TYPE = "application/octet-stream";

/** A link that saves bytes which this page holds. release() forgets them. */
export class SaveLink {
  readonly element: HTMLAnchorElement;
  readonly #url: string;

  constructor(data: BlobPart, name: string, label: string) {
    this.#url = URL.createObjectURL(new Blob([data], { type: TYPE }));
    this.element = h("a", { href: this.#url, download: cleanFileName(name), class: "button primary" }, label);
  }

  release(): void {
    URL.revokeObjectURL(this.#url);
  }
}

export function saveNow(data: Blob, name: string): void {
  const link = new SaveLink(data, name, name);
  link.element.click();
  // the download has its own hold on the bytes once it began
  setTimeout(() => link.release(), 60_000);
}
