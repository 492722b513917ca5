import { useState } from "preact/hooks";
import { formatInstant } from "../format";
import { say } from "../language";
import type { Standing } from "../model/address-book";
import { AddressProblem } from "../model/address-problem";
import type { Facility } from "../server/types";
import { useStation } from "../station";
import { TextField } from "../ui/field";
import { Form } from "../ui/form";
import { Icon } from "../ui/icon";
import { Notice, ProblemNotice } from "../ui/notice";
import { Page } from "../ui/page";
import { Busy } from "../ui/progress";
import { useLoaded, useTask } from "../ui/use";

export function Facilities() {
  const station = useStation();
  const { book } = station;
  const t = say().facilities;
  return (
    <Page title={t.title} lead={t.lead}>
      <ProblemNotice problem={book?.problem} retry={() => void station.loadFacilities().catch(() => undefined)} />
      <ul class="facilities">
        {station.facilities.map((facility) => (
          <li key={facility.id} class="card">
            <FacilityItem facility={facility} standing={book?.isRead ? book.standing(facility) : undefined} />
          </li>
        ))}
      </ul>
    </Page>
  );
}

function FacilityItem({ facility, standing }: { facility: Facility; standing: Standing | undefined }) {
  const [open, setOpen] = useState(false);
  const station = useStation();
  const t = say().facilities;
  const { id, city, groupId } = facility;
  const isOwn = id === station.me?.facilityId;
  const name = station.facilityName(id);
  const isChanged = standing?.kind === "changed";
  return (
    <>
      <div class="facility">
        <span class="file-icon">
          <Icon name="building" />
        </span>
        <div class="person-text">
          <h2>{name}</h2>
          <p class="quiet">{city}</p>
          <p class="quiet">
            <KnownSince standing={standing} />
          </p>
        </div>
        <StandingBadge isOwn={isOwn} hasGroup={groupId !== null} standing={standing} />
        {groupId !== null && (
          <button
            type="button"
            aria-expanded={open}
            aria-label={open ? `${t.hide}: ${name}` : isOwn ? t.showOwn : t.showName(name)}
            onClick={() => setOpen(!open)}
          >
            {open ? t.hide : isOwn ? t.showOwn : t.show}
          </button>
        )}
      </div>
      {isChanged && (
        <Notice kind="bad" title={t.changes[standing.what](name, facility.name)}>
          {groupId === null ? t.goneTodo : t.changedTodo}
        </Notice>
      )}
      {open && groupId !== null && <SafetyNumber facility={facility} groupId={groupId} isOwn={isOwn} />}
    </>
  );
}

/** How far the facility's keys are trusted, at a glance; nothing where the address book can't be read. */
function StandingBadge({
  isOwn,
  hasGroup,
  standing,
}: {
  isOwn: boolean;
  hasGroup: boolean;
  standing: Standing | undefined;
}) {
  const t = say().facilities;
  const badge = (kind: string, text: string) => (
    <span class="badge" data-kind={kind}>
      {text}
    </span>
  );
  if (isOwn) return badge("sent", t.own);
  if (standing?.kind === "changed") return badge("immediate", t.changed);
  if (!hasGroup) return badge("days", t.escrow);
  if (standing?.kind !== "known") return null;
  return standing.compared ? badge("accepted", t.compared) : badge("today", t.notCompared);
}

function KnownSince({ standing }: { standing: Standing | undefined }) {
  const station = useStation();
  const { book } = station;
  const isKnown = standing?.kind === "known" || standing?.kind === "changed";
  const compared = isKnown ? standing.compared : undefined;
  const left = useLoaded(
    async () => (compared && (await book?.hasLeft(compared.by)) ? compared.by : undefined),
    [compared?.by, book, book?.version],
  ).value;
  const t = say().facilities;
  if (!isKnown) return null;
  if (!compared) return <>{t.knownSince(formatInstant(standing.since))}</>;
  const said = t.comparedBy(station.signedName(compared.by), formatInstant(compared.at));
  return <>{left === compared.by ? `${said} ${t.left}` : said}</>;
}

/** Compared by telephone; what was compared is pinned, for all of the own facility. The own number is there to be read out. */
function SafetyNumber({ facility, groupId, isOwn }: { facility: Facility; groupId: string; isOwn: boolean }) {
  const { wardkey, book } = useStation();
  const number = useLoaded(() => wardkey.safetyNumber(groupId), [groupId]);
  const [typed, setTyped] = useState("");
  const [verified, setVerified] = useState<string>();
  const task = useTask();
  const t = say().facilities;
  const verify = async () => {
    // What the other side reads out counts, not what stands here.
    const ok = await task.run(async () => {
      if (!book) throw new AddressProblem("waiting");
      await book.compare(facility, typed);
    });
    setVerified(ok ? groupId : undefined);
  };
  if (number.problem !== undefined) return <ProblemNotice problem={number.problem} retry={number.reload} />;
  if (number.value === undefined) return <Busy text={say().app.starting} />;
  return (
    <Form kind="safety" onSend={() => void verify()}>
      <h3>{t.number}</h3>
      <p class="hint">{isOwn ? t.ownHint : t.hint}</p>
      <p class="safety-number" translate={false}>
        {number.value.split(" ").map((group, at) => (
          <span key={at}>{group} </span>
        ))}
      </p>
      {!isOwn && (
        <>
          <TextField
            label={t.typed}
            hint={t.typedHint}
            value={typed}
            onValue={(value) => {
              setTyped(value);
              setVerified(undefined);
              task.clear();
            }}
          />
          {verified === groupId && <Notice kind="good">{t.verified}</Notice>}
          <ProblemNotice problem={task.problem} />
          <div class="actions">
            <button type="submit" class="primary" disabled={task.busy || typed.trim() === ""}>
              {t.verify}
            </button>
          </div>
        </>
      )}
    </Form>
  );
}
