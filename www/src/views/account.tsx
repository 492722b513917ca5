import { useState } from "preact/hooks";
import { say } from "../language";
import * as api from "../server/api";
import { useStation } from "../station";
import { NewPasswordField, SHORTEST_PASSWORD, TextField, WhosePassword } from "../ui/field";
import { Form } from "../ui/form";
import { Notice, ProblemNotice } from "../ui/notice";
import { Card } from "../ui/page";
import { Busy } from "../ui/progress";
import { useTask } from "../ui/use";

export function AccountCard() {
  const { wardkey, me } = useStation();
  const t = say().device;
  return (
    <Card title={t.account}>
      <p>
        <strong>{me?.name}</strong> <span class="quiet">{me?.userId}</span>
      </p>
      <p class="quiet">{t.fingerprint}</p>
      <code class="fingerprint">{wardkey.fingerprint}</code>
      <PasswordForm />
      <ContactForm />
    </Card>
  );
}

function PasswordForm() {
  const { wardkey, me } = useStation();
  const [oldPassword, setOld] = useState("");
  const [newPassword, setNew] = useState("");
  const [tried, setTried] = useState(false);
  const [isDone, setDone] = useState(false);
  const task = useTask();
  const t = say().device;
  const change = async () => {
    setTried(true);
    setDone(false);
    if (newPassword.length < SHORTEST_PASSWORD || !me) return;
    const { userId } = me;
    const ok = await task.run(async () => {
      const presentSecret = await wardkey.loginSecret({ userId, password: oldPassword });
      await wardkey.changePassword({
        oldPassword,
        newPassword,
        storeLoginSecret: async (loginSecret) => {
          await api.storeLoginSecret({ userId, loginSecret, presentSecret });
        },
      });
    });
    if (!ok) return;
    setDone(true);
    setTried(false);
    setOld("");
    setNew("");
  };
  return (
    <details class="panel">
      <summary>{t.changePassword}</summary>
      <Form onSend={() => void change()}>
        <WhosePassword userId={me?.userId ?? ""} />
        <TextField
          label={t.oldPassword}
          type="password"
          value={oldPassword}
          onValue={setOld}
          autocomplete="current-password"
        />
        <NewPasswordField label={t.newPassword} value={newPassword} onValue={setNew} tried={tried} />
        {isDone && <Notice kind="good">{t.passwordChanged}</Notice>}
        {task.busy ? <Busy text={say().login.working} /> : <ProblemNotice problem={task.problem} />}
        <div class="actions">
          <button type="submit" disabled={task.busy}>
            {t.changePassword}
          </button>
        </div>
      </Form>
    </details>
  );
}

function ContactForm() {
  const { wardkey, me } = useStation();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [isDone, setDone] = useState(false);
  const task = useTask();
  const t = say().device;
  return (
    <details class="panel">
      <summary>{t.contact}</summary>
      <Form
        onSend={() => {
          void task
            .run(() => wardkey.setRecoveryContact({ password, email: email.trim() }))
            .then((ok) => {
              setDone(ok);
              if (ok) setPassword("");
            });
        }}
      >
        <WhosePassword userId={me?.userId ?? ""} />
        <TextField label={say().invitation.email} type="email" value={email} onValue={setEmail} autocomplete="email" />
        <TextField
          label={t.oldPassword}
          type="password"
          value={password}
          onValue={setPassword}
          autocomplete="current-password"
        />
        {isDone && <Notice kind="good">{t.contactSet}</Notice>}
        {task.busy ? <Busy text={say().login.working} /> : <ProblemNotice problem={task.problem} />}
        <div class="actions">
          <button type="submit" disabled={task.busy || email.trim() === "" || password === ""}>
            {t.contactSubmit}
          </button>
        </div>
      </Form>
    </details>
  );
}
