import { useEffect, useRef, useState } from "preact/hooks";
import { formatMs } from "../format";
import { say } from "../language";
import { URGENCIES, type Urgency } from "../model/record";
import type { OpenedTransfer, Transfers } from "../model/transfers";
import type { TransferState } from "../server/types";
import { useStation } from "../station";
import { Icon } from "../ui/icon";
import { ProblemNotice } from "../ui/notice";
import { Empty } from "../ui/page";
import { Skeleton } from "../ui/progress";
import { useTask } from "../ui/use";
import { TransferRow } from "./transfer-row";

interface Filter {
  words: string;
  state: TransferState | "";
  urgency: Urgency | "";
}

const NO_FILTER: Filter = { words: "", state: "", urgency: "" };
const STATES: readonly TransferState[] = ["sent", "accepted", "declined", "withdrawn"];

export function TransferList({ box, transfers }: { box: "in" | "out"; transfers: Transfers }) {
  const station = useStation();
  const [filter, set] = useState(NO_FILTER);
  const older = useTask();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const t = say().list;
  const mine = station.me?.facilityId;
  const ofBox = transfers.all.filter(({ transfer }) => (box === "in" ? transfer.to : transfer.from) === mine);
  const facility = ({ transfer }: OpenedTransfer) => station.facilityName(box === "in" ? transfer.from : transfer.to);
  const shown = ofBox.filter((entry) => matches(entry, facility(entry), filter));
  const isFiltered = filter.words !== "" || filter.state !== "" || filter.urgency !== "";
  const { cost } = transfers;
  return (
    <section class="list" aria-labelledby="list-title">
      <header class="list-head">
        <div class="list-title">
          <h1 id="list-title" ref={heading} tabIndex={-1}>
            {t[box]}
          </h1>
          {transfers.state === "ready" && (
            <p class="quiet" role="status">
              {t.count(shown.length, ofBox.length)}
            </p>
          )}
        </div>
        {cost && (
          <p class="cost">
            <Icon name="lock" />
            <span>{t.cost(cost.records, cost.keyRequests, formatMs(cost.milliseconds))}</span>
          </p>
        )}
        <search class="filters">
          <div class="search">
            <Icon name="search" />
            <input
              type="search"
              autocomplete="off"
              aria-label={t.search}
              placeholder={t.search}
              value={filter.words}
              onInput={({ currentTarget }) => set({ ...filter, words: currentTarget.value })}
            />
          </div>
          <select
            aria-label={t.state}
            value={filter.state}
            onChange={({ currentTarget }) => set({ ...filter, state: currentTarget.value as Filter["state"] })}
          >
            <option value="">
              {t.state}: {t.all}
            </option>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {say().states[state]}
              </option>
            ))}
          </select>
          <select
            aria-label={t.urgency}
            value={filter.urgency}
            onChange={({ currentTarget }) => set({ ...filter, urgency: currentTarget.value as Filter["urgency"] })}
          >
            <option value="">
              {t.urgency}: {t.all}
            </option>
            {URGENCIES.map((urgency) => (
              <option key={urgency} value={urgency}>
                {say().urgencies[urgency]}
              </option>
            ))}
          </select>
        </search>
      </header>
      <ProblemNotice problem={transfers.problem} retry={() => void transfers.load()} />
      {transfers.state === "loading" && <Skeleton rows={7} text={t.loading} />}
      {transfers.state === "ready" && ofBox.length === 0 && (
        <Empty icon={box === "in" ? "inbox" : "send"} title={box === "in" ? t.emptyIn : t.emptyOut}>
          <p>{box === "in" ? t.emptyInLead : t.emptyOutLead}</p>
        </Empty>
      )}
      {isFiltered && ofBox.length > 0 && shown.length === 0 && (
        <Empty icon="search" title={t.noMatch}>
          <p>{t.noMatchLead}</p>
          <button type="button" onClick={() => set(NO_FILTER)}>
            {t.clear}
          </button>
        </Empty>
      )}
      {shown.length > 0 && (
        <ul class="rows" aria-label={t.list}>
          {shown.map((entry) => (
            <TransferRow
              key={entry.transfer.id}
              box={box}
              entry={entry}
              facility={facility(entry)}
              isFresh={transfers.isFresh(entry.transfer.id)}
            />
          ))}
        </ul>
      )}
      {transfers.hasOlder && (
        <button type="button" disabled={older.busy} onClick={() => void older.run(() => transfers.loadOlder())}>
          {t.older}
        </button>
      )}
      <ProblemNotice problem={older.problem} />
    </section>
  );
}

const plain = (text: string) => text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLocaleLowerCase();

/** Searched here: the server couldn't. */
function matches({ transfer, opened }: OpenedTransfer, facility: string, filter: Filter): boolean {
  if (filter.state !== "" && transfer.state !== filter.state) return false;
  if (filter.urgency !== "" && !(opened.ok && opened.value.urgency === filter.urgency)) return false;
  if (filter.words.trim() === "") return true;
  const record = opened.ok ? opened.value : undefined;
  const text = plain([record?.patient.name, record?.diagnosis, record?.patient.insuranceId, facility].join(" "));
  return plain(filter.words)
    .split(/\s+/)
    .every((word) => text.includes(word));
}
