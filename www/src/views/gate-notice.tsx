import { say } from "../language";
import { useStation } from "../station";
import { Notice } from "../ui/notice";

/** Why somebody who was at work isn't any more. */
export function GateNotice() {
  const { notice } = useStation();
  const t = say().notice;
  if (notice?.kind === "logged-out") {
    return notice.isTold ? (
      <Notice kind="lock">{t.loggedOut}</Notice>
    ) : (
      <Notice kind="bad" title={t.loggedOutHere}>
        {t.untold}
      </Notice>
    );
  }
  if (notice?.kind === "locked-partly") return <Notice kind="bad">{t.lockedPartly}</Notice>;
  if (notice?.kind === "ended") {
    return (
      <Notice kind="lock" title={t.ended}>
        {t.endedLead}
      </Notice>
    );
  }
  if (notice?.kind !== "wiped") return null;
  const { left } = notice;
  const entries = Object.entries(t.inventory) as [keyof typeof left, string][];
  const isEmpty = Object.values(left).every((n) => n === 0);
  return (
    <Notice kind="good" title={t.wiped}>
      <p>{isEmpty ? t.wipedLead : t.wipedPartly}</p>
      {!notice.isTold && <p>{t.untold}</p>}
      <ul class="inventory">
        {entries.map(([what, name]) => (
          <li key={what}>
            {name}: <strong>{left[what] === 0 ? t.empty : left[what]}</strong>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
