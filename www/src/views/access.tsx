import { useState } from "preact/hooks";
import type { Recipient } from "wardkey";
import { formatInstant } from "../format";
import { say } from "../language";
import { placeholderOf } from "../model/sending";
import type { Transfer } from "../server/types";
import { useStation } from "../station";
import { Icon } from "../ui/icon";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useLoaded } from "../ui/use";

/** Who may read the record, and who was given its key. */
export function AccessPanel({ transfer }: { transfer: Transfer }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="panel" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <Icon name="shield" /> {say().access.title}
      </summary>
      {open && <Access transfer={transfer} />}
    </details>
  );
}

function Access({ transfer }: { transfer: Transfer }) {
  const station = useStation();
  const { wardkey } = station;
  const loaded = useLoaded(async () => {
    const session = await wardkey.openSession(transfer.sessionId);
    return {
      recipients: await session.recipients(),
      entries: await wardkey.auditLog({ sessionId: transfer.sessionId }),
    };
  }, [transfer.sessionId, transfer.changedAt]);
  const t = say().access;
  const nameOf = (recipient: Recipient) => {
    if ("user" in recipient) return station.personName(recipient.user);
    if ("group" in recipient) {
      // In the address book's words: which group is whose, the server doesn't say.
      const id = station.book?.facilityOf(recipient.group);
      return id === undefined ? recipient.group : station.facilityName(id);
    }
    const facility = station.facilities.find(({ id }) => placeholderOf(id) === recipient.placeholder);
    return facility?.name ?? recipient.placeholder;
  };
  if (loaded.problem !== undefined) return <ProblemNotice problem={loaded.problem} retry={loaded.reload} />;
  if (!loaded.value) return <Busy text={t.loading} />;
  return (
    <>
      <h4>{t.readers}</h4>
      <ul class="plain-list">
        {loaded.value.recipients.map(({ recipient, manager }) => (
          <li key={JSON.stringify(recipient)}>
            {nameOf(recipient)}{" "}
            <span class="quiet">{"placeholder" in recipient ? t.waiting : manager ? t.manager : t.reader}</span>
          </li>
        ))}
      </ul>
      <p class="hint">{t.lead}</p>
      <ol class="audit">
        {loaded.value.entries.map(({ at, actor, action }, place) => (
          <li key={place}>
            <time dateTime={at.toISOString()}>{formatInstant(at)}</time>
            <span>
              {station.personName(actor)} {t.actions[action] ?? action}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
