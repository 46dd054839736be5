import { useNow } from "../../../parts/clock";
import { duration } from "../../../parts/format";
import { Time } from "../../../parts/Time";
import { endOf } from "../tale";
import type { Bar } from "./lanes";

/** What there is to say about the bar under the pointer or the focus; the place is kept when there is none. */
export function BarDetail({ bar }: { bar: Bar | null }) {
  return (
    <p className="timeline-detail" aria-live="polite">
      {bar ? <Words bar={bar} /> : <span className="faint">Rest on a bar, or reach it with Tab and arrow keys.</span>}
    </p>
  );
}

function Words({ bar }: { bar: Bar }) {
  const now = useNow();
  const wait = (bar.outcome === "waiting" ? now : bar.from) - bar.waitedFrom;
  return (
    <>
      <strong dir="auto">{bar.job.name}</strong>
      <span className="soft">
        {bar.attempt ? (
          <>
            attempt {bar.attempt.attempt} on <bdi>{bar.attempt.worker}</bdi>, {endOf(bar.attempt)}
          </>
        ) : bar.outcome === "gate" ? (
          "gate"
        ) : (
          (bar.job.reason ?? "waits for a worker")
        )}
      </span>
      <span className="soft">
        from <Time at={new Date(bar.from).toISOString()} />
      </span>
      {wait > 0 ? <span className="soft">waited {duration(wait)}</span> : null}
      {bar.to === null && bar.outcome !== "waiting" ? (
        <span className="soft">for {duration(Math.max(0, now - bar.from))} so far</span>
      ) : null}
    </>
  );
}
