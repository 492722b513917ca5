import { language, say } from "../language";
import { route } from "../route";
import { useStation } from "../station";
import { ProblemNotice } from "../ui/notice";
import { Busy } from "../ui/progress";
import { useObservable } from "../ui/use";
import { Gate } from "./gate";
import { Shell } from "./shell";

export function App() {
  const station = useObservable(useStation());
  useObservable(language);
  useObservable(route);
  if (station.phase === "in" && station.me) return <Shell />;
  if (station.phase === "out" || station.phase === "locked") return <Gate />;
  return (
    <main class="splash" id="main">
      {station.phase === "failed" ? (
        <ProblemNotice problem={station.problem} retry={() => void station.start()} />
      ) : (
        <Busy text={say().app.starting} />
      )}
    </main>
  );
}
