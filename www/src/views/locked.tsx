import { useState } from "preact/hooks";
import { say } from "../language";
import { useStation } from "../station";
import { TextField, WhosePassword } from "../ui/field";
import { Form } from "../ui/form";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useTask } from "../ui/use";

/** The application knows who is here; the keys wait for the password. */
export function Locked() {
  const station = useStation();
  const [password, setPassword] = useState("");
  const task = useTask();
  const t = say();
  return (
    <section class="gate-panel narrow">
      <h1>{t.locked.title(station.me?.name ?? "")}</h1>
      <p class="lead">{t.locked.lead}</p>
      <Form onSend={() => void task.run(() => station.unlock(password))}>
        <WhosePassword userId={station.me?.userId ?? ""} />
        <TextField
          label={t.login.password}
          type="password"
          value={password}
          onValue={setPassword}
          autocomplete="current-password"
        />
        <div aria-live="polite">
          {task.busy ? <Busy text={t.login.working} /> : <ProblemNotice problem={task.problem} />}
        </div>
        <button type="submit" class="primary wide" disabled={task.busy}>
          {t.locked.submit}
        </button>
      </Form>
      <div class="links">
        <button type="button" class="plain" onClick={() => void station.logout()}>
          {t.locked.other}
        </button>
      </div>
    </section>
  );
}
