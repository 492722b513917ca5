import { useEffect, useState } from "preact/hooks";
import { say } from "../language";
import { claimed, makeGroup, startClaim } from "../model/facility";
import { route } from "../route";
import type { Facility } from "../server/types";
import { useStation } from "../station";
import { TextField } from "../ui/field";
import { Form } from "../ui/form";
import { Icon } from "../ui/icon";
import { Notice, ProblemNotice } from "../ui/notice";
import { Card, Empty, Page } from "../ui/page";
import { useTask } from "../ui/use";

/** A facility that has no group yet: keys, then the proof that it is the one that others meant, then what waits. */
export function Setup() {
  const station = useStation();
  const { facility, me } = station;
  const t = say().setup;
  // Stays where it is while the facility gets its group under it.
  useEffect(() => {
    if (route.view !== "setup") route.go("setup");
  }, []);
  if (!facility) return null;
  return (
    <Page title={t.title(facility.name)} lead={t.lead}>
      {me?.admin ? <Steps facility={facility} /> : <Empty icon="clock" title={t.onlyAdmins} />}
    </Page>
  );
}

function Steps({ facility }: { facility: Facility }) {
  const station = useStation();
  const { wardkey } = station;
  const t = say().setup;
  const [claim, setClaim] = useState<{ claimId: string; sentTo: string }>();
  const [code, setCode] = useState("");
  const [isDone, setDone] = useState(false);
  const task = useTask();
  const { groupId, contact } = facility;
  const problem = <ProblemNotice problem={task.problem} />;
  if (isDone) {
    return (
      <Card title={t.read}>
        <Notice kind="good">{t.done}</Notice>
        <div class="actions">
          <a class="button primary" href="#/in">
            {t.finish}
          </a>
        </div>
      </Card>
    );
  }
  if (groupId === null) {
    return (
      <Card title={t.group} lead={t.groupText}>
        <p class="step">{t.step(1, 2)}</p>
        {problem}
        <div class="actions">
          <button
            type="button"
            class="primary"
            disabled={task.busy}
            onClick={() =>
              void task.run(async () => {
                await makeGroup(wardkey, facility);
                await station.loadFacilities();
              })
            }
          >
            <Icon name="key" /> {t.groupSubmit}
          </button>
        </div>
      </Card>
    );
  }
  if (contact === null) {
    return (
      <Card title={t.claim} lead={t.assigned}>
        <div class="actions">
          <a class="button primary" href="#/in">
            {t.finish}
          </a>
        </div>
      </Card>
    );
  }
  const begin = () => void task.run(async () => setClaim(await startClaim(wardkey, groupId, facility)));
  return (
    <Card title={t.claim} lead={t.claimText(contact)}>
      <p class="step">{t.step(2, 2)}</p>
      {claim === undefined ? (
        <>
          {problem}
          <div class="actions">
            <button type="button" class="primary" disabled={task.busy} onClick={begin}>
              <Icon name="mail" /> {t.claimSubmit}
            </button>
          </div>
        </>
      ) : (
        <Form
          onSend={() => {
            void task.run(async () => {
              await claimed(wardkey, groupId, claim.claimId, code);
              await station.transfers.load();
              setDone(true);
            });
          }}
        >
          <Notice kind="info">{t.sentTo(claim.sentTo)}</Notice>
          <TextField label={t.code} value={code} onValue={setCode} inputMode="numeric" autocomplete="one-time-code" />
          {problem}
          <div class="actions">
            <button type="submit" class="primary" disabled={task.busy || code.trim() === ""}>
              {t.codeSubmit}
            </button>
            <button type="button" disabled={task.busy} onClick={begin}>
              {say().recovery.again}
            </button>
          </div>
        </Form>
      )}
    </Card>
  );
}
