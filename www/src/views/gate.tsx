import { useEffect, useState } from "preact/hooks";
import { say } from "../language";
import { route } from "../route";
import { useStation } from "../station";
import { Brand } from "../ui/icon";
import { GateNotice } from "./gate-notice";
import { Invitation } from "./invitation";
import { LanguageChoice } from "./language-choice";
import { Locked } from "./locked";
import { Login } from "./login";
import { MailboxPanel } from "./mailbox";
import { Recovery } from "./recovery";

export type Door = "login" | "invitation" | "recovery";

/** Before somebody is at work here. */
export function Gate() {
  const station = useStation();
  const [door, go] = useState<Door>("login");
  const t = say();
  // Who comes next begins at the beginning, not where the last one was.
  const hasLeft = station.notice !== undefined;
  useEffect(() => {
    if (hasLeft) route.go("in");
  }, [hasLeft]);
  return (
    <div class="gate">
      <header class="gate-head">
        <p class="brand">
          <Brand />
          {t.app.name}
        </p>
        <LanguageChoice />
      </header>
      <main class="gate-main" id="main">
        <GateNotice />
        {station.phase === "locked" ? (
          <Locked />
        ) : door === "login" ? (
          <Login onDoor={go} />
        ) : door === "invitation" ? (
          <Invitation onBack={() => go("login")} />
        ) : (
          <Recovery onBack={() => go("login")} />
        )}
        {door !== "login" && station.phase === "out" && station.config?.development !== false && <MailboxPanel />}
      </main>
      <footer class="gate-foot">{t.app.demo}</footer>
    </div>
  );
}
