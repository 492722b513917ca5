import { useState } from "preact/hooks";
import { say } from "../language";
import { explain } from "../problem";
import { useStation } from "../station";
import { NewPasswordField, SHORTEST_PASSWORD, TextField } from "../ui/field";
import { Form } from "../ui/form";
import { Icon } from "../ui/icon";
import { Notice, ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useTask } from "../ui/use";

/** A forgotten password: a code by e-mail, and a new one. */
export function Recovery({ onBack }: { onBack: () => void }) {
  const station = useStation();
  const [userId, setUserId] = useState("");
  const [started, setStarted] = useState<{ recoveryId: string; sentTo: string }>();
  const [code, setCode] = useState("");
  const [newPassword, setNewPassword] = useState("");
  const [tried, setTried] = useState(false);
  const task = useTask();
  const t = say().recovery;
  const begin = () =>
    void task.run(async () => {
      setStarted(undefined);
      setStarted(await station.startRecovery(userId.trim()));
    });
  const finish = (recoveryId: string) => {
    setTried(true);
    if (newPassword.length < SHORTEST_PASSWORD) return;
    void task.run(() =>
      station.finishRecovery({ userId: userId.trim(), recoveryId, code: code.replaceAll(/\s/g, ""), newPassword }),
    );
  };
  const isReplaced = station.isReplaced(userId.trim());
  const status = task.busy ? (
    <Busy text={say().login.working} />
  ) : (
    <>
      <ProblemNotice problem={task.problem} where="login" />
      {started && isReplaced && <Notice kind="info">{t.goOn}</Notice>}
      {task.problem !== undefined && explain(task.problem).code === "otp-expired" && (
        <Notice kind="info">{t.unchanged}</Notice>
      )}
    </>
  );
  return (
    <section class="gate-panel narrow">
      <button type="button" class="plain back" onClick={onBack}>
        <Icon name="back" /> {say().app.back}
      </button>
      <h1>{t.title}</h1>
      <p class="lead">{t.lead}</p>
      {started === undefined ? (
        <Form
          onSend={() => {
            if (userId.trim() !== "") begin();
          }}
        >
          <TextField label={say().login.userId} value={userId} onValue={setUserId} autocomplete="username" />
          {status}
          <button type="submit" class="primary wide" disabled={task.busy}>
            {t.send}
          </button>
        </Form>
      ) : (
        <Form onSend={() => finish(started.recoveryId)}>
          <Notice kind="info">{t.sentTo(started.sentTo)}</Notice>
          {!isReplaced && (
            <>
              <TextField
                label={t.code}
                value={code}
                onValue={setCode}
                inputMode="numeric"
                autocomplete="one-time-code"
              />
              <NewPasswordField label={t.newPassword} value={newPassword} onValue={setNewPassword} tried={tried} />
            </>
          )}
          {status}
          <div class="actions">
            <button type="submit" class="primary" disabled={task.busy || code.trim() === ""}>
              {isReplaced ? say().app.retry : t.submit}
            </button>
            <button type="button" disabled={task.busy} onClick={begin}>
              {t.again}
            </button>
          </div>
        </Form>
      )}
    </section>
  );
}
