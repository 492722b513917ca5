import { cleanFileName, formatBytes } from "../format";
import { say } from "../language";
import type { Upload } from "../model/upload";
import { Icon } from "../ui/icon";
import { Notice } from "../ui/notice";
import { Progress } from "../ui/progress";
import { useObservable } from "../ui/use";
import { KIND_ICONS, kindOf } from "./attachments";

export function UploadItem({ upload, onRemove }: { upload: Upload; onRemove: () => void }) {
  useObservable(upload);
  const t = say().upload;
  const name = cleanFileName(upload.name);
  const { state } = upload;
  const isMoving = state === "sealing" || state === "running" || state === "paused" || state === "interrupted";
  return (
    <li class="file" data-state={state}>
      <div class="file-head">
        <span class="file-icon">
          <Icon name={state === "done" ? "check" : KIND_ICONS[kindOf(upload)]} />
        </span>
        <span class="file-text">
          <span class="file-name">{name}</span>
          <span class="quiet" role="status">
            {formatBytes(upload.size)}
            {state === "paused" && ` · ${t.paused}`}
            {state === "done" && ` · ${t.done}`}
          </span>
        </span>
        <span class="actions">
          {state === "running" && (
            <button type="button" onClick={() => upload.pause()}>
              {t.pause}
            </button>
          )}
          {(state === "paused" || state === "interrupted") && (
            <button type="button" class="primary" onClick={() => upload.resume()}>
              {t.resume}
            </button>
          )}
          {isMoving ? (
            <button type="button" onClick={() => upload.cancel()}>
              {t.cancel}
            </button>
          ) : (
            <button type="button" class="icon-button" aria-label={say().compose.remove(name)} onClick={onRemove}>
              <Icon name="cross" />
            </button>
          )}
        </span>
      </div>
      {isMoving && (
        <Progress
          label={state === "sealing" ? t.sealing(name) : t.label(name)}
          done={upload.sent}
          total={upload.total}
        />
      )}
      {state === "interrupted" && <Notice kind="bad">{t.interrupted}</Notice>}
    </li>
  );
}
