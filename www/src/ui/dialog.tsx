import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { say } from "../language";

/** Asks before something is lost or said. Escape and "Cancel" are no. */
export function Dialog({
  title,
  children,
  action,
  danger = false,
  busy = false,
  onYes,
  onNo,
}: {
  title: string;
  children: ComponentChildren;
  action: string;
  danger?: boolean;
  busy?: boolean;
  onYes: () => void;
  onNo: () => void;
}) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={onNo}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          onYes();
        }}
      >
        <h2 id={id}>{title}</h2>
        {children}
        <div class="actions end">
          <button type="button" onClick={onNo}>
            {say().app.cancel}
          </button>
          <button type="submit" class={danger ? "danger" : "primary"} disabled={busy}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
