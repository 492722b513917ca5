import { formatMs } from "../format";
import { say } from "../language";
import { useStation } from "../station";
import { Icon } from "../ui/icon";

/** How the keys came to be here, said once. */
export function Welcome() {
  const station = useStation();
  const { notice } = station;
  if (notice?.kind !== "welcome") return null;
  return (
    <div class="welcome" role="status" data-how={notice.how}>
      <Icon name="key" />
      <p>{say().notice[notice.how](formatMs(notice.milliseconds))}</p>
      <button
        type="button"
        class="icon-button"
        aria-label={say().app.dismiss}
        title={say().app.dismiss}
        onClick={() => station.dismissNotice()}
      >
        <Icon name="cross" />
      </button>
    </div>
  );
}
