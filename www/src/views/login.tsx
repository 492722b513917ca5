import { useState } from "preact/hooks";
import { say } from "../language";
import { isRefused } from "../server/request";
import type { Person } from "../server/types";
import { useStation } from "../station";
import { TextField, useFirstWrong } from "../ui/field";
import { Form } from "../ui/form";
import { Notice, ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useTask } from "../ui/use";
import type { Door } from "./gate";

export function Login({ onDoor }: { onDoor: (door: Door) => void }) {
  const station = useStation();
  const t = say().login;
  const [userId, setUserId] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const task = useTask();
  const { form, focusWrong } = useFirstWrong();
  const cards = station.config?.people.filter(({ demoPassword }) => demoPassword !== undefined) ?? [];
  /** Whose card didn't open: he has another password by now. */
  const [changed, setChanged] = useState<Person>();
  const enter = (userId: string, password: string) => {
    setChanged(undefined);
    return task.run(() => station.login(userId, password));
  };
  const enterBy = (person: Person) =>
    task.run(async () => {
      setChanged(undefined);
      try {
        await station.login(person.userId, person.demoPassword ?? "");
      } catch (error) {
        if (!isRefused(error)) throw error;
        setChanged(person);
        setUserId(person.userId);
        setPassword("");
        requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[type="password"]')?.focus());
      }
    });
  const submit = () => {
    setTried(true);
    if (userId === "" || password === "") focusWrong();
    else void enter(userId.trim(), password);
  };
  const missing = (value: string) => (tried && value === "" ? t.required : undefined);
  return (
    <>
      <div class="gate-title">
        <h1>{t.title}</h1>
        <p class="lead">{t.lead}</p>
      </div>
      <div class="gate-status" aria-live="polite">
        {task.busy ? <Busy text={t.working} /> : <ProblemNotice problem={task.problem} where="login" />}
        {changed && !task.busy && <Notice kind="lock">{t.changed(changed.name)}</Notice>}
      </div>
      <div class="gate-columns">
        {cards.length > 0 && (
          <section class="gate-panel" aria-labelledby="cards">
            <h2 id="cards">{t.cards}</h2>
            <p class="hint">{t.cardsHint}</p>
            {station.config?.facilities.map(({ id, name, city }) => {
              const people = cards.filter(({ facilityId }) => facilityId === id);
              if (people.length === 0) return null;
              return (
                <div class="card-group" key={id}>
                  <h3>
                    {name} <span class="quiet">{city}</span>
                  </h3>
                  <ul class="people">
                    {people.map((person) => (
                      <li key={person.userId}>
                        <PersonCard person={person} disabled={task.busy} onClick={() => void enterBy(person)} />
                      </li>
                    ))}
                  </ul>
                </div>
              );
            })}
          </section>
        )}
        <section class="gate-panel" aria-labelledby="form">
          <h2 id="form">{t.form}</h2>
          <Form form={form} onSend={submit}>
            <TextField
              label={t.userId}
              value={userId}
              onValue={setUserId}
              error={missing(userId)}
              autocomplete="username"
            />
            <TextField
              label={t.password}
              type="password"
              value={password}
              onValue={setPassword}
              error={missing(password)}
              autocomplete="current-password"
            />
            <button type="submit" class="primary wide" disabled={task.busy}>
              {t.submit}
            </button>
          </Form>
          <div class="links">
            <button type="button" class="plain" onClick={() => onDoor("recovery")}>
              {t.forgotten}
            </button>
            <button type="button" class="plain" onClick={() => onDoor("invitation")}>
              {t.invited}
            </button>
          </div>
        </section>
      </div>
    </>
  );
}

function PersonCard({ person, disabled, onClick }: { person: Person; disabled: boolean; onClick: () => void }) {
  return (
    <button type="button" class="person" disabled={disabled} onClick={onClick}>
      <Initials name={person.name} />
      <span class="person-text">
        <span class="person-name">{person.name}</span>
        <span class="quiet">{person.role}</span>
      </span>
    </button>
  );
}

export function Initials({ name }: { name: string }) {
  const words = name.replace(/^(Dr\.?|Prof\.?|Sr\.?)\s+/i, "").split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "").join("");
  return (
    <span class="initials" aria-hidden="true">
      {letters}
    </span>
  );
}
