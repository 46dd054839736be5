import { useState } from "react";
import type { Divergence } from "../../../api/replays";
import { count } from "../../../parts/format";
import { divergenceName, KIND_MEANINGS, KIND_NAMES } from "./words";

const AT_FIRST = 8;

/** What diverged, in order: the first is the root, others may follow from it. */
export function Divergences({ of, total }: { of: readonly Divergence[]; total: number }) {
  const [showsAll, setShowsAll] = useState(false);
  if (of.length === 0) return <p className="soft">No call diverged.</p>;
  const shown = showsAll ? of : of.slice(0, AT_FIRST);
  return (
    <div className="simulation-divergences">
      <h3>{count(total, "divergence")}</h3>
      <ol>
        {shown.map((one) => (
          <li key={`${one.original_id} ${one.replay_id}`}>
            <span className="chip" data-kind={one.kind} title={KIND_MEANINGS[one.kind]}>
              {KIND_NAMES[one.kind] ?? one.kind}
            </span>
            <bdi className="simulation-name">{divergenceName(one)}</bdi>
            {one.path ? <code>{one.path}</code> : null}
            {one.is_root ? <strong className="simulation-root">root: the first divergence</strong> : null}
            {one.consequence_of !== null ? (
              <span className="soft">consequence of divergence {one.consequence_of + 1}</span>
            ) : null}
          </li>
        ))}
      </ol>
      {of.length > AT_FIRST ? (
        <button type="button" className="compare-rest" aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? "fewer" : `and ${count(of.length - AT_FIRST, "more", "more")}`}
        </button>
      ) : null}
    </div>
  );
}
