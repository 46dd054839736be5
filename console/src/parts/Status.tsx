import "./status.css";

interface Look {
  tone: "green" | "amber" | "red" | "purple" | "grey" | "blue";
  glyph: string;
  word: string;
}

/** Every status of jobs, stages, runs, gates, attempts and workers: a colour, a glyph and a word, never a colour alone. */
const LOOKS: Record<string, Look> = {
  COMPLETED: { tone: "green", glyph: "✓", word: "Completed" },
  RUNNING: { tone: "amber", glyph: "⟳", word: "Running" },
  FAILED: { tone: "red", glyph: "✕", word: "Failed" },
  PARTIAL: { tone: "purple", glyph: "◐", word: "Partial" },
  WAITING: { tone: "grey", glyph: "…", word: "Waiting" },
  READY: { tone: "grey", glyph: "◷", word: "Ready" },
  WAITING_APPROVAL: { tone: "blue", glyph: "◇", word: "Needs approval" },
  CANCELLED: { tone: "grey", glyph: "⊘", word: "Cancelled" },
  running: { tone: "blue", glyph: "⟳", word: "Running" },
  completed: { tone: "green", glyph: "✓", word: "Completed" },
  failed: { tone: "red", glyph: "✕", word: "Failed" },
  pending: { tone: "grey", glyph: "…", word: "Pending" },
  cancelled: { tone: "grey", glyph: "⊘", word: "Cancelled" },
  open: { tone: "blue", glyph: "◇", word: "Open" },
  waiting: { tone: "grey", glyph: "…", word: "Not yet open" },
  approved: { tone: "green", glyph: "✓", word: "Approved" },
  rejected: { tone: "red", glyph: "✕", word: "Rejected" },
  expired: { tone: "red", glyph: "⊗", word: "Expired" },
  succeeded: { tone: "green", glyph: "✓", word: "Succeeded" },
  timed_out: { tone: "red", glyph: "⊗", word: "Timed out" },
  lost: { tone: "red", glyph: "⚠", word: "Lost" },
  returned: { tone: "grey", glyph: "↩", word: "Returned" },
  success: { tone: "green", glyph: "✓", word: "Success" },
  error: { tone: "red", glyph: "✕", word: "Error" },
  blocked: { tone: "purple", glyph: "⊘", word: "Blocked" },
  replayed: { tone: "grey", glyph: "↻", word: "Replayed" },
  idempotent_replay: { tone: "grey", glyph: "⇉", word: "Same call before" },
  connected: { tone: "green", glyph: "●", word: "Connected" },
  draining: { tone: "amber", glyph: "◒", word: "Draining" },
  left: { tone: "grey", glyph: "○", word: "Left" },
};

export function lookOf(status: string): Look {
  return LOOKS[status] ?? { tone: "grey", glyph: "•", word: status };
}

/** A badge with glyph and word; `small` keeps the glyph and says the word to screen readers and on hover. */
export function Status({ of, small = false, pulse = false }: { of: string; small?: boolean; pulse?: boolean }) {
  const { tone, glyph, word } = lookOf(of);
  const classes = `status tone-${tone}${small ? " status-small" : ""}${pulse ? " status-pulse" : ""}`;
  return (
    <span className={classes} title={small ? word : undefined}>
      <span className="status-glyph" aria-hidden="true">
        {glyph}
      </span>
      <span className={small ? "unseen" : undefined}>{word}</span>
    </span>
  );
}
