import { formatBytes } from "../format";
import { say } from "../language";
import type { RangeReader } from "../model/download";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useLoaded } from "../ui/use";

const LONGEST = 64 * 1024;

/** The beginning of a text, as text: nothing in it is followed or run. */
export function TextView({ reader }: { reader: RangeReader }) {
  const { size } = reader.file;
  const text = useLoaded(async () => new TextDecoder().decode(await reader.read(0, Math.min(size, LONGEST))), [reader]);
  const t = say().file;
  if (text.problem !== undefined) return <ProblemNotice problem={text.problem} retry={text.reload} />;
  if (text.value === undefined) return <Busy text={t.reading} />;
  return (
    <figure class="viewer">
      <p class="notes text">{text.value}</p>
      {size > LONGEST && (
        <figcaption class="cost">{t.ranges(formatBytes(reader.bytesRead), formatBytes(size))}</figcaption>
      )}
    </figure>
  );
}
