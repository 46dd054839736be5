import type { ProgressView } from "../api/recorded";
import "./progress.css";

/** How far a running run is: as its program tells it, estimated (≈), or only that it goes on. */
export function Progress({ of }: { of: ProgressView | null }) {
  if (!of) return <progress className="progress" aria-label="Goes on; how far is not known" title="Goes on" />;
  const isEstimated = of.source === "estimated";
  const percent = `${isEstimated ? "≈ " : ""}${Math.floor(of.share * 100)} %`;
  const steps = of.done === null || of.total === null ? null : `${of.done} of ${of.total}`;
  const why = isEstimated
    ? "Estimated from the actions of this agent's last completed runs"
    : "As its program tells it";
  return (
    <span className="progress-told" title={steps ? `${steps}\n${why}` : why}>
      <progress className="progress" max={1} value={of.share} aria-label={`${percent} done`} />
      <span>{percent}</span>
    </span>
  );
}
