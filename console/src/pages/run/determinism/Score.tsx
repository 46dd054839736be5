import type { Band } from "../../../api/determinism";
import { BANDS } from "../../../parts/bands";
import "../../../parts/determinismscore.css";

interface Props {
  score: number;
  band: Band;
  source: "predicted" | "measured";
}

/** The score with its band and source, and a bar in the band's colour. */
export function Score({ score, band, source }: Props) {
  const { name, range, glyph, color } = BANDS[band];
  return (
    <div className="determinism-head" data-band={color}>
      <h2>
        <span className="determinism-number">{score}</span> of 100
        <span className="determinism-band">
          <span aria-hidden="true">{glyph}</span> {name}
        </span>
        <span className="soft">
          {range} · {source}
        </span>
      </h2>
      <div
        className="determinism-bar"
        role="meter"
        aria-label="Determinism score"
        aria-valuenow={score}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={`${score} of 100: ${name}`}
      >
        <span style={{ width: `${score}%` }} />
      </div>
    </div>
  );
}
