import { useEffect, useRef, useState } from "preact/hooks";
import { say } from "../language";
import { AddressProblem } from "../model/address-problem";
import { LENGTHS, SEXES, URGENCIES, type Urgency } from "../model/record";
import { Sending } from "../model/sending";
import { Upload } from "../model/upload";
import { isCancelled } from "../problem";
import { route } from "../route";
import type { Facility } from "../server/types";
import { useStation } from "../station";
import { SelectField, TextField, useFirstWrong } from "../ui/field";
import { Form } from "../ui/form";
import { Notice, ProblemNotice } from "../ui/notice";
import { Page } from "../ui/page";
import { Busy } from "../ui/progress";
import { useTask } from "../ui/use";
import { FilePicker } from "./file-picker";
import { UploadItem } from "./upload-item";

const EMPTY = {
  to: "",
  name: "",
  born: "",
  sex: "" as (typeof SEXES)[number],
  insuranceId: "",
  diagnosis: "",
  urgency: "today" as Urgency,
  needs: "",
  notes: "",
};

const today = () => new Date().toISOString().slice(0, 10);

export function Compose() {
  const station = useStation();
  const [draft, set] = useState(EMPTY);
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const [tried, setTried] = useState(false);
  const [wasCancelled, setCancelled] = useState(false);
  const sending = useRef<{ to: string; sending: Sending } | undefined>(undefined);
  const task = useTask();
  const { form, focusWrong } = useFirstWrong();
  const t = say().compose;
  const others = station.facilities.filter(({ id }) => id !== station.me?.facilityId);
  const receiver = others.find(({ id }) => id === draft.to);
  const change = (entry: keyof typeof EMPTY) => (value: string) => set((before) => ({ ...before, [entry]: value }));
  const missing = (value: string) => (tried && value.trim() === "" ? t.required : undefined);
  const future = draft.born > today() ? t.future : undefined;

  // Who leaves the form stops what is under way.
  const current = useRef(uploads);
  current.current = uploads;
  useEffect(
    () => () => {
      for (const upload of current.current) upload.cancel();
    },
    [],
  );

  const submit = () => {
    setTried(true);
    const { book } = station;
    if (!receiver || !book || [draft.name, draft.diagnosis].some((value) => value.trim() === "") || future) {
      return focusWrong();
    }
    setCancelled(false);
    // What failed is sent again; another receiver gets a session of his own, and files of his own.
    if (sending.current?.to !== receiver.id) {
      sending.current = { to: receiver.id, sending: new Sending(station.wardkey, book, receiver.id) };
    }
    const attempt = sending.current.sending;
    void task.run(async () => {
      let id: string;
      try {
        id = await attempt.send(recordOf(draft, station.me?.name ?? ""), uploads);
      } catch (error) {
        if (!isCancelled(error)) throw error;
        setCancelled(true);
        return;
      }
      setUploads([]);
      await station.transfers.refresh(id);
      route.go("out", id);
    });
  };

  return (
    <Page title={t.title}>
      <Form kind="compose" form={form} onSend={submit}>
        <fieldset class="card" disabled={task.busy}>
          <legend>{t.receiver}</legend>
          <SelectField
            label={t.to}
            value={draft.to}
            options={[
              ["", t.choose],
              ...others.map(
                ({ id, city }) =>
                  [id, city ? `${station.facilityName(id)}, ${city}` : station.facilityName(id)] as const,
              ),
            ]}
            onValue={(value) => {
              change("to")(value);
              setUploads(uploads.map(({ file }) => new Upload(file)));
            }}
            error={missing(draft.to)}
          />
          {receiver && <ReceiverNotice facility={receiver} />}
        </fieldset>
        <fieldset class="card" disabled={task.busy}>
          <legend>{t.patient}</legend>
          <div class="grid">
            <TextField
              label={t.name}
              value={draft.name}
              onValue={change("name")}
              error={missing(draft.name)}
              max={LENGTHS.name}
            />
            <TextField label={t.born} type="date" optional value={draft.born} onValue={change("born")} error={future} />
            <SelectField
              label={t.sex}
              value={draft.sex}
              options={SEXES.map((sex) => [sex, say().sexes[sex]] as const)}
              onValue={change("sex")}
            />
            <TextField
              label={t.insurance}
              optional
              value={draft.insuranceId}
              onValue={change("insuranceId")}
              max={100}
            />
          </div>
        </fieldset>
        <fieldset class="card" disabled={task.busy}>
          <legend>{t.medical}</legend>
          <TextField
            label={t.diagnosis}
            hint={t.diagnosisHint}
            value={draft.diagnosis}
            onValue={change("diagnosis")}
            error={missing(draft.diagnosis)}
            max={LENGTHS.diagnosis}
          />
          <div class="choices" role="radiogroup" aria-label={t.urgency}>
            {URGENCIES.map((urgency) => (
              <label key={urgency} class="choice" data-kind={urgency}>
                <input
                  type="radio"
                  name="urgency"
                  value={urgency}
                  checked={draft.urgency === urgency}
                  onChange={() => change("urgency")(urgency)}
                />
                {say().urgencies[urgency]}
              </label>
            ))}
          </div>
          <TextField
            label={t.needs}
            hint={t.needsHint}
            lines={3}
            optional
            value={draft.needs}
            onValue={change("needs")}
          />
          <TextField
            label={t.notes}
            lines={6}
            optional
            value={draft.notes}
            onValue={change("notes")}
            max={LENGTHS.notes}
          />
        </fieldset>
        <fieldset class="card">
          <legend>{t.files}</legend>
          {!task.busy && (
            <FilePicker onFiles={(files) => setUploads([...uploads, ...files.map((file) => new Upload(file))])} />
          )}
          <ul class="files">
            {uploads.map((upload) => (
              <UploadItem
                key={upload.key}
                upload={upload}
                onRemove={() => {
                  upload.cancel();
                  setUploads(uploads.filter((other) => other !== upload));
                }}
              />
            ))}
          </ul>
        </fieldset>
        <div class="submit">
          {task.busy && <Busy text={t.working} />}
          {wasCancelled && !task.busy && <Notice kind="info">{say().upload.cancelled}</Notice>}
          <ProblemNotice problem={task.problem} />
          <button type="submit" class="primary" disabled={task.busy}>
            {t.submit}
          </button>
        </div>
      </Form>
    </Page>
  );
}

/** Whether the receiver is the one that is known, before anything is written. */
function ReceiverNotice({ facility }: { facility: Facility }) {
  const { book } = useStation();
  const t = say().compose;
  if (book?.problem instanceof AddressProblem) return <ProblemNotice problem={book.problem} />;
  const standing = book?.standing(facility);
  if (standing?.kind === "changed") return <ProblemNotice problem={new AddressProblem("facility")} />;
  if (facility.groupId === null) return <Notice kind="lock">{t.escrow(facility.name)}</Notice>;
  if (standing?.kind === "known" && !standing.compared) {
    return <Notice kind="info">{t.notCompared(standing.name)}</Notice>;
  }
  return null;
}

function recordOf(draft: typeof EMPTY, from: string) {
  const { name, born, sex, insuranceId, diagnosis, urgency, needs, notes } = draft;
  return {
    patient: {
      name: name.trim(),
      born,
      sex,
      ...(insuranceId.trim() === "" ? {} : { insuranceId: insuranceId.trim() }),
    },
    diagnosis: diagnosis.trim(),
    urgency,
    needs: needs
      .split("\n")
      .map((need) => need.trim())
      .filter((need) => need !== "")
      .slice(0, LENGTHS.needs),
    notes,
    from,
  };
}
