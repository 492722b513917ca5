import { useState } from "preact/hooks";
import { formatTime, plainName } from "../format";
import { say } from "../language";
import type { Interrupted } from "../model/drafts";
import { route } from "../route";
import { useStation } from "../station";
import { Dialog } from "../ui/dialog";
import { Notice, ProblemNotice } from "../ui/notice";
import { useObservable, useTask } from "../ui/use";

/** What was being sent when the page went away: it goes on, or it goes. */
export function InterruptedTransfers() {
  const station = useStation();
  const drafts = useObservable(station.drafts);
  const [discarding, setDiscarding] = useState<Interrupted>();
  const task = useTask();
  const t = say().interrupted;
  return (
    <>
      {drafts.all.map((draft) => (
        <Notice
          key={draft.id}
          kind="info"
          title={t.title}
          actions={
            <>
              <button
                type="button"
                class="primary"
                onClick={() => {
                  drafts.goOn(draft);
                  route.go("new");
                }}
              >
                {t.goOn}
              </button>
              <button type="button" onClick={() => setDiscarding(draft)}>
                {t.discard}
              </button>
            </>
          }
        >
          {t.what(
            plainName(draft.record.patient.name),
            station.facilityName(draft.to),
            draft.uploads.length + draft.missing.length,
            formatTime(new Date(draft.at).toISOString()),
          )}
        </Notice>
      ))}
      {discarding && (
        <Dialog
          title={t.discardTitle}
          action={t.discard}
          danger
          busy={task.busy}
          onYes={() =>
            void task.run(async () => {
              await drafts.discard(discarding);
              setDiscarding(undefined);
            })
          }
          onNo={() => setDiscarding(undefined)}
        >
          <p>{t.discardText}</p>
          <ProblemNotice problem={task.problem} />
        </Dialog>
      )}
    </>
  );
}
