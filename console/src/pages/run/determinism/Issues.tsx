import { useState } from "react";
import type { Issue } from "../../../api/determinism";
import { count } from "../../../parts/format";
import { IssueCard } from "./IssueCard";
import { bySeverity } from "./severity";

const AT_FIRST = 30;

/** The issues of a run: open ones first, the gravest on top. */
export function Issues({ run, of, onShow }: { run: string; of: readonly Issue[]; onShow: (action: string) => void }) {
  const [showsAll, setShowsAll] = useState(false);
  const sorted = bySeverity(of);
  const shown = showsAll ? sorted : sorted.slice(0, AT_FIRST);
  const accepted = of.filter((issue) => issue.accepted).length;
  if (of.length === 0) {
    return (
      <section>
        <h2>No issue was found</h2>
      </section>
    );
  }
  return (
    <section className="determinism-issues" aria-label="Issues">
      <h2>
        {count(of.length, "issue")} found
        {accepted > 0 ? <span className="soft">, {accepted} accepted</span> : null}
      </h2>
      {shown.map((issue) => (
        <IssueCard key={issue.key} run={run} issue={issue} onShow={onShow} />
      ))}
      {sorted.length > AT_FIRST ? (
        <button type="button" className="compare-rest" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? "fewer" : `and ${count(sorted.length - AT_FIRST, "more", "more")}`}
        </button>
      ) : null}
    </section>
  );
}
