import type { Finding } from "../../../api/replays";
import { REASONS } from "./words";

const SHOWN = 5;
const WHOLE = new Intl.NumberFormat("en-US");

/** Whether the run can be replayed, and each reason in words with the actions that it concerns. */
export function Findings({ findings, onShow }: { findings: readonly Finding[]; onShow: (action: string) => void }) {
  const isAvailable = !findings.some((one) => one.blocks);
  return (
    <div className="card simulation-findings" data-bad={isAvailable ? undefined : ""}>
      <h3>{isAvailable ? "✅ The recording can be replayed" : "Replay not available"}</h3>
      {findings.length > 0 ? (
        <ul>
          {findings.map((one) => (
            <li key={one.reason}>
              <code>{one.reason}</code> {REASONS[one.reason] ?? null}
              {one.count > 0 ? <span className="soft"> {WHOLE.format(one.count)} in all.</span> : null}
              {one.action_ids.slice(0, SHOWN).map((id, place) => (
                <button key={id} type="button" className="compare-rest" onClick={() => onShow(id)}>
                  action {place + 1}
                </button>
              ))}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
