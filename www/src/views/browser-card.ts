import type { App } from "../app";
import { explain, say } from "../messages";
import { confirmed } from "../ui/confirm";
import { h } from "../ui/dom";
import { Status } from "../ui/status";
import { type Inventory, takeInventory } from "../wipe";

const KINDS: readonly { kind: keyof Inventory; label: string; one: string; many: string }[] = [
  { kind: "localStorage", label: "localStorage", one: "entry", many: "entries" },
  { kind: "sessionStorage", label: "sessionStorage", one: "entry", many: "entries" },
  { kind: "databases", label: "IndexedDB", one: "database", many: "databases" },
  { kind: "caches", label: "Cache storage", one: "cache", many: "caches" },
  { kind: "files", label: "Private files", one: "file", many: "files" },
];

/** What this browser really keeps of the page, counted, and the nightly wipe. */
export function browserCard(app: App, afterWipe: () => void): HTMLElement {
  const status = new Status();
  const keys = new Map(app.clinicians.map(({ userId }) => [userId, h("dd", {})]));
  const counts = new Map(KINDS.map(({ kind }) => [kind, h("dd", {})]));
  const wipe = h("button", { type: "button", class: "danger" }, "Nightly wipe");
  const list = h(
    "dl",
    { class: "inventory" },
    ...app.clinicians.map(({ userId, person }) =>
      h("div", {}, h("dt", {}, `Private key, ${person.name}`), keys.get(userId)),
    ),
    ...KINDS.map(({ kind, label }) => h("div", {}, h("dt", {}, label), counts.get(kind))),
  );

  const update = () => {
    for (const { userId, state } of app.clinicians) {
      const cell = keys.get(userId);
      if (cell) cell.textContent = state === "ready" ? say.browser.inMemory : say.browser.gone;
      cell?.classList.toggle("held", state === "ready");
    }
    recount();
  };

  // one count at a time; a change in between asks for one more
  let counting = false;
  let stale = false;
  const recount = async () => {
    stale = true;
    if (counting) return;
    counting = true;
    while (stale) {
      stale = false;
      showCounts(await takeInventory());
    }
    counting = false;
  };
  const showCounts = (inventory: Inventory) => {
    for (const { kind, one, many } of KINDS) {
      const cell = counts.get(kind);
      if (cell) cell.textContent = say.browser.count(inventory[kind], one, many);
      cell?.classList.toggle("held", inventory[kind] > 0);
    }
  };

  const agreed = async (): Promise<boolean> => {
    const lost = app.clinicians.filter(({ state, userId }) => state === "ready" && !app.server.backupOf(userId));
    if (lost.length === 0) return true;
    const people = lost.map(({ person }) => person);
    return confirmed(say.confirm.wipeTitle, say.confirm.wipe(people), say.confirm.wipeAction);
  };

  let busy = false;
  wipe.addEventListener("click", async () => {
    if (busy || !(await agreed())) return;
    busy = true;
    status.busy(say.browser.wiping);
    try {
      const left = await app.wipe();
      afterWipe();
      if (Object.values(left).every((count) => count === 0)) status.good(say.browser.wiped);
      else status.bad({ text: say.browser.partly, code: "storage" });
    } catch (error) {
      status.bad(explain(error, "wipe"));
    } finally {
      busy = false;
    }
  });

  app.subscribe(update);
  for (const clinician of app.clinicians) clinician.subscribe(update);
  update();
  return h("div", { class: "panel-body" }, list, h("div", { class: "actions" }, wipe), status.element);
}
