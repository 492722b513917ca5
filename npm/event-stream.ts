// `text/event-stream`, as section 9.2 of the WHATWG's HTML has it, out of text that comes in any pieces. Types and ids of events are passed over.

/** Characters of an event; the key server's have less than a hundred. */
const MAX_EVENT = 65_536;

/** @internal */
export class EventStream {
  #rest = "";
  #data: string[] = [];
  #length = 0;
  #isAfterReturn = false;
  /** What the server wants to be waited, in milliseconds. */
  retry: number | undefined;

  /** The data of the events that end in this piece. Throws at an event that is longer than any. */
  push(piece: string): string[] {
    if (piece === "") return [];
    // A line ends at once with CR; an LF that follows it belongs to it.
    const own = this.#isAfterReturn && piece.startsWith("\n") ? piece.slice(1) : piece;
    this.#isAfterReturn = piece.endsWith("\r");
    const lines = (this.#rest + own).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? "";
    const events = lines.flatMap((line) => this.#line(line));
    if (this.#length + this.#rest.length > MAX_EVENT) throw new RangeError("an event longer than any");
    return events;
  }

  #line(line: string): string[] {
    if (line === "") {
      const data = this.#data;
      [this.#data, this.#length] = [[], 0];
      return data.length > 0 ? [data.join("\n")] : [];
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "data") {
      this.#data.push(value);
      this.#length += value.length + 1;
    }
    if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return [];
  }
}
