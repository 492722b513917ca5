import { useEffect, useRef, useState } from "preact/hooks";
import { cleanFileName } from "../format";
import { say } from "../language";
import type { AddressBook } from "../model/address-book";
import { AddressProblem } from "../model/address-problem";
import type { Interrupted, Written } from "../model/drafts";
import { LENGTHS, SEXES, type TransferRecord, URGENCIES } from "../model/record";
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
import { useObservable, useTask } from "../ui/use";
import { FilePicker } from "./file-picker";
import { UploadItem } from "./upload-item";

const EMPTY: Written = {
  to: "",
  name: "",
  born: "",
  sex: "",
  insuranceId: "",
  diagnosis: "",
  urgency: "today",
  needs: "",
  notes: "",
};

/** Where this browser is: a child may be born right after midnight. */
const today = () => {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
};

/** A new transfer, or one that was interrupted. */
export function Compose() {
  const station = useStation();
  const drafts = useObservable(station.drafts);
  return <ComposeForm key={drafts.current?.id ?? ""} begun={drafts.current} />;
}

function ComposeForm({ begun }: { begun: Interrupted | undefined }) {
  const station = useStation();
  const { drafts } = station;
  const [draft, set] = useState(() => (begun ? draftOf(begun.record, begun.to) : (drafts.unsent?.written ?? EMPTY)));
  const [uploads, setUploads] = useState<readonly Upload[]>(
    () => begun?.uploads ?? drafts.unsent?.files.map((file) => new Upload(file)) ?? [],
  );
  const [missing, setMissing] = useState(begun?.missing ?? []);
  const [tried, setTried] = useState(false);
  const [wasCancelled, setCancelled] = useState(false);
  const sending = useRef<{ to: string; sending: Sending } | undefined>(undefined);
  useObservable(sending.current?.sending);
  const hasLeft = useRef(false);
  const task = useTask();
  const { form, focusWrong } = useFirstWrong();
  const t = say().compose;
  const others = station.facilities.filter(({ id }) => id !== station.me?.facilityId);
  const receiver = others.find(({ id }) => id === draft.to);
  const change = (entry: keyof Written) => (value: string) => set((before) => ({ ...before, [entry]: value }));
  const absent = (value: string) => (tried && value.trim() === "" ? t.required : undefined);
  const future = draft.born > today() ? t.future : undefined;
  const tooMany = needsOf(draft).length > LENGTHS.needs || needsOf(draft).some((need) => need.length > LENGTHS.need);

  const tooManyFiles = uploads.length > LENGTHS.files;

  // Who leaves the form finds it again: what is under way is offered, what isn't stands there as it was.
  const current = useRef({ draft, uploads });
  current.current = { draft, uploads };
  const isSending = useRef(false);
  const leave = () => {
    sending.current?.sending.leave();
    void drafts.look();
  };
  useEffect(() => {
    if (begun) {
      if (begun.missing.length === 0) submit();
    } else drafts.unsent = undefined;
    return () => {
      hasLeft.current = true;
      if (drafts.current === begun) drafts.current = undefined;
      const { draft, uploads } = current.current;
      const isKept = sending.current ? sending.current.sending.isKept === true : begun !== undefined;
      for (const upload of uploads) isKept ? upload.stop() : upload.cancel();
      const files = uploads.flatMap(({ file }) => file ?? []);
      if (!isKept && (draft !== EMPTY || files.length > 0)) drafts.unsent = { written: draft, files };
      if (!isSending.current) leave();
    };
  }, []);

  const attempt = (book: AddressBook, receiver: Facility): Sending => {
    // What failed is sent again; another receiver gets a session of his own, and files of his own.
    if (sending.current?.to !== receiver.id) {
      void sending.current?.sending.discard();
      const same = begun?.to === receiver.id && !sending.current ? begun : undefined;
      sending.current = { to: receiver.id, sending: new Sending(station.wardkey, book, receiver.id, same) };
    }
    return sending.current.sending;
  };

  /** Files that a page before this one had sealed are chosen again. */
  const beginAnew = () => {
    for (const upload of uploads) upload.cancel();
    setMissing(uploads.flatMap(({ file, name }) => (file ? [] : [name])));
    setUploads(uploads.flatMap(({ file }) => (file ? [new Upload(file)] : [])));
  };

  const submit = () => {
    setTried(true);
    const { book } = station;
    const isMissing = [draft.name, draft.diagnosis].some((value) => value.trim() === "");
    if (!receiver || !book || isMissing || future || tooMany || tooManyFiles) return focusWrong();
    setCancelled(false);
    setMissing([]);
    const going = attempt(book, receiver);
    void task.run(async () => {
      isSending.current = true;
      try {
        const id = await going.send(recordOf(draft, station.me?.name ?? ""), uploads);
        drafts.unsent = undefined;
        set(EMPTY);
        setUploads([]);
        // What was sent was sent, also where the list can't be read now.
        await station.transfers.refresh(id).catch(() => station.transfers.catchUp());
        if (!hasLeft.current) route.go("out", id);
      } catch (error) {
        if (error instanceof AddressProblem) {
          // What was encrypted for whom the address book named before is of no use.
          await going.discard();
          sending.current = { to: "", sending: going };
          beginAnew();
        }
        if (!isCancelled(error)) throw error;
        if (hasLeft.current) return;
        await going.discard();
        // one that a page before this one had sealed is gone
        setUploads(uploads.filter(({ file }) => file));
        setCancelled(true);
      } finally {
        isSending.current = false;
        if (hasLeft.current) leave();
      }
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
              beginAnew();
            }}
            error={absent(draft.to)}
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
              error={absent(draft.name)}
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
            error={absent(draft.diagnosis)}
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
            error={tooMany ? t.tooMany(LENGTHS.needs, LENGTHS.need) : undefined}
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
          {missing.length > 0 && (
            <Notice kind="bad" title={t.missing}>
              {missing.map(cleanFileName).join(", ")}
            </Notice>
          )}
          {!task.busy && (
            <FilePicker onFiles={(files) => setUploads([...uploads, ...files.map((file) => new Upload(file))])} />
          )}
          {tooManyFiles && <Notice kind="bad">{t.tooManyFiles(LENGTHS.files)}</Notice>}
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
          {task.busy && sending.current?.sending.isKept === false && <Notice kind="info">{t.stay}</Notice>}
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

const needsOf = ({ needs }: Written) =>
  needs
    .split("\n")
    .map((need) => need.trim())
    .filter((need) => need !== "");

function recordOf(draft: Written, from: string) {
  const { name, born, sex, insuranceId, diagnosis, urgency, notes } = draft;
  return {
    patient: {
      name: name.trim(),
      born,
      sex,
      ...(insuranceId.trim() === "" ? {} : { insuranceId: insuranceId.trim() }),
    },
    diagnosis: diagnosis.trim(),
    urgency,
    needs: needsOf(draft),
    notes,
    from,
  };
}

function draftOf({ patient, diagnosis, urgency, needs, notes }: TransferRecord, to: string): Written {
  const { name, born, sex, insuranceId = "" } = patient;
  return { to, name, born, sex, insuranceId, diagnosis, urgency, needs: needs.join("\n"), notes };
}
