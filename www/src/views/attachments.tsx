import { useEffect, useRef, useState } from "preact/hooks";
import { cleanFileName, formatBytes } from "../format";
import { say } from "../language";
import { readWhole } from "../model/download";
import type { AttachedFile } from "../model/record";
import { useStation } from "../station";
import { Icon, type IconName } from "../ui/icon";
import { Notice, ProblemNotice } from "../ui/notice";
import { Progress } from "../ui/progress";
import { saveFile } from "../ui/save";
import { useTask } from "../ui/use";
import type { Signed } from "./authorship";
import { Viewer } from "./viewer";

type Kind = keyof ReturnType<typeof say>["file"]["kinds"];

/** What is likely inside, for the icon: the content decides what is shown. */
export function kindOf({ name, type }: { name: string; type: string }): Kind {
  if (type === "application/pdf" || /\.pdf$/i.test(name)) return "pdf";
  if (/\.(nii|dcm|mha|raw)$/i.test(name)) return "imaging";
  if (/^image\/(png|jpeg|webp|gif)$/.test(type)) return "image";
  if (/^text\//.test(type)) return "text";
  return "other";
}

export const KIND_ICONS: Record<Kind, IconName> = {
  pdf: "file",
  image: "image",
  imaging: "layers",
  text: "file",
  other: "clip",
};

export function Attachments({
  sessionId,
  files,
  author,
  signed,
}: {
  sessionId: string;
  files: readonly AttachedFile[];
  /** Of the record that names them. */
  author: string | undefined;
  signed: Signed | undefined;
}) {
  if (files.length === 0) return null;
  return (
    <section class="record-section" aria-labelledby="attachments">
      <h3 id="attachments">{say().record.files}</h3>
      <ul class="files">
        {files.map((file) => (
          <Attachment key={file.fileId} sessionId={sessionId} file={file} recordAuthor={author} signed={signed} />
        ))}
      </ul>
    </section>
  );
}

function Attachment({
  sessionId,
  file,
  recordAuthor,
  signed,
}: {
  sessionId: string;
  file: AttachedFile;
  recordAuthor: string | undefined;
  signed: Signed | undefined;
}) {
  const station = useStation();
  const [shown, setShown] = useState(false);
  const [done, setDone] = useState(0);
  const [saved, setSaved] = useState<{ author: string | undefined }>();
  const task = useTask();
  const abort = useRef(new AbortController());
  useEffect(() => () => abort.current.abort(), []);
  const t = say().file;
  const kind = kindOf(file);
  const name = cleanFileName(file.name);
  // Who signed the record signed its files: what is said of him there holds here.
  const isGood = saved?.author !== undefined && saved.author === recordAuthor && signed?.kind === "good";
  // What this page doesn't draw is saved for a program that does; its bytes can be looked at.
  const isDrawn = kind === "imaging" || kind === "image" || kind === "text";
  const save = () =>
    void task.run(async () => {
      abort.current = new AbortController();
      setSaved(undefined);
      setDone(0);
      const session = await station.wardkey.openSession(sessionId);
      const { blob, author } = await readWhole(session, file, {
        signal: abort.current.signal,
        onProgress: ({ bytesProcessed }) => setDone(bytesProcessed),
      });
      await saveFile(blob, name);
      setSaved({ author: author?.userId });
    });
  return (
    <li class="file">
      <div class="file-head">
        <span class="file-icon">
          <Icon name={KIND_ICONS[kind]} />
        </span>
        <span class="file-text">
          <span class="file-name">{name}</span>
          <span class="quiet">
            {t.kinds[kind]}, {formatBytes(file.size)}
          </span>
        </span>
        <span class="actions">
          <button
            type="button"
            aria-expanded={shown}
            aria-label={shown ? `${t.hide} ${name}` : `${isDrawn ? t.view : t.inspect} ${name}`}
            onClick={() => setShown(!shown)}
          >
            {shown ? t.hide : isDrawn ? t.view : t.inspect}
          </button>
          <button type="button" aria-label={t.saveName(name)} disabled={task.busy} onClick={save}>
            {t.save}
          </button>
        </span>
      </div>
      {task.busy && (
        <div class="file-progress">
          <Progress label={t.decrypting(name)} done={done} total={file.size} />
          <button type="button" onClick={() => abort.current.abort()}>
            {say().app.cancel}
          </button>
        </div>
      )}
      <ProblemNotice problem={task.problem} retry={save} />
      {saved && (
        <Notice kind={isGood ? "good" : "bad"}>
          {saved.author === undefined
            ? t.savedUnsigned(name)
            : saved.author !== recordAuthor
              ? t.savedOther(name, saved.author)
              : isGood
                ? t.saved(name, station.signedName(saved.author))
                : `${t.saved(name, saved.author)} ${signed?.text}`}
        </Notice>
      )}
      {shown && <Viewer sessionId={sessionId} file={file} />}
    </li>
  );
}
