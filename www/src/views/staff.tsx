import { useState } from "preact/hooks";
import { say } from "../language";
import { type Colleague, changeAdmin, colleagues, letIn, takeOff } from "../model/staff";
import type { Facility } from "../server/types";
import { useStation } from "../station";
import { Dialog } from "../ui/dialog";
import { Notice, ProblemNotice } from "../ui/notice";
import { Card, Page } from "../ui/page";
import { Skeleton } from "../ui/progress";
import { useLoaded, useTask } from "../ui/use";
import { Initials } from "./login";
import { StaffInvite } from "./staff-invite";

export function Staff() {
  const { facility } = useStation();
  const t = say().staff;
  return (
    <Page title={t.title} lead={t.lead}>
      {facility && <StaffOf facility={facility} />}
    </Page>
  );
}

function StaffOf({ facility }: { facility: Facility }) {
  const station = useStation();
  const { wardkey, me } = station;
  const t = say().staff;
  const staff = useLoaded(() => colleagues(wardkey, facility), [facility.groupId, station.staffVersion]);
  const [said, setSaid] = useState<string>();
  const [removing, setRemoving] = useState<Colleague>();
  const task = useTask();
  const change = async (work: () => Promise<void>, done: string) => {
    setSaid(undefined);
    if (!(await task.run(work))) return;
    setSaid(done);
    setRemoving(undefined);
    staff.reload();
  };
  return (
    <>
      {said && <Notice kind="good">{said}</Notice>}
      {removing === undefined && <ProblemNotice problem={task.problem ?? staff.problem} retry={staff.reload} />}
      <Card title={facility.name}>
        {!me?.admin && <p class="quiet">{t.onlyAdmins}</p>}
        {staff.value === undefined && staff.problem === undefined && <Skeleton rows={4} text={t.loading} />}
        {staff.value && (
          <ul class="staff" aria-busy={task.busy}>
            {staff.value.map((person) => (
              <li key={person.userId} class="staff-row">
                <Initials name={person.name} />
                <span class="person-text">
                  <span class="person-name">
                    {person.name}
                    {person.userId === me?.userId && <span class="quiet"> ({t.you})</span>}
                  </span>
                  <span class="quiet">{person.userId}</span>
                </span>
                <span class="staff-state">
                  {person.admin && <span class="badge">{t.admin}</span>}
                  <StaffState person={person} />
                </span>
                {me?.admin && person.userId === me.userId && <span class="actions" />}
                {me?.admin && person.userId !== me.userId && (
                  <span class="actions">
                    {person.joined && !person.inGroup && (
                      <button
                        type="button"
                        class="primary"
                        aria-label={t.letInName(person.name)}
                        disabled={task.busy}
                        onClick={() => void change(() => letIn(wardkey, facility, person), t.done.letIn(person.name))}
                      >
                        {t.letIn}
                      </button>
                    )}
                    {person.inGroup && (
                      <button
                        type="button"
                        aria-label={`${person.admin ? t.takeAdmin : t.makeAdmin}: ${person.name}`}
                        disabled={task.busy}
                        onClick={() =>
                          void change(
                            () => changeAdmin(wardkey, facility, person, !person.admin),
                            person.admin ? t.done.member(person.name) : t.done.admin(person.name),
                          )
                        }
                      >
                        {person.admin ? t.takeAdmin : t.makeAdmin}
                      </button>
                    )}
                    <button
                      type="button"
                      aria-label={t.removeName(person.name)}
                      disabled={task.busy}
                      onClick={() => {
                        task.clear();
                        setRemoving(person);
                      }}
                    >
                      {t.remove}
                    </button>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Card>
      {me?.admin && <StaffInvite onInvited={staff.reload} />}
      {removing && (
        <Dialog
          title={t.removeTitle(removing.name)}
          action={t.remove}
          danger
          busy={task.busy}
          onYes={() =>
            void change(() => takeOff(wardkey, station.book, facility, removing), t.done.removed(removing.name))
          }
          onNo={() => setRemoving(undefined)}
        >
          <p>{t.removeText}</p>
          <ProblemNotice problem={task.problem} />
        </Dialog>
      )}
    </>
  );
}

function StaffState({ person }: { person: Colleague }) {
  const t = say().staff;
  if (!person.joined)
    return (
      <span class="badge" data-kind="days">
        {t.invited}
      </span>
    );
  if (!person.inGroup)
    return (
      <span class="badge" data-kind="today">
        {t.waiting}
      </span>
    );
  return (
    <span class="badge" data-kind="accepted">
      {t.active}
    </span>
  );
}
