import { Link } from "react-router";
import type { TrendDay } from "../../api/recorded";
import { BANDS, bandOf } from "../../parts/bands";
import { useNow } from "../../parts/clock";
import { everyDay } from "./everyDay";
import "../../parts/determinismscore.css";

/** The mean determinism of an agent's runs by day, each bar in the colour of its band; nothing where no run has a score. */
export function DeterminismDays({ of, agent }: { of: readonly TrendDay[]; agent: string }) {
  const days = everyDay(of, useNow());
  if (days.every((day) => day.determinism === null)) return null;
  const below = new URLSearchParams({ agent_id: agent, window: "all", determinism_below: "70" });
  return (
    <section className="stack" aria-labelledby="determinism-days">
      <h2 id="determinism-days">Determinism by day (UTC)</h2>
      <ol className="card registry-days">
        {days.map(({ day, determinism }) => (
          <li key={day} title={wordsOf(day, determinism)}>
            <span className="unseen">{wordsOf(day, determinism)}</span>
            {determinism === null ? null : (
              <span
                className="registry-bar registry-score-bar"
                aria-hidden="true"
                data-band={BANDS[bandOf(Math.floor(determinism))].color}
                style={{ height: `${determinism}%` }}
              />
            )}
          </li>
        ))}
      </ol>
      <p className="faint registry-axis">
        <span>{days[0]?.day}</span>
        <Link to={`/runs?${below}`}>Runs below 70</Link>
        <span>{days.at(-1)?.day}</span>
      </p>
    </section>
  );
}

function wordsOf(day: string, score: number | null): string {
  if (score === null) return `${day}: no score`;
  return `${day}: ${score.toFixed(1)} of 100 on average, ${BANDS[bandOf(Math.floor(score))].name}`;
}
