import { ageOn, formatTime } from "../format";
import { say } from "../language";
import type { OpenedTransfer } from "../model/transfers";
import { explain } from "../problem";
import { route, to } from "../route";
import type { TransferState } from "../server/types";
import { Icon } from "../ui/icon";

export function TransferRow({
  box,
  entry,
  facility,
  isFresh,
}: {
  box: "in" | "out";
  entry: OpenedTransfer;
  facility: string;
  isFresh: boolean;
}) {
  const { transfer, opened } = entry;
  const t = say();
  const record = opened.ok ? opened.value : undefined;
  const age = record ? ageOn(record.patient.born) : undefined;
  return (
    <li>
      <a
        class="row"
        href={to(box, transfer.id)}
        aria-current={route.id === transfer.id ? "true" : undefined}
        data-urgency={record?.urgency}
        data-closed={!opened.ok}
      >
        <span class="row-head">
          <span class="row-name">{record ? record.patient.name : t.list.closed}</span>
          {age !== undefined && <span class="quiet">{t.record.age(age)}</span>}
          {isFresh && (
            <span class="badge" data-kind="fresh">
              {t.list.fresh}
            </span>
          )}
          <time class="quiet" dateTime={transfer.createdAt}>
            {formatTime(transfer.createdAt)}
          </time>
        </span>
        <span class="row-text">{opened.ok ? opened.value.diagnosis : explain(opened.error).what}</span>
        <span class="row-foot">
          <span class="quiet row-facility">
            {box === "in" ? t.list.from : t.list.to} {facility}
          </span>
          {record && record.files.length > 0 && (
            <span class="quiet row-files">
              <Icon name="clip" /> {record.files.length}
              <span class="unseen"> {t.record.files}</span>
            </span>
          )}
          {record && (
            <span class="badge" data-kind={record.urgency}>
              {t.urgencies[record.urgency]}
            </span>
          )}
          <StateBadge state={transfer.state} />
        </span>
      </a>
    </li>
  );
}

export function StateBadge({ state }: { state: TransferState }) {
  return (
    <span class="badge" data-kind={state}>
      {say().states[state]}
    </span>
  );
}
