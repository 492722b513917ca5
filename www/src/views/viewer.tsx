import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatBytes } from "../format";
import { say } from "../language";
import { RangeReader } from "../model/download";
import { HEADER_BYTES, readVolume, sliceRange, toImage, type Volume } from "../model/nifti";
import type { AttachedFile } from "../model/record";
import { isCancelled } from "../problem";
import { useStation } from "../station";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useLoaded } from "../ui/use";
import { HexView } from "./hex-view";
import { ImageView } from "./image-view";
import { TextView } from "./text-view";

/** A look into a file without fetching all of it: slices of a volume, a picture, a text, or the bytes themselves. */
export function Viewer({ sessionId, file }: { sessionId: string; file: AttachedFile }) {
  const station = useStation();
  const opened = useLoaded(async () => {
    const session = await station.wardkey.openSession(sessionId);
    const reader = new RangeReader(session, file);
    const head = await reader.read(0, Math.min(file.size, HEADER_BYTES));
    return { reader, volume: readVolume(head, file.size) };
  }, [sessionId, file.fileId]);
  if (opened.problem !== undefined) return <ProblemNotice problem={opened.problem} retry={opened.reload} />;
  if (!opened.value) return <Busy text={say().file.reading} />;
  return (
    <>
      <View {...opened.value} />
      <p class="hint">{say().file.piecewise}</p>
    </>
  );
}

function View({ reader, volume }: { reader: RangeReader; volume: Volume | undefined }) {
  const { type } = reader.file;
  if (volume) return <Slices reader={reader} volume={volume} />;
  if (/^image\/(png|jpeg|webp|gif)$/.test(type)) return <ImageView reader={reader} />;
  if (type.startsWith("text/")) return <TextView reader={reader} />;
  return <HexView reader={reader} />;
}

function Slices({ reader, volume }: { reader: RangeReader; volume: Volume }) {
  const [slice, setSlice] = useState(Math.floor(volume.slices / 2));
  const [problem, setProblem] = useState<unknown>();
  const [read, setRead] = useState(reader.bytesRead);
  const [drawn, setDrawn] = useState<number>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const id = useMemo(() => `slice-${reader.file.fileId}`, [reader]);
  const t = say().file;
  useEffect(() => {
    // Whoever drags the slider wants the last one only.
    const abort = new AbortController();
    const [start, end] = sliceRange(volume, slice);
    reader
      .read(start, end, abort.signal)
      .then((bytes) => {
        if (abort.signal.aborted) return;
        // Fails where the browser has no place for an image as large as the header says.
        canvas.current?.getContext("2d")?.putImageData(toImage(volume, bytes), 0, 0);
        setProblem(undefined);
        setDrawn(slice);
        setRead(reader.bytesRead);
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted && !isCancelled(error)) setProblem(error);
      });
    return () => abort.abort();
  }, [slice, reader, volume]);
  return (
    <figure class="viewer" aria-busy={drawn !== slice}>
      <canvas
        ref={canvas}
        width={volume.width}
        height={volume.height}
        role="img"
        aria-label={t.sliceOf(slice + 1, volume.slices)}
        data-slice={drawn}
      />
      <div class="viewer-controls">
        <label for={id}>{t.sliceOf(slice + 1, volume.slices)}</label>
        <input
          id={id}
          type="range"
          min={0}
          max={volume.slices - 1}
          value={slice}
          onInput={({ currentTarget }) => setSlice(Number(currentTarget.value))}
        />
        <p class="quiet">
          {t.volume(volume.width, volume.height, volume.slices)}
          {volume.description && ` · ${volume.description}`}
        </p>
      </div>
      <figcaption class="cost">{t.ranges(formatBytes(read), formatBytes(reader.file.size))}</figcaption>
      <ProblemNotice problem={problem} />
    </figure>
  );
}
