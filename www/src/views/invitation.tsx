import { useState } from "preact/hooks";
import { say } from "../language";
import { useStation } from "../station";
import { NewPasswordField, SelectField, SHORTEST_PASSWORD, TextField, useFirstWrong } from "../ui/field";
import { Form } from "../ui/form";
import { Icon } from "../ui/icon";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useTask } from "../ui/use";

/** Somebody whom an administrator has invited, or the first one of a facility. */
export function Invitation({ onBack }: { onBack: () => void }) {
  const station = useStation();
  const [given, set] = useState({ facilityId: "", invitation: "", name: "", userId: "", email: "" });
  const [password, setPassword] = useState("");
  const [repeat, setRepeat] = useState("");
  const [tried, setTried] = useState(false);
  const task = useTask();
  const { form, focusWrong } = useFirstWrong();
  const t = say().invitation;
  const change = (entry: keyof typeof given) => (value: string) => set((before) => ({ ...before, [entry]: value }));
  const missing = (value: string) => (tried && value.trim() === "" ? say().login.required : undefined);
  const different = tried && repeat !== password ? t.different : undefined;
  const submit = () => {
    setTried(true);
    const { facilityId, invitation, name, userId } = given;
    const complete = [facilityId, invitation, name, userId].every((value) => value.trim() !== "");
    if (!complete || password.length < SHORTEST_PASSWORD || repeat !== password) return focusWrong();
    const trimmed = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, value.trim()]));
    void task.run(() => station.register({ ...(trimmed as typeof given), password }));
  };
  return (
    <section class="gate-panel narrow">
      <button type="button" class="plain back" onClick={onBack}>
        <Icon name="back" /> {say().app.back}
      </button>
      <h1>{t.title}</h1>
      <p class="lead">{t.lead}</p>
      <Form form={form} onSend={submit}>
        <SelectField
          label={t.facility}
          value={given.facilityId}
          options={[["", "–"], ...(station.config?.facilities ?? []).map(({ id, name }) => [id, name] as const)]}
          onValue={change("facilityId")}
          error={missing(given.facilityId)}
        />
        <TextField
          label={t.code}
          value={given.invitation}
          onValue={change("invitation")}
          error={missing(given.invitation)}
        />
        <TextField label={t.name} value={given.name} onValue={change("name")} error={missing(given.name)} />
        <TextField
          label={t.userId}
          hint={t.userIdHint}
          value={given.userId}
          onValue={change("userId")}
          error={missing(given.userId)}
          autocomplete="username"
        />
        <TextField
          label={t.email}
          hint={t.emailHint}
          type="email"
          optional
          value={given.email}
          onValue={change("email")}
        />
        <NewPasswordField label={t.password} value={password} onValue={setPassword} tried={tried} />
        <TextField
          label={t.repeat}
          type="password"
          value={repeat}
          onValue={setRepeat}
          error={different}
          autocomplete="new-password"
        />
        {task.busy ? <Busy text={say().login.working} /> : <ProblemNotice problem={task.problem} where="register" />}
        <button type="submit" class="primary wide" disabled={task.busy}>
          {t.submit}
        </button>
      </Form>
    </section>
  );
}
