import type { Schemas } from "../../api/client";
import type { AgentVersion } from "../../api/determinism";
import { VERDICTS } from "./Trends";

interface Props {
  of: Schemas["VersionDifferenceView"];
  all: readonly AgentVersion[];
}

/** Whether the runs of one version score otherwise than those of another. */
export function VersionDifference({ of, all }: Props) {
  const { glyph, word } = VERDICTS[of.verdict];
  const tone = of.verdict === "up" ? "green" : of.verdict === "down" ? "red" : "grey";
  const change = of.change === null ? "" : ` (${of.change > 0 ? "+" : ""}${of.change.toFixed(1)})`;
  return (
    <p className={`card registry-difference tone-${tone}`} role="status">
      <span>
        <code>{of.before.slice(0, 12)}</code> → <code>{of.after.slice(0, 12)}</code>
        {all.length > 2 ? <span className="faint"> chosen below</span> : null}
      </span>
      <span className="registry-verdict">
        <span aria-hidden="true">{glyph}</span> {word}
        {change}
      </span>
      <span className="soft">{of.text}</span>
    </p>
  );
}
