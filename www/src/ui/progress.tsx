import { useId } from "preact/hooks";
import { formatBytes } from "../format";
import { say } from "../language";

export function Progress({ label, done, total }: { label: string; done: number; total: number }) {
  const id = useId();
  return (
    <div class="progress">
      <span id={id}>{label}</span>
      <span class="amount">{say().upload.of(formatBytes(Math.min(done, total)), formatBytes(total))}</span>
      <progress aria-labelledby={id} max={1} value={total > 0 ? Math.min(1, done / total) : 0} />
    </div>
  );
}

/** Something is on its way; how much isn't known. */
export function Busy({ text }: { text: string }) {
  return (
    <p class="busy" role="status">
      <span class="spinner" aria-hidden="true" />
      {text}
    </p>
  );
}

/** The shape of a list that isn't there yet. */
export function Skeleton({ rows, text }: { rows: number; text: string }) {
  return (
    <div class="skeleton">
      <Busy text={text} />
      <div aria-hidden="true">
        {Array.from({ length: rows }, (_, at) => (
          <div class="skeleton-row" key={at} />
        ))}
      </div>
    </div>
  );
}
