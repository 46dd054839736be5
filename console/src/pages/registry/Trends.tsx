import type { TrendView } from "../../api/recorded";

const FIGURES: Record<TrendView["figure"], { name: string; goodWay: "up" | "down" }> = {
  success_rate: { name: "Success rate", goodWay: "up" },
  cost_per_run: { name: "Cost of a run", goodWay: "down" },
  determinism: { name: "Determinism", goodWay: "up" },
};

export const VERDICTS: Record<TrendView["verdict"], { glyph: string; word: string }> = {
  up: { glyph: "↗", word: "up" },
  down: { glyph: "↘", word: "down" },
  same: { glyph: "→", word: "as before" },
  too_few: { glyph: "?", word: "too few to tell" },
  unpriced: { glyph: "?", word: "not all costs are known" },
};

/** What the last seven days have changed, where they are enough to tell it from chance. */
export function Trends({ of }: { of: readonly TrendView[] }) {
  return (
    <section className="stack" aria-labelledby="trends">
      <h2 id="trends">Last 7 days, against the 7 before</h2>
      <ul className="registry-trends">
        {of.map((trend) => {
          const { name, goodWay } = FIGURES[trend.figure];
          const { glyph, word } = VERDICTS[trend.verdict];
          const isMoved = trend.verdict === "up" || trend.verdict === "down";
          const tone = !isMoved ? "grey" : trend.verdict === goodWay ? "green" : "red";
          return (
            <li key={trend.figure} className={`card tone-${tone}`}>
              <h3>{name}</h3>
              <span className="registry-verdict">
                <span aria-hidden="true">{glyph}</span> {word}
              </span>
              <span className="soft">{trend.text}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
