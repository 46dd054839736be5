/** The facts in a run's header: totals, links, scores and integrity. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { useDagOfRun } from "../../../api/dags";
import type { Recording } from "../../../api/recording";
import { type NoteView, readChain, useForks, useNotes } from "../../../api/run";
import type { RunView, TallyView } from "../../../api/types";
import { Button, CopyButton } from "../../../components/Button";
import { Status } from "../../../components/badges";
import { CostBreakdown } from "../../../components/Cost";
import { amount, count, duration, rate, tokensOf } from "../../../components/format";
import { Name } from "../../../components/links";
import { Fact } from "../../../components/Page";
import { Duration, Time } from "../../../components/Time";
import { agentPath, dagPath, runPath } from "../../../components/url";
import { RunNotes } from "./RunDialogs";

const WHOLE = new Intl.NumberFormat("en-US");

interface Props {
  recording: Recording;
  onShow: (action: string) => void;
}

/** The facts of a run. */
export function RunFacts({ recording: { run }, onShow }: Props) {
  const { tally } = run;
  const hasCalls = tally.calls > 0 || !run.has_stages;
  const dag = useDagOfRun(run.run_id, !run.has_stages);
  return (
    <dl className="run-facts">
      <Fact name="Agent">
        <Link className="run-short" to={agentPath(run.agent_id, run.origin)} title={run.agent_id}>
          <Name of={run.agent_id} />
        </Link>
      </Fact>
      <Fact name="Duration">
        {run.duration_ms === null ? <Duration from={run.started_at} to={run.ended_at} /> : duration(run.duration_ms)}
      </Fact>
      {run.stage_count === undefined ? null : <StagesFact run={run} />}
      {hasCalls ? <CallFacts of={tally} /> : null}
      {run.origin === "evaluation" ? <Fact name="Origin">Evaluation</Fact> : null}
      <Fact name="Started">
        <Time at={run.started_at} />
      </Fact>
      {run.ended_at ? (
        <Fact name="Ended">
          <Time at={run.ended_at} />
        </Fact>
      ) : null}
      {run.session_id ? (
        <Fact name="Session">
          <Link
            className="run-short"
            to={`/runs?${new URLSearchParams({ session_id: run.session_id, window: "all", origin: run.origin })}`}
            title={run.session_id}
          >
            <Name of={run.session_id} />
          </Link>
        </Fact>
      ) : null}
      <ForkFacts run={run} />
      {dag ? (
        <Fact name="Recorded by" title="The submission whose jobs recorded this run">
          <Link className="run-short" to={dagPath(dag)}>
            <Name of={dag.name} />
          </Link>
        </Fact>
      ) : null}
      <Fact name="Run">
        <span className="run-short" title={run.run_id}>
          <Name of={run.run_id} />
        </span>
        <CopyButton text={run.run_id} />
      </Fact>
      <Fact name="Integrity">
        <IntegrityFact key={run.run_id} run={run.run_id} onShow={onShow} />
      </Fact>
      <ScoresFact run={run} />
      {run.tags.length > 0 ? (
        <Fact name="Tags" className="run-tags">
          {run.tags.map((tag) => (
            <Link
              key={tag}
              className="run-tag"
              to={`/runs?${new URLSearchParams({ tag, window: "all", origin: run.origin })}`}
              title={`Runs tagged ${tag}`}
            >
              <bdi>{tag}</bdi>
            </Link>
          ))}
        </Fact>
      ) : null}
    </dl>
  );
}

/** The number of stages and jobs, and of live jobs. */
function StagesFact({ run }: { run: RunView }) {
  const live = run.live_job_count ?? 0;
  return (
    <Fact name="Stages">
      {WHOLE.format(run.stage_count ?? 0)}
      <span className="faint"> · {count(run.job_count ?? 0, "job")}</span>
      {live > 0 ? <span className="faint"> · {WHOLE.format(live)} live</span> : null}
    </Fact>
  );
}

function CallFacts({ of: tally }: { of: TallyView }) {
  const tokens = tokensOf(tally);
  return (
    <>
      <Fact name="Actions" title={`${WHOLE.format(tally.attempts)} of them were attempts that ended`}>
        {WHOLE.format(tally.calls - tally.replayed)}
        {tally.replayed > 0 ? <span className="faint"> + {WHOLE.format(tally.replayed)} replayed</span> : null}
        {tally.running > 0 ? <span className="faint"> · {WHOLE.format(tally.running)} running</span> : null}
      </Fact>
      <Fact name="Cost">
        <CostBreakdown of={tally} />
      </Fact>
      <Fact name="Success" title={`${WHOLE.format(tally.success)} of ${WHOLE.format(tally.attempts)} attempts`}>
        {rate(tally.success_rate)}
      </Fact>
      <Fact name="Tokens" title={`${amount(tally.input_tokens)} input, ${amount(tally.output_tokens)} output`}>
        {amount(tokens)}
      </Fact>
    </>
  );
}

