import type { Attempt } from "../../../api/facts";
import { bytes, duration, NOTHING, ofNanoseconds } from "../../../parts/format";
import { Status } from "../../../parts/Status";
import { Time, Took } from "../../../parts/Time";
import { exitOf } from "../tale";
import { Part } from "./Part";

/** Every try at a job. One that went well at once has nothing to add to the facts above it. */
export function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  if (attempts.length === 0) return null;
  if (attempts.length === 1 && (attempts[0]?.outcome ?? "succeeded") === "succeeded") return null;
  return (
    <Part title="Attempts">
      <ol className="panel-attempts">
        {[...attempts].reverse().map((attempt) => (
          <li key={`${attempt.attempt} ${attempt.leased_at}`}>
            <Line attempt={attempt} />
          </li>
        ))}
      </ol>
    </Part>
  );
}

function Line({ attempt }: { attempt: Attempt }) {
  const took = ofNanoseconds(attempt.duration_ns);
  return (
    <>
      <span className="panel-attempt-line">
        <span className="num">{attempt.attempt}</span>
        <Status of={attempt.outcome ?? "RUNNING"} />
        <bdi className="cut">{attempt.worker}</bdi>
        <span className="soft panel-attempt-took">
          {attempt.ended_at ? took === null ? NOTHING : duration(took) : <Took from={attempt.started_at} to={null} />}
        </span>
      </span>
      <span className="faint">
        <Time at={attempt.started_at ?? attempt.leased_at} />
        {exitOf(attempt) ? ` · ${exitOf(attempt)}` : null}
        {attempt.peak_memory_bytes === null ? null : ` · ${bytes(attempt.peak_memory_bytes)}`}
        {attempt.error ? <bdi> · {attempt.error}</bdi> : null}
      </span>
    </>
  );
}
