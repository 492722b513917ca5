import { keyIdOf, PublicKey } from "wardkey";
import type { App } from "../app";
import { formatBytes, formatTime } from "../format";
import { names, say } from "../messages";
import { personOf } from "../people";
import type { SealedPart, StoredBackup, Transfer } from "../server";
import { grouped, hexDump } from "../ui/code";
import { h } from "../ui/dom";

const SHOWN = 64;

/** Everything that the server has, as it has it. */
export function holdingsView({ server }: App): HTMLElement {
  const directory = new Shelf("Public keys");
  const transfers = new Shelf("Transfers");
  const backups = new Shelf("Private-key backups");
  const update = () => {
    const { holdings } = server;
    directory.fill([...holdings.directory], ([userId, text]) => `${userId} ${text}`, publicKeyEntry);
    transfers.fill(holdings.transfers, (transfer) => transfer, transferEntry);
    backups.fill([...holdings.backups], ([, backup]) => backup, backupEntry);
  };
  server.subscribe(update);
  update();
  return h("div", { class: "shelves" }, directory.element, backups.element, transfers.element);
}

/** A titled list. What is already on it stays the same element, so that nothing jumps or loses the focus. */
class Shelf {
  readonly element: HTMLElement;
  readonly #list = h("ul", {});
  readonly #none = h("p", { class: "fine" }, say.server.nothing);
  #shown = new Map<unknown, HTMLElement>();

  constructor(title: string) {
    this.element = h("div", { class: "shelf" }, h("h3", {}, title), this.#none, this.#list);
  }

  fill<T>(items: readonly T[], keyOf: (item: T) => unknown, make: (item: T) => HTMLElement): void {
    this.#shown = new Map(items.map((item) => [keyOf(item), this.#shown.get(keyOf(item)) ?? h("li", {}, make(item))]));
    this.#list.replaceChildren(...this.#shown.values());
    this.#none.hidden = items.length > 0;
  }
}

function publicKeyEntry([userId, text]: [string, string]): HTMLElement {
  const key = PublicKey.parse(text);
  return h(
    "div",
    { class: "entry" },
    h("h4", {}, userId),
    h("p", {}, say.server.publicKeySize(key.suite, formatBytes(text.length))),
    grouped(key.fingerprint),
    h("details", {}, h("summary", {}, "The whole key"), h("p", { class: "raw", tabindex: 0 }, text)),
  );
}

function backupEntry([userId, { bytes, storedAt }]: [string, StoredBackup]): HTMLElement {
  const { sealedBackup, firstBytes } = say.server;
  return h(
    "div",
    { class: "entry" },
    h("h4", {}, userId),
    h("p", {}, `${sealedBackup}, ${formatBytes(bytes.length)}, since ${formatTime(storedAt)}`),
    hexDump(bytes.subarray(0, SHOWN), firstBytes(`${sealedBackup}, ${userId}`)),
  );
}

function transferEntry({ id, from, to, sentAt, wraps, parts }: Transfer): HTMLElement {
  const readers = names(to.map(personOf).filter((person) => person !== undefined));
  const { keyId, wrapSet, wrapsFor, firstBytes } = say.server;
  const first = parts[0];
  return h(
    "div",
    { class: "entry" },
    h("h4", { class: "id" }, id),
    h("p", {}, `${from} → ${to.join(", ")}, ${formatTime(sentAt)}`),
    first && h("p", {}, `${keyId}: `, h("code", {}, keyIdOf(first.sealed))),
    h(
      "div",
      { class: "sealed-list" },
      ...parts.map((part) => partEntry(part)),
      h(
        "div",
        { class: "entry" },
        h("p", {}, h("strong", {}, wrapSet), `, ${formatBytes(wraps.length)}: ${wrapsFor(readers)}`),
        hexDump(wraps.subarray(0, SHOWN), firstBytes(wrapSet)),
      ),
    ),
  );
}

function partEntry({ field, sealed }: SealedPart): HTMLElement {
  const { part, partSize, firstBytes } = say.server;
  return h(
    "div",
    { class: "entry" },
    h("p", {}, h("strong", {}, part[field]), `, ${formatBytes(sealed.length)}: ${partSize[field]}`),
    hexDump(sealed.subarray(0, SHOWN), firstBytes(part[field])),
  );
}
