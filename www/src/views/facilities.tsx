import { useState } from "preact/hooks";
import { say } from "../language";
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
  const t = say().facilities;
  return (
    <Page title={t.title} lead={t.lead}>
      <ul class="facilities">
        {station.facilities.map((facility) => (
          <li key={facility.id} class="card">
            <FacilityItem facility={facility} isOwn={facility.id === station.me?.facilityId} />
          </li>
        ))}
      </ul>
    </Page>
  );
}

function FacilityItem({ facility, isOwn }: { facility: Facility; isOwn: boolean }) {
  const [open, setOpen] = useState(false);
  const t = say().facilities;
  const { name, city, groupId } = facility;
  return (
    <>
      <div class="facility">
        <span class="file-icon">
          <Icon name="building" />
        </span>
        <div class="person-text">
          <h2>{name}</h2>
          <p class="quiet">{city}</p>
        </div>
        <span class="badge" data-kind={groupId === null ? "today" : "accepted"}>
          {isOwn ? t.own : groupId === null ? t.escrow : t.joined}
        </span>
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
      {open && groupId !== null && <SafetyNumber groupId={groupId} isOwn={isOwn} />}
    </>
  );
}

/** Compared by telephone; what was compared is pinned. The own facility's is there to be read out. */
function SafetyNumber({ groupId, isOwn }: { groupId: string; isOwn: boolean }) {
  const { wardkey } = useStation();
  const number = useLoaded(() => wardkey.safetyNumber(groupId), [groupId]);
  const [typed, setTyped] = useState("");
  const [isVerified, setVerified] = useState(false);
  const task = useTask();
  const t = say().facilities;
  const verify = async () => {
    // What the other side reads out counts, not what stands here.
    setVerified(await task.run(() => wardkey.verify(groupId, typed.trim().replaceAll(/\s+/g, " "))));
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
              setVerified(false);
              task.clear();
            }}
          />
          {isVerified && <Notice kind="good">{t.verified}</Notice>}
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
