import { useState } from "preact/hooks";
import { say } from "../language";
import * as api from "../server/api";
import { TextField, useFirstWrong } from "../ui/field";
import { Form } from "../ui/form";
import { Notice, ProblemNotice } from "../ui/notice";
import { Card } from "../ui/page";
import { useTask } from "../ui/use";

const EMPTY = { name: "", userId: "", admin: false };

export function StaffInvite({ onInvited }: { onInvited: () => void }) {
  const [person, set] = useState(EMPTY);
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<{ name: string; invitation: string }>();
  const task = useTask();
  const { form, focusWrong } = useFirstWrong();
  const t = say().staff;
  const missing = (value: string) => (tried && value.trim() === "" ? say().login.required : undefined);
  const invite = async () => {
    setTried(true);
    const [name, userId] = [person.name.trim(), person.userId.trim()];
    if (name === "" || userId === "") return focusWrong();
    setMade(undefined);
    const ok = await task.run(async () => {
      const { invitation } = await api.invite({ userId, name, admin: person.admin });
      setMade({ name, invitation });
    });
    if (!ok) return;
    set(EMPTY);
    setTried(false);
    onInvited();
  };
  return (
    <Card title={t.add}>
      {made && (
        <Notice kind="good" title={t.invitation(made.name)}>
          <code class="invitation">{made.invitation}</code>
        </Notice>
      )}
      <Form form={form} onSend={() => void invite()}>
        <div class="grid">
          <TextField
            label={t.name}
            value={person.name}
            onValue={(name) => set({ ...person, name })}
            error={missing(person.name)}
          />
          <TextField
            label={say().login.userId}
            value={person.userId}
            onValue={(userId) => set({ ...person, userId })}
            error={missing(person.userId)}
          />
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={person.admin}
            onChange={({ currentTarget }) => set({ ...person, admin: currentTarget.checked })}
          />
          {t.asAdmin}
        </label>
        <ProblemNotice problem={task.problem} where="register" />
        <div class="actions">
          <button type="submit" class="primary" disabled={task.busy}>
            {t.addSubmit}
          </button>
        </div>
      </Form>
    </Card>
  );
}
