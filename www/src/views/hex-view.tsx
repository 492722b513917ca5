import { useState } from "preact/hooks";
import { formatBytes } from "../format";
import { say } from "../language";
import type { RangeReader } from "../model/download";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useLoaded } from "../ui/use";

const WIDTH = 16;
const LENGTH = 512;

/** The bytes of any file, at any place of it, as a tool for looking into files shows them. */
export function HexView({ reader }: { reader: RangeReader }) {
  const { size } = reader.file;
  const [at, setAt] = useState(0);
  const part = useLoaded(async () => ({ at, bytes: await reader.read(at, Math.min(size, at + LENGTH)) }), [reader, at]);
  const t = say().file;
  const last = Math.max(0, Math.floor((size - 1) / LENGTH) * LENGTH);
  return (
    <figure class="viewer" aria-busy={part.value?.at !== at}>
      <div class="viewer-controls">
        <label for={`at-${reader.file.fileId}`}>
          {t.at} {at.toLocaleString(say().locale)}
        </label>
        <input
          id={`at-${reader.file.fileId}`}
          type="range"
          min={0}
          max={last}
          step={LENGTH}
          value={at}
          onInput={({ currentTarget }) => setAt(Number(currentTarget.value))}
        />
      </div>
      <ProblemNotice problem={part.problem} retry={part.reload} />
      {part.value ? (
        // scrolls by itself on narrow screens, so it must be reachable by keyboard
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
        <section class="hex" tabIndex={0} aria-label={t.bytes}>
          <pre>{dump(part.value.bytes, part.value.at)}</pre>
        </section>
      ) : (
        part.problem === undefined && <Busy text={t.reading} />
      )}
      <figcaption class="cost">{t.ranges(formatBytes(reader.bytesRead), formatBytes(size))}</figcaption>
    </figure>
  );
}

function dump(bytes: Uint8Array, start: number): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = [...bytes.subarray(at, at + WIDTH)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const seen = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${(start + at).toString(16).padStart(8, "0")}  ${hex.padEnd(WIDTH * 3)} ${seen}`);
  }
  return lines.join("\n");
}
