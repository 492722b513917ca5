import { useState } from "preact/hooks";
import { formatTime } from "../format";
import { say } from "../language";
import type { Conversation, OpenedMessage } from "../model/conversation";
import { speakers } from "../model/decision";
import { explain } from "../problem";
import type { Transfer } from "../server/types";
import { useStation } from "../station";
import { TextField } from "../ui/field";
import { Form } from "../ui/form";
import { Icon } from "../ui/icon";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useObservable, useTask } from "../ui/use";
import { useSigned } from "./authorship";

export function ConversationView({ conversation, transfer }: { conversation: Conversation; transfer: Transfer }) {
  useObservable(conversation);
  const [text, setText] = useState("");
  const task = useTask();
  const t = say().conversation;
  const send = async () => {
    if (text.trim() === "") return;
    // what was typed meanwhile stays
    if (await task.run(() => conversation.say(text.trim()))) setText((now) => (now === text ? "" : now));
  };
  return (
    <section class="record-section" aria-labelledby="conversation">
      <h3 id="conversation">{t.title}</h3>
      {conversation.state === "loading" && <Busy text={say().app.starting} />}
      <ProblemNotice problem={conversation.problem} retry={() => void conversation.load()} />
      {conversation.state === "ready" && conversation.messages.length === 0 && <p class="quiet">{t.empty}</p>}
      <ol class="messages" aria-live="polite">
        {conversation.messages.map((entry) => (
          <MessageItem key={entry.message.id} entry={entry} transfer={transfer} />
        ))}
      </ol>
      {transfer.state === "withdrawn" ? (
        <p class="quiet">{t.closed}</p>
      ) : (
        <Form kind="say" onSend={() => void send()}>
          <TextField label={t.label} lines={2} placeholder={t.placeholder} value={text} onValue={setText} />
          <div class="actions end">
            <button type="submit" disabled={task.busy || text.trim() === ""}>
              {task.busy ? t.sending : t.send}
            </button>
          </div>
          <ProblemNotice problem={task.problem} />
        </Form>
      )}
    </section>
  );
}

function MessageItem({ entry, transfer }: { entry: OpenedMessage; transfer: Transfer }) {
  const station = useStation();
  const t = say().conversation;
  const { message, opened } = entry;
  const author = opened.ok ? opened.author : undefined;
  const isMine = author?.userId === station.me?.userId;
  const signed = useSigned(opened, message.by, opened.ok ? speakers(transfer, opened.value.kind) : []);
  const userId = author?.userId ?? message.by;
  return (
    <li class="message" data-mine={isMine} data-kind={opened.ok ? opened.value.kind : "closed"}>
      <p class="message-head">
        {signed?.kind !== "bad" && <strong>{station.personName(userId)}</strong>}
        <span class="quiet">
          {userId}
          {signed?.facilityId && ` · ${station.facilityName(signed.facilityId)}`}
        </span>
        {opened.ok && opened.value.kind !== "message" && (
          <span class="badge" data-kind={opened.value.kind}>
            {t.kinds[opened.value.kind]}
          </span>
        )}
        {opened.ok && signed?.kind === "good" && (
          <span class="verified" title={signed.text}>
            <Icon name="shield" />
            <span class="unseen">{signed.text}</span>
          </span>
        )}
        {opened.ok && signed && signed.kind !== "good" && <span data-kind={signed.kind}>{signed.text}</span>}
        <time class="quiet" dateTime={message.at}>
          {formatTime(message.at)}
        </time>
      </p>
      {(!opened.ok || opened.value.text !== "") && (
        <p class="message-text">{opened.ok ? opened.value.text : explain(opened.error).what}</p>
      )}
    </li>
  );
}
