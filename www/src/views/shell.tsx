import { say } from "../language";
import { route, to, type View } from "../route";
import { useStation } from "../station";
import { Brand, Icon, type IconName } from "../ui/icon";
import { Busy } from "../ui/progress";
import { useObservable } from "../ui/use";
import { Compose } from "./compose";
import { Device } from "./device";
import { Facilities } from "./facilities";
import { InterruptedTransfers } from "./interrupted";
import { LanguageChoice } from "./language-choice";
import { Initials } from "./login";
import { Mailbox } from "./mailbox";
import { Setup } from "./setup";
import { Staff } from "./staff";
import { TransfersView } from "./transfers-view";
import { Welcome } from "./welcome";

const ICONS: Record<Exclude<View, "setup">, IconName> = {
  in: "inbox",
  out: "send",
  new: "plus",
  staff: "people",
  facilities: "building",
  device: "device",
  mailbox: "mail",
};

/** Somebody is at work. */
export function Shell() {
  const station = useObservable(useStation());
  const t = say();
  const { me, facility } = station;
  const needsSetup = facility?.groupId === null;
  const views = (Object.keys(ICONS) as (keyof typeof ICONS)[]).filter(
    (view) => view !== "mailbox" || station.config?.development !== false,
  );
  const name = (view: keyof typeof ICONS) => t.nav[view];
  return (
    <div class="shell">
      <a class="skip" href="#main">
        {t.app.skip}
      </a>
      <header class="side">
        <p class="brand">
          <Brand />
          <span>{t.app.name}</span>
        </p>
        <div class="facility-name">
          <span class="facility-label">{facility?.name}</span>
          <span class="quiet">{facility?.city}</span>
        </div>
        <nav aria-label={t.nav.label}>
          <ul>
            {views.map((view) => (
              <li key={view}>
                <a href={to(view)} aria-current={route.view === view ? "page" : undefined} data-view={view}>
                  <Icon name={ICONS[view]} />
                  <span>{name(view)}</span>
                  {view === "in" && <FreshCount />}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="who">
          <div class="who-name">
            <Initials name={me?.name ?? ""} />
            <span class="person-text">
              <span class="person-name">{me?.name}</span>
              <span class="quiet">{me?.admin ? t.staff.admin : t.staff.member}</span>
            </span>
          </div>
          <div class="who-actions">
            <LanguageChoice />
            <button
              type="button"
              class="icon-button"
              aria-label={t.nav.lock}
              title={t.nav.lock}
              onClick={() => void station.lock()}
            >
              <Icon name="lock" />
            </button>
            <button
              type="button"
              class="icon-button"
              aria-label={t.nav.logout}
              title={t.nav.logout}
              onClick={() => void station.logout()}
            >
              <Icon name="out" />
            </button>
          </div>
        </div>
      </header>
      <main id="main" class="content" tabIndex={-1} data-view={route.view}>
        <Welcome />
        <InterruptedTransfers />
        {facility === undefined ? (
          <Busy text={t.app.starting} />
        ) : needsSetup || route.view === "setup" ? (
          route.view === "mailbox" ? (
            <Mailbox />
          ) : (
            <Setup />
          )
        ) : (
          <Content view={route.view} />
        )}
      </main>
    </div>
  );
}

function Content({ view }: { view: View }) {
  switch (view) {
    case "new":
      return <Compose />;
    case "staff":
      return <Staff />;
    case "facilities":
      return <Facilities />;
    case "device":
      return <Device />;
    case "mailbox":
      return <Mailbox />;
    case "out":
      return <TransfersView key="out" box="out" />;
    default:
      return <TransfersView key="in" box="in" />;
  }
}

/** How many came while this page was open. */
function FreshCount() {
  const station = useStation();
  const transfers = useObservable(station.transfers);
  const fresh = transfers.freshTo(station.me?.facilityId);
  if (fresh === 0) return null;
  return (
    <span class="count">
      {fresh} <span class="unseen">{say().list.fresh}</span>
    </span>
  );
}
