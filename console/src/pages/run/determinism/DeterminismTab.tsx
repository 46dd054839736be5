import { useState } from "react";
import { Link } from "react-router";
import {
  type Band,
  type Determinism,
  type Issue,
  type Measured,
  reportPath,
  useDeterminism,
} from "../../../api/replays";
import type { RunView } from "../../../api/types";
import { CopyButton } from "../../../components/Button";
import { BANDS, DeterminismScore } from "../../../components/badges";
import { EmptyState, ErrorNotice } from "../../../components/EmptyState";
import { count } from "../../../components/format";
import { Time } from "../../../components/Time";
import { Accepted, bySeverity, IssueCard } from "./IssueCard";
import "./determinism.css";

interface Props {
  run: RunView;
  onShow: (action: string) => void;
  onSimulate: (replay: string | null) => void;
}

/** The Determinism tab: predicted and measured score, issues and fixes. */
export function DeterminismTab({ run, onShow, onSimulate }: Props) {
  const { data, error, refetch } = useDeterminism(run);
  if (error && !data) return <ErrorNotice of={error} onRetry={refetch} />;
  if (!data) return <p className="faint">Loading …</p>;
  return (
    <div className="determinism">
      <div className="determinism-top">
        {data.score === null || data.band === null ? (
          <NoScore of={data} />
        ) : (
          <Score score={data.score} band={data.band} source={data.source} />
        )}
        <div className="row determinism-tools">
          <Link to="/help/determinism">Help</Link>
          <a className="button" href={reportPath(run.run_id, "json")} download>
            Report as JSON
          </a>
          <a className="button" href={reportPath(run.run_id, "html")} download>
            Report
          </a>
        </div>
      </div>
      {run.status === "running" ? (
        <p className="soft" role="status">
          The run has not ended. This is a preliminary result.
        </p>
      ) : null}
      <Sources run={run.run_id} of={data} onSimulate={onSimulate} />
      <p className="determinism-note soft">
        Automated analysis may miss issues, and some non-determinism is acceptable, such as a timestamp in a log.{" "}
        <Link to="/help/troubleshooting#determinism-score">Score seems wrong?</Link>{" "}
        <button type="button" className="determinism-link" onClick={() => onSimulate(null)}>
          Check divergences in Simulation
        </button>
      </p>
      <Issues run={run.run_id} of={data.issues} onShow={onShow} />
      <AcceptedElsewhere run={run.run_id} of={data} />
    </div>
  );
}

const REASONS: Record<NonNullable<Determinism["unavailable"]>, { why: string; what: string }> = {
  no_calls: {
    why: "The run made no calls that were recorded.",
    what: "Record its functions with titan_sdk.action, or send its traces.",
  },
  outputs_missing: {
    why: "The inputs and outputs of its calls are not stored.",
    what: "Content capture was off, or the source does not report them.",
  },
};

function NoScore({ of: { unavailable } }: { of: Determinism }) {
  const reason = unavailable === null ? null : REASONS[unavailable];
  return (
    <EmptyState title="No determinism score">
      {reason ? (
        <>
          {reason.why} {reason.what} <code>{unavailable}</code>
        </>
      ) : null}
    </EmptyState>
  );
}

interface ScoreProps {
  score: number;
  band: Band;
  source: "predicted" | "measured";
}

/** The score with its band, source and bar. */
export function Score({ score, band, source }: ScoreProps) {
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

interface SourcesProps {
  run: string;
  of: Determinism;
  onSimulate: (replay: string) => void;
}

/** The predicted and the measured score with their evidence. */
function Sources({ run, of: { predicted, measured }, onSimulate }: SourcesProps) {
  return (
    <dl className="determinism-sources">
      <div className="card">
        <dt>Predicted</dt>
        <dd>
          <DeterminismScore of={predicted.score} />
        </dd>
        <dd className="soft">
          From {count(predicted.attempts, "call")}
          {predicted.files.length > 0 ? (
            <>
              {" and the source of "}
              <span title={predicted.files.join("\n")}>
                {predicted.files.length === 1 ? (
                  <bdi>{predicted.files[0]}</bdi>
                ) : (
                  count(predicted.files.length, "module")
                )}
              </span>
            </>
          ) : (
            ", without source code: none is stored"
          )}
          . Nothing was executed.
          {predicted.unread > 0
            ? ` The content of ${count(predicted.unread, "call")} is not stored or too large: only partly analysed.`
            : ""}
        </dd>
      </div>
      <div className="card">
        <dt>Measured</dt>
        {measured ? <OneMeasured of={measured} onSimulate={onSimulate} /> : <NotMeasured run={run} />}
      </div>
    </dl>
  );
}

function OneMeasured({ of, onSimulate }: { of: Measured; onSimulate: (replay: string) => void }) {
  const { low, high } = of.interval;
  return (
    <>
      <dd>
        <DeterminismScore of={of.score} />{" "}
        <span className="soft">
          in {count(of.executions, "execution")}, 95 % interval {low}–{high}
        </span>
      </dd>
      <dd className="soft">
        <bdi>{of.author}</bdi>, <Time at={of.at} />: <code>{of.command}</code>{" "}
        <button type="button" className="determinism-link" onClick={() => onSimulate(of.replay_id)}>
          Open replay
        </button>
      </dd>
      {of.counts ? null : (
        <dd className="determinism-uncounted">
          It does not count for this run: a different program was executed: {of.changes.join("; ")}
        </dd>
      )}
    </>
  );
}

function NotMeasured({ run }: { run: string }) {
  const command = `titan determinism ${run} --runs 10 -- python agent.py`;
  return (
    <>
      <dd>
        <DeterminismScore of={null} />
      </dd>
      <dd className="soft">
        Not measured. Execute its program several times, where its code is; it costs nothing.{" "}
        <Link to="/help/determinism#measured">How</Link>
      </dd>
      <dd className="row">
        <code>{command}</code> <CopyButton text={command} />
      </dd>
    </>
  );
}

const AT_FIRST = 30;

/** The issues of a run, open ones first, most severe on top. */
function Issues({ run, of, onShow }: { run: string; of: readonly Issue[]; onShow: (action: string) => void }) {
  const [showsAll, setShowsAll] = useState(false);
  const sorted = bySeverity(of);
  const shown = showsAll ? sorted : sorted.slice(0, AT_FIRST);
  const accepted = of.filter((issue) => issue.accepted).length;
  if (of.length === 0) {
    return (
      <section>
        <h2>No issues found</h2>
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

/** Acceptances in the agent's runs that concern no issue of this one. */
function AcceptedElsewhere({ run, of: { issues, accepted } }: { run: string; of: Determinism }) {
  const own = new Set(issues.map((issue) => issue.key));
  const others = accepted.filter((one) => !own.has(one.key));
  if (others.length === 0) return null;
  return (
    <section>
      <h2>Also accepted in this agent's runs</h2>
      {others.map((one) => (
        <div key={one.key}>
          <code>{one.key}</code>
          <Accepted run={run} of={one} />
        </div>
      ))}
    </section>
  );
}
