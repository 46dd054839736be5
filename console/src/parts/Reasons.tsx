import type { InterceptReason } from "../api/recorded";
import "./reasons.css";
import "./status.css";

const KINDS: Record<InterceptReason["kind"], { tone: string; word: string }> = {
  error: { tone: "red", word: "Error" },
  entries_lost: { tone: "amber", word: "Lost" },
  over_budget: { tone: "amber", word: "Over budget" },
  high_intervention: { tone: "purple", word: "Often stopped" },
};

/** Why a run needs attention, each reason with what is known of it. */
export function Reasons({ of }: { of: readonly InterceptReason[] }) {
  return (
    <span className="reasons">
      {of.map(({ kind, text }) => {
        const { tone, word } = KINDS[kind];
        return (
          <span key={kind} className={`reason tone-${tone}`} title={`${word}: ${text}`}>
            <b>{word}</b>
            <bdi className="cut">{text}</bdi>
          </span>
        );
      })}
    </span>
  );
}
