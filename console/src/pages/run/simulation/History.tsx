import type { Replay } from "../../../api/replays";
import { count } from "../../../parts/format";
import { rate } from "../../../parts/rate";
import { Time } from "../../../parts/Time";
import { LEVELS } from "./words";

interface Props {
  replays: readonly Replay[];
  chosen: string | null;
  onChoose: (id: string) => void;
}

/** The replays of the run, the newest first; a click shows one. */
export function History({ replays, chosen, onChoose }: Props) {
  return (
    <section className="simulation-history">
      <h3>History</h3>
      <ul>
        {replays.map((one) => (
          <li key={one.id}>
            <button type="button" aria-current={one.id === chosen || undefined} onClick={() => onChoose(one.id)}>
              <span>{LEVELS[one.level].name}</span>
              <span>{outcomeOf(one)}</span>
              <bdi className="faint cut">{one.author}</bdi>
              <span className="faint">
                <Time at={one.created_at} />
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function outcomeOf({ state, metrics, level }: Replay): string {
  if (state !== "completed" || !metrics) return state;
  if (level === "self_check") return metrics.is_available ? "can be replayed" : "not available";
  const found = count(metrics.divergences ?? 0, "divergence");
  return typeof metrics.match_rate === "number" ? `${found}, ${rate(metrics.match_rate)} match` : found;
}
