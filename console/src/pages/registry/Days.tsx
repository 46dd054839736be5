import type { TrendDay } from "../../api/recorded";
import { useNow } from "../../parts/clock";
import { count } from "../../parts/format";
import { sum } from "../../parts/money";
import { rate } from "../../parts/rate";
import { everyDay } from "./everyDay";

/** An agent's runs by day, those that failed at the foot of each bar. */
export function Days({ of }: { of: readonly TrendDay[] }) {
  const days = everyDay(of, useNow());
  const most = Math.max(1, ...days.map((day) => day.runs));
  return (
    <section className="stack" aria-labelledby="days">
      <h2 id="days">Runs by day (UTC)</h2>
      <ol className="card registry-days">
        {days.map((day) => (
          <li key={day.day} title={wordsOf(day)}>
            <span className="unseen">{wordsOf(day)}</span>
            <span className="registry-bar" aria-hidden="true" style={{ height: `${(day.runs / most) * 100}%` }}>
              <span style={{ height: `${day.runs ? (day.failed / day.runs) * 100 : 0}%` }} />
            </span>
          </li>
        ))}
      </ol>
      <p className="faint registry-axis">
        <span>{days[0]?.day}</span>
        <span>at most {count(most, "run")} a day; red: failed</span>
        <span>{days.at(-1)?.day}</span>
      </p>
    </section>
  );
}

function wordsOf(day: TrendDay): string {
  const success = rate(day.attempts ? day.success / day.attempts : null);
  return `${day.day}: ${count(day.runs, "run")}, ${day.failed} failed, success ${success}, ${sum(day)}`;
}
