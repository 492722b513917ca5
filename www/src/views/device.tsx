import { useEffect, useState } from "preact/hooks";
import { formatInstant } from "../format";
import { say } from "../language";
import { useStation } from "../station";
import { Dialog } from "../ui/dialog";
import { Notice, ProblemNotice } from "../ui/notice";
import { Card, Facts, Page } from "../ui/page";
import { Busy } from "../ui/progress";
import { useLoaded, useTask } from "../ui/use";
import { AccountCard } from "./account";

export function Device() {
  const t = say().device;
  return (
    <Page title={t.title}>
      <div class="cards">
        <HealthCard />
        <CacheCard />
        <WipeCard />
        <SecondCard />
        <AccountCard />
      </div>
    </Page>
  );
}

function HealthCard() {
  const { wardkey } = useStation();
  const health = useLoaded(() => wardkey.storageHealth(), []);
  const isWriting = health.value?.backup === "outdated";
  useEffect(() => {
    if (!isWriting) return;
    const again = setInterval(health.reload, 2_000);
    return () => clearInterval(again);
  }, [isWriting]);
  const t = say().device;
  const yes = (is: boolean) => (is ? t.yes : t.no);
  const { value } = health;
  return (
    <Card title={t.health} lead={t.healthLead}>
      <ProblemNotice problem={health.problem} retry={health.reload} />
      {value ? (
        <Facts
          facts={[
            [t.backup, <Light good={value.backup === "current"}>{t.backups[value.backup]}</Light>],
            [
              t.identityStore,
              <Light good={value.identityStore === "indexeddb"}>{t.stores[value.identityStore]}</Light>,
            ],
            [t.outbox, <Light good={value.outbox === 0}>{value.outbox}</Light>],
            [t.secureContext, <Light good={value.secureContext}>{yes(value.secureContext)}</Light>],
            [t.worker, <Light good={value.worker === "started"}>{t.workers[value.worker]}</Light>],
            [t.persisted, yes(value.persisted)],
            [t.engine, value.engine === "wasm" ? "WebAssembly" : value.engine === "webcrypto" ? "WebCrypto" : "auto"],
            [t.lastWipe, value.lastWipe ? formatInstant(value.lastWipe) : t.never],
          ]}
        />
      ) : (
        health.problem === undefined && <Busy text={say().app.starting} />
      )}
      <div class="actions">
        <button type="button" onClick={health.reload}>
          {t.refresh}
        </button>
      </div>
    </Card>
  );
}

function Light({ good, children }: { good: boolean; children: preact.ComponentChildren }) {
  return (
    <span class="light" data-good={good}>
      {children}
    </span>
  );
}

function CacheCard() {
  const { wardkey } = useStation();
  const stats = useLoaded(() => wardkey.cache.stats(), []);
  const [said, setSaid] = useState<string>();
  const task = useTask();
  const t = say().device;
  const { value } = stats;
  const run = async (work: () => Promise<string>) => {
    await task.run(async () => setSaid(await work()));
    stats.reload();
  };
  return (
    <Card title={t.cache} lead={t.cacheLead}>
      {value && (
        <Facts
          facts={[
            [t.cacheStore, t.stores[value.store]],
            [t.entries, value.entries],
            [t.hits, value.hits],
            [t.misses, value.misses],
            [t.wipes, value.wipesSurvived],
            ...(value.degraded === undefined ? [] : [[t.degraded, value.degraded] as const]),
          ]}
        />
      )}
      {said && <Notice kind="good">{said}</Notice>}
      <ProblemNotice problem={task.problem ?? stats.problem} />
      <div class="actions">
        <button
          type="button"
          disabled={task.busy}
          onClick={() =>
            void run(async () => {
              const { revoked } = await wardkey.cache.sync();
              return t.synced(revoked.length);
            })
          }
        >
          {t.sync}
        </button>
        <button
          type="button"
          disabled={task.busy}
          onClick={() =>
            void run(async () => {
              await wardkey.cache.clear();
              return t.cleared;
            })
          }
        >
          {t.clearCache}
        </button>
      </div>
    </Card>
  );
}

function WipeCard() {
  const station = useStation();
  const [outbox, setOutbox] = useState<number>();
  const task = useTask();
  const t = say().device;
  return (
    <Card title={t.wipe} lead={t.wipeLead}>
      <ProblemNotice problem={task.problem} />
      <div class="actions">
        <button
          type="button"
          class="danger"
          onClick={() =>
            void task.run(async () => {
              const health = await station.wardkey.storageHealth();
              await station.drafts.look();
              setOutbox(health.outbox + station.drafts.all.length);
            })
          }
        >
          {t.wipeSubmit}
        </button>
      </div>
      {outbox !== undefined && (
        <Dialog
          title={t.wipeTitle}
          action={t.wipeSubmit}
          danger
          busy={task.busy}
          onYes={() => void task.run(() => station.wipe())}
          onNo={() => setOutbox(undefined)}
        >
          <p>{t.wipeText}</p>
          {outbox > 0 && <Notice kind="bad">{t.wipeOutbox(outbox)}</Notice>}
        </Dialog>
      )}
    </Card>
  );
}

/** Two names of this machine are two sites to a browser: each has its own login and its own storage. */
function SecondCard() {
  const other = { localhost: "127.0.0.1", "127.0.0.1": "localhost" }[location.hostname];
  const t = say().device;
  if (other === undefined) return null;
  return (
    <Card title={t.second} lead={t.secondLead}>
      <div class="actions">
        <a class="button" href={`${location.protocol}//${other}:${location.port}/`} target="_blank" rel="noreferrer">
          {t.secondOpen}
        </a>
      </div>
    </Card>
  );
}