/** The parent and the forks of a run. */
function ForkFacts({ run }: { run: RunView }) {
  const { data: forks } = useForks(run.run_id);
  return (
    <>
      {run.parent_run_id ? (
        <Fact name="Fork of">
          <Link className="run-short" to={runPath(run.parent_run_id)} title={run.parent_run_id}>
            <Name of={run.parent_run_id} />
          </Link>
          {run.forked_at_action_id ? (
            <Link to={runPath(run.parent_run_id, run.forked_at_action_id)} title={run.forked_at_action_id}>
              at this action
            </Link>
          ) : null}
        </Fact>
      ) : null}
      {forks && forks.length > 0 ? (
        <Fact name="Forks">
          {forks.map((fork) => (
            <Link key={fork.run_id} className="run-short" to={runPath(fork.run_id)} title={fork.run_id}>
              <Status of={fork.status} small /> <Name of={fork.name ?? fork.run_id} />
            </Link>
          ))}
        </Fact>
      ) : null}
    </>
  );
}

const MOST = 6;

/** The latest scores of a run, which open the notes; nothing without scores. */
function ScoresFact({ run }: { run: RunView }) {
  const { data } = useNotes(run.run_id);
  const [isOpen, setOpen] = useState(false);
  const scores = scoresOf(data ?? []);
  const open = () => setOpen(true);
  return (
    <>
      {scores.length > 0 ? (
        <Fact name="Scores" className="run-tags">
          {scores.slice(0, MOST).map((score) => (
            <Score key={score.id} of={score} onOpen={open} />
          ))}
          {scores.length > MOST ? (
            <button type="button" className="run-link" onClick={open}>
              {scores.length - MOST} more
            </button>
          ) : null}
        </Fact>
      ) : null}
      {isOpen ? <RunNotes run={run} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function Score({ of: { name, score, author, text, at }, onOpen }: { of: NoteView; onOpen: () => void }) {
  const shownToasts = `${name ?? "score"} ${score}, by ${author}`;
  return (
    <button
      type="button"
      className="run-tag run-score-chip"
      aria-label={`${shownToasts}: show the notes`}
      title={[`${shownToasts}, ${new Date(at).toLocaleString()}`, text].filter(Boolean).join("\n")}
      onClick={onOpen}
    >
      <bdi>{name ?? "score"}</bdi> <b>{score}</b>
    </button>
  );
}

/** Returns the run's own scores, newest first: the latest of each name and author. */
export function scoresOf(notes: readonly NoteView[]): NoteView[] {
  const seen = new Set<string>();
  return notes.filter((note) => {
    if (note.score === null || note.action_id !== null) return false;
    const key = JSON.stringify([note.name, note.author]);
    const isLast = !seen.has(key);
    seen.add(key);
    return isLast;
  });
}

interface IntegrityFactProps {
  run: string;
  onShow: (action: string) => void;
}

/** Verifies on demand that the recording is unchanged, which reads all of it. */
function IntegrityFact({ run, onShow }: IntegrityFactProps) {
  const found = useQuery({
    queryKey: ["chain", run],
    queryFn: ({ signal }) => readChain(run, signal),
    enabled: false,
    gcTime: 0, // an old verification proves nothing
  });
  const chain = found.data;
  return (
    <>
      <span role="status">
        {chain?.verified ? (
          <span title={`SHA-256 of all: ${chain.link}`}>verified · {entries(chain.entries)}</span>
        ) : null}
        {chain?.broken ? <Broken broken={chain.broken} onShow={onShow} /> : null}
        {found.error && !found.isFetching ? (
          <span className="run-integrity-broken">not verified: {found.error.message}</span>
        ) : null}
      </span>
      <Button
        busy={found.isFetching}
        title="Recompute the hash chain to check that the recording is unchanged"
        onClick={() => void found.refetch()}
      >
        {chain || found.error ? "Verify again" : "Verify"}
      </Button>
    </>
  );
}

function Broken({
  broken,
  onShow,
}: {
  broken: { entry: number; action_id: string | null; found: string };
  onShow: IntegrityFactProps["onShow"];
}) {
  const { entry, action_id: action, found } = broken;
  return (
    <span className="run-integrity-broken" title={found}>
      broken at{" "}
      {action === null ? (
        `entry ${WHOLE.format(entry)}`
      ) : (
        <button type="button" className="run-link" onClick={() => onShow(action)}>
          entry {WHOLE.format(entry)}
        </button>
      )}
      : {found}
    </span>
  );
}

function entries(count: number): string {
  return count === 1 ? "1 entry" : `${WHOLE.format(count)} entries`;
}
