import { formatTime } from "../format";
import { say } from "../language";
import * as api from "../server/api";
import { ProblemNotice } from "../ui/notice";
import { Card, Empty, Page } from "../ui/page";
import { Busy } from "../ui/progress";
import { useLoaded } from "../ui/use";

/** Development only: what the key server would have mailed. */
function Mails() {
  const mails = useLoaded(api.mail, []);
  const t = say().mailbox;
  return (
    <>
      <div class="actions">
        <button type="button" onClick={mails.reload}>
          {t.refresh}
        </button>
      </div>
      <ProblemNotice problem={mails.problem} retry={mails.reload} />
      {mails.value === undefined && mails.problem === undefined && <Busy text={say().app.starting} />}
      {mails.value?.length === 0 && (
        <Empty icon="mail" title={t.empty}>
          <p>{t.emptyLead}</p>
        </Empty>
      )}
      <ul class="mails">
        {mails.value?.slice(0, 20).map((mail) => (
          <li key={`${mail.at} ${mail.to} ${mail.code}`} class="mail">
            <p class="mail-head">
              <strong>{mail.subject}</strong> <time dateTime={mail.at}>{formatTime(mail.at)}</time>
            </p>
            <p class="quiet">
              {t.to} {mail.to}
            </p>
            {mail.code ? (
              <p class="mail-code">
                {t.useCode} <code>{mail.code}</code>
              </p>
            ) : (
              <p class="mail-text">{mail.text}</p>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

export function MailboxPanel() {
  const t = say().mailbox;
  return (
    <section class="gate-panel narrow" aria-labelledby="mailbox">
      <h2 id="mailbox">{t.title}</h2>
      <p class="hint">{t.lead}</p>
      <Mails />
    </section>
  );
}

export function Mailbox() {
  const t = say().mailbox;
  return (
    <Page title={t.title} lead={t.lead}>
      <Card title={t.title}>
        <Mails />
      </Card>
    </Page>
  );
}
