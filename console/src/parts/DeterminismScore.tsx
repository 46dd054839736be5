import { BANDS, bandOf } from "./bands";
import { NOTHING } from "./format";
import "./determinismscore.css";

/** A determinism score with the colour and the glyph of its band; what is unknown is "–". */
export function DeterminismScore({ of, digits = 0 }: { of: number | null; digits?: number }) {
  if (of === null) return <span title="No score: the run goes on, or there is none yet">{NOTHING}</span>;
  const { name, range, glyph, color } = BANDS[bandOf(Math.floor(of))];
  return (
    <span className="determinism-score" data-band={color} title={`${name} (${range})`}>
      <span aria-hidden="true">{glyph}</span> {of.toFixed(digits)}
      <span className="unseen"> of 100: {name}</span>
    </span>
  );
}
