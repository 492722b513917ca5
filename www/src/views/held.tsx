import { useState } from "preact/hooks";
import { say } from "../language";
import * as api from "../server/api";
import type { Row, Tables } from "../server/types";
import { useStation } from "../station";
import { Icon } from "../ui/icon";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useLoaded } from "../ui/use";

/** The actual rows of both databases for a record. */
export function HeldPanel({ transferId }: { transferId: string }) {
  const station = useStation();
  const [open, setOpen] = useState(false);
  const t = say().held;
  if (station.config?.development === false) return null;
  return (
    <details class="panel" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <Icon name="server" /> {t.title}
      </summary>
      {open && <Held transferId={transferId} />}
    </details>
  );
}

function Held({ transferId }: { transferId: string }) {
  const held = useLoaded(() => api.held(transferId), [transferId]);
  const t = say().held;
  return (
    <>
      <p class="hint">{t.lead}</p>
      <ProblemNotice problem={held.problem} retry={held.reload} />
      {!held.value && held.problem === undefined && <Busy text={t.loading} />}
      {held.value && (
        <>
          <Database title={t.application} tables={held.value.application} />
          <Database title={t.keyServer} tables={held.value.keyServer} />
        </>
      )}
    </>
  );
}

function Database({ title, tables }: { title: string; tables: Tables }) {
  const t = say().held;
  return (
    <section class="database">
      <h4>{title}</h4>
      {Object.entries(tables).map(([name, rows]) => (
        <div key={name} class="table">
          <p class="table-name">
            <code>{name}</code> <span class="quiet">{rows.length === 0 ? t.none : t.rows(rows.length)}</span>
          </p>
          {rows.map((row, at) => (
            <RowView key={at} row={row} />
          ))}
        </div>
      ))}
    </section>
  );
}

function RowView({ row }: { row: Row }) {
  return (
    <dl class="db-row">
      {Object.entries(row).map(([column, value]) => (
        <div key={column}>
          <dt>{column}</dt>
          <dd>
            <Value value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

const SHOWN = 120;
const LONGEST = 300;

/** Bytes as the database has them: base64url, and how many there are. What the server withholds has its length alone. */
function Value({ value }: { value: unknown }) {
  const bytes =
    typeof value === "object" && value !== null
      ? (value as { base64url?: string; withheld?: boolean; length?: number })
      : {};
  if (bytes.withheld && bytes.length !== undefined) {
    const t = say().held;
    return (
      <span class="quiet">
        {t.withheld}, {t.bytes(bytes.length)}
      </span>
    );
  }
  if (bytes.base64url !== undefined && bytes.length !== undefined) {
    const { base64url } = bytes;
    return (
      <>
        <code class="bytes">
          {base64url.slice(0, SHOWN)}
          {base64url.length > SHOWN && "…"}
        </code>{" "}
        <span class="quiet">{say().held.bytes(bytes.length)}</span>
      </>
    );
  }
  const text = String(value);
  if (text.length <= LONGEST) return <code>{text}</code>;
  return (
    <>
      <code>{text.slice(0, LONGEST)}…</code> <span class="quiet">{say().held.characters(text.length)}</span>
    </>
  );
}
