import { useState } from "preact/hooks";
import { say } from "../language";
import type { Conversation } from "../model/conversation";
import type { Transfer, TransferState } from "../server/types";
import { useStation } from "../station";
import { Dialog } from "../ui/dialog";
import { TextField } from "../ui/field";
import { ProblemNotice } from "../ui/notice";
import { useTask } from "../ui/use";

type Decision = Exclude<TransferState, "sent">;

/** What this facility can do with the transfer: the receiver answers, the sender takes back. */
export function Decisions({
  transfer,
  conversation,
  onDone,
}: {
  transfer: Transfer;
  conversation: Conversation;
  onDone: (decision: Decision) => void;
}) {
  const station = useStation();
  const [open, setOpen] = useState<Decision>();
  const [text, setText] = useState("");
  const task = useTask();
  const t = say().record;
  const isReceiver = transfer.to === station.me?.facilityId;
  const choices: readonly Decision[] = isReceiver
    ? transfer.state === "sent"
      ? ["accepted", "declined"]
      : []
    : transfer.state === "withdrawn"
      ? []
      : ["withdrawn"];
  if (choices.length === 0 || (!isReceiver && transfer.from !== station.me?.facilityId)) return null;
  const names = { accepted: t.accept, declined: t.decline, withdrawn: t.withdraw };
  const titles = { accepted: t.acceptTitle, declined: t.declineTitle, withdrawn: t.withdrawTitle };
  const texts = { accepted: t.acceptText, declined: t.declineText, withdrawn: t.withdrawText };
  const decide = async (decision: Decision) => {
    const ok = await task.run(async () => {
      await conversation.decide(decision, text.trim());
      // What was decided was decided, also where the list can't be read now.
      await station.transfers.refresh(transfer.id).catch(() => station.transfers.catchUp());
    });
    if (!ok) return;
    setOpen(undefined);
    setText("");
    onDone(decision);
  };
  return (
    <div class="decisions">
      {choices.map((choice) => (
        <button
          key={choice}
          type="button"
          class={choice === "accepted" ? "primary" : undefined}
          onClick={() => {
            task.clear();
            setOpen(choice);
          }}
        >
          {names[choice]}
        </button>
      ))}
      {open && (
        <Dialog
          title={titles[open]}
          action={names[open]}
          danger={open === "withdrawn"}
          busy={task.busy}
          onYes={() => void decide(open)}
          onNo={() => setOpen(undefined)}
        >
          <p>{texts[open]}</p>
          <TextField label={t.message} lines={3} value={text} onValue={setText} />
          <ProblemNotice problem={task.problem} />
        </Dialog>
      )}
    </div>
  );
}
