import { useEffect } from "preact/hooks";
import { say } from "../language";
import { route, to } from "../route";
import { useStation } from "../station";
import { Icon } from "../ui/icon";
import { Empty } from "../ui/page";
import { useObservable } from "../ui/use";
import { RecordView } from "./record";
import { TransferList } from "./transfer-list";

/** List and record side by side; on narrow screens one of them. */
export function TransfersView({ box }: { box: "in" | "out" }) {
  const station = useStation();
  const transfers = useObservable(station.transfers);
  const { id } = route;
  const t = say();
  const isThere = id !== undefined && transfers.get(id) !== undefined;
  // It may stand further back in the list than was read.
  useEffect(() => {
    if (id !== undefined && !isThere && transfers.state === "ready") transfers.refresh(id).catch(() => undefined);
  }, [id, isThere, transfers.state]);
  const entry = id === undefined ? undefined : transfers.get(id);
  return (
    <div class="split" data-open={id !== undefined}>
      <TransferList box={box} transfers={transfers} />
      <div class="detail">
        {id === undefined ? (
          <Empty icon="file" title={t.list.choose} />
        ) : (
          <>
            <a class="back-link" href={to(box)}>
              <Icon name="back" /> {t.app.back}
            </a>
            {entry ? (
              <RecordView key={id} entry={entry} />
            ) : transfers.state === "loading" ? null : (
              <Empty icon="search" title={t.record.missing}>
                <p>{t.record.missingLead}</p>
              </Empty>
            )}
          </>
        )}
      </div>
    </div>
  );
}
