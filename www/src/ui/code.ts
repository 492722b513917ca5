import { inGroups } from "../format";
import { h } from "./dom";

/** A fingerprint or digest in groups of four. Copied, it has no spaces: the gaps are style. */
export function grouped(text: string): HTMLElement {
  return h("code", { class: "grouped" }, ...inGroups(text).flatMap((group) => [h("span", {}, group), h("wbr")]));
}

const WIDTH = 16;

/** The first bytes, in hex and as text, as a tool for looking into files shows them. */
export function hexDump(bytes: Uint8Array, label: string): HTMLElement {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = [...bytes.subarray(at, at + WIDTH)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const seen = row.map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${hex.padEnd(WIDTH * 3)} ${seen}`);
  }
  // scrolls by itself on narrow screens, so it must be reachable by keyboard
  return h("pre", { class: "hex", tabindex: 0, role: "group", "aria-label": label }, lines.join("\n"));
}
