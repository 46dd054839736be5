/** What a replay found: findings, divergences and the result of a re-execution. */

import { useState } from "react";
import type { Divergence, Finding, ReExecution as Found } from "../../../api/replays";
import { CopyButton } from "../../../components/Button";
import { count } from "../../../components/format";
import { CAUSES, divergenceName, KIND_MEANINGS, KIND_NAMES, REASONS } from "./terms";

const SHOWN = 5;
const WHOLE = new Intl.NumberFormat("en-US");

/** Whether the run can be replayed, with reasons and affected actions. */
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

const AT_FIRST = 8;

/** The divergences in order: the first is the root. */
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

/** The result of a re-execution: score, cause and differing statement. */
export function ReExecution({ of }: { of: Found }) {
  const { cause, statement } = of;
  return (
    <dl className="simulation-facts">
      <dt>Determinism</dt>
      <dd>
        {of.score} of 100 <span className="soft">measured in {count(of.executions, "execution")}</span>
      </dd>
      {of.changes?.length ? (
        <>
          <dt>Changed</dt>
          {of.changes.map((change) => (
            <dd key={change}>{change}</dd>
          ))}
        </>
      ) : null}
      {cause ? (
        <>
          <dt>Cause</dt>
          <dd>
            <span className="chip">{cause.source}</span> {CAUSES[cause.source]}{" "}
            <span className="soft">{cause.evidence}</span>
          </dd>
        </>
      ) : null}
      {statement ? (
        <>
          <dt>Statement</dt>
          <dd>
            <code>
              {statement.file}:{statement.line}
            </code>{" "}
            <span className="soft">in {statement.function}</span>
            {statement.source ? <pre dir="ltr">{statement.source}</pre> : null}
            {statement.variable === null ? null : (
              <table className="simulation-values">
                <tbody>
                  {["one execution", "another"].map((execution, place) => (
                    <tr key={execution}>
                      <th scope="row">
                        <code>{statement.variable}</code> in {execution}
                      </th>
                      <td className="mono">{statement.values[place] ?? "not set"}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </dd>
        </>
      ) : null}
      <dt>Program</dt>
      <dd>
        <code>{of.command}</code>
      </dd>
    </dl>
  );
}

/** The command that executes a run's program again. */
export function ReplayCommand({ run, reason }: { run: string; reason: string | null }) {
  const command = `titan replay ${run} -- python agent.py`;
  return (
    <p className="row soft">
      {reason === "code_missing" || reason === "code_untrusted" ? REASONS[reason] : null} Execute its program again,
      where its code is: <code>{command}</code> <CopyButton text={command} />
    </p>
  );
}
