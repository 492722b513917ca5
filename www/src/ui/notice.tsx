import type { ComponentChildren } from "preact";
import { say } from "../language";
import { explain } from "../problem";
import { Icon, type IconName } from "./icon";

const ICONS: Record<string, IconName> = { good: "check", bad: "alert", info: "info", lock: "lock" };

/** Says something; screen readers read it as it comes. */
export function Notice({
  kind,
  title,
  children,
  actions,
}: {
  kind: "good" | "bad" | "info" | "lock";
  title?: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}) {
  return (
    <div class="notice" data-kind={kind} role={kind === "bad" ? "alert" : "status"}>
      <Icon name={ICONS[kind] ?? "info"} />
      <div class="notice-text">
        {title && <p class="notice-title">{title}</p>}
        {children && <div>{children}</div>}
        {actions && <div class="actions">{actions}</div>}
      </div>
    </div>
  );
}

/** What went wrong, what to do, and the code for the help desk. Nothing where nothing went wrong. */
export function ProblemNotice({
  problem,
  where,
  retry,
}: {
  problem: unknown;
  where?: "login" | "register";
  retry?: (() => void) | undefined;
}) {
  if (problem === undefined) return null;
  const { what, todo, code } = explain(problem, where);
  return (
    <Notice
      kind={code === "aborted" ? "info" : "bad"}
      title={what}
      actions={
        retry && (
          <button type="button" onClick={retry}>
            {say().app.retry}
          </button>
        )
      }
    >
      {todo}{" "}
      {code !== "aborted" && (
        <span class="reference">
          {say().app.code}: <code>{code}</code>
        </span>
      )}
    </Notice>
  );
}
