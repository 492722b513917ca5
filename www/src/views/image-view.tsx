import { useEffect, useState } from "preact/hooks";
import { cleanFileName } from "../format";
import { say } from "../language";
import type { RangeReader } from "../model/download";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useLoaded } from "../ui/use";

/** A picture, whole: browsers draw them from a blob, which no script can run from. */
export function ImageView({ reader }: { reader: RangeReader }) {
  const { file } = reader;
  const loaded = useLoaded(async () => new Blob([await reader.read(0, file.size)], { type: file.type }), [reader]);
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!loaded.value) return;
    const made = URL.createObjectURL(loaded.value);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [loaded.value]);
  if (loaded.problem !== undefined) return <ProblemNotice problem={loaded.problem} retry={loaded.reload} />;
  if (!url) return <Busy text={say().file.reading} />;
  return (
    <figure class="viewer">
      <img src={url} alt={cleanFileName(file.name)} />
    </figure>
  );
}
