import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ageOn, formatDay, formatInstant } from "../format";
import { say } from "../language";
import { Conversation } from "../model/conversation";
import { isDecided, speakers } from "../model/decision";
import type { TransferRecord } from "../model/record";
import type { OpenedTransfer } from "../model/transfers";
import type { Transfer } from "../server/types";
import { useStation } from "../station";
import { Notice, ProblemNotice } from "../ui/notice";
import { Facts } from "../ui/page";
import { useLoaded, useObservable } from "../ui/use";
import { AccessPanel } from "./access";
import { Attachments } from "./attachments";
import { AuthorLine, useSigned } from "./authorship";
import { ConversationView } from "./conversation";
import { Decisions } from "./decision";
import { HeldPanel } from "./held";
import { StateBadge } from "./transfer-row";

export function RecordView({ entry }: { entry: OpenedTransfer }) {
  const station = useStation();
  const { transfer, opened } = entry;
  const [said, setSaid] = useState<string>();
  const conversation = useMemo(() => new Conversation(station.wardkey, transfer), [transfer.id, station.wardkey]);
  const heading = useRef<HTMLHeadingElement>(null);
  const signed = useSigned(opened, transfer.createdBy, [transfer.from]);
  const t = say();

  useEffect(() => {
    station.transfers.looked(transfer.id);
    heading.current?.focus({ preventScroll: true });
  }, [transfer.id]);
  useEffect(() => {
    if (!opened.ok) return;
    void conversation.load();
    return station.onEvent(({ type, id }) => {
      if (type === "hello" || ((type === "message" || type === "transfer") && (!id || id === transfer.id))) {
        void conversation.load();
      }
    });
  }, [conversation, opened.ok]);

  if (!opened.ok) {
    return (
      <article class="record" aria-label={t.record.label}>
        <h2 ref={heading} tabIndex={-1}>
          {t.record.closed}
        </h2>
        <ProblemNotice problem={opened.error} />
        <Facts
          facts={[
            [t.record.from, station.facilityName(transfer.from)],
            [t.record.to, station.facilityName(transfer.to)],
            [t.record.sentAt, formatInstant(transfer.createdAt)],
          ]}
        />
        <HeldPanel transferId={transfer.id} />
      </article>
    );
  }
  const record = opened.value;
  const receiver = station.facilities.find(({ id }) => id === transfer.to);
  return (
    <article class="record" aria-label={t.record.label}>
      <header class="record-head">
        <div class="record-badges">
          <span class="badge" data-kind={record.urgency}>
            {t.urgencies[record.urgency]}
          </span>
          <StateBadge state={transfer.state} />
        </div>
        <h2 ref={heading} tabIndex={-1}>
          {record.patient.name}
        </h2>
        <p class="record-diagnosis">{record.diagnosis}</p>
        <AuthorLine userId={opened.author?.userId} signed={signed} />
      </header>
      <StateNotice transfer={transfer} conversation={conversation} />
      {receiver?.groupId === null && <Notice kind="lock">{t.record.escrow(receiver.name)}</Notice>}
      {said && <Notice kind="good">{said}</Notice>}
      <Decisions transfer={transfer} conversation={conversation} onDone={(state) => setSaid(t.record.done[state])} />
      <RecordFacts
        record={record}
        from={station.facilityName(transfer.from)}
        to={station.facilityName(transfer.to)}
        at={transfer.createdAt}
      />
      <Attachments sessionId={transfer.sessionId} files={record.files} author={opened.author?.userId} signed={signed} />
      <ConversationView conversation={conversation} transfer={transfer} />
      <AccessPanel transfer={transfer} />
      <HeldPanel transferId={transfer.id} />
    </article>
  );
}

function RecordFacts({ record, from, to, at }: { record: TransferRecord; from: string; to: string; at: string }) {
  const t = say();
  const { patient } = record;
  const age = ageOn(patient.born);
  const sexes: Record<string, string> = t.sexes;
  return (
    <section class="record-section">
      <Facts
        facts={[
          [t.record.born, `${formatDay(patient.born)}${age === undefined ? "" : ` · ${t.record.age(age)}`}`],
          [t.record.sex, sexes[patient.sex] ?? patient.sex],
          ...(patient.insuranceId === undefined ? [] : [[t.record.insurance, patient.insuranceId] as const]),
          [t.record.from, from],
          [t.record.to, to],
          [t.record.sentAt, formatInstant(at)],
        ]}
      />
      <h3>{t.record.needs}</h3>
      {record.needs.length === 0 ? (
        <p class="quiet">{t.record.none}</p>
      ) : (
        <ul class="chips">
          {record.needs.map((need) => (
            <li key={need}>{need}</li>
          ))}
        </ul>
      )}
      <h3>{t.record.notes}</h3>
      <p class="notes">{record.notes === "" ? <span class="quiet">{t.record.none}</span> : record.notes}</p>
    </section>
  );
}

/** What became of it is the server's word, unless somebody of that facility has signed it. */
function StateNotice({ transfer, conversation }: { transfer: Transfer; conversation: Conversation }) {
  const station = useStation();
  const { book } = station;
  useObservable(conversation);
  const { state, changedAt } = transfer;
  const about = `${transfer.id} ${state}`;
  const unsigned = useLoaded(async () => {
    if (!book?.isRead || conversation.state === "loading") return undefined;
    return (await isDecided(book, transfer, conversation)) ? undefined : about;
  }, [about, changedAt, conversation.state, book, book?.version]).value;
  if (state === "sent" || unsigned !== about) return null;
  const [facility = ""] = speakers(transfer, state);
  return <Notice kind="bad">{say().author.unsignedState(say().states[state], station.facilityName(facility))}</Notice>;
}
