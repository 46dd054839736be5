import { useId, useState } from "react";
import { Link } from "react-router";
import { useChange } from "../../api/changes";
import { fileKey } from "../../api/dags";
import { type Decision, decide, type Outcome, refetchGates, useDownstreamJobs, useReviewFiles } from "../../api/gates";
import type { Gate, LeftFile } from "../../api/types";
import { Button } from "../../components/Button";
import { Status } from "../../components/badges";
import { Dialog } from "../../components/Dialog";
import { FilePreview } from "../../components/FilePreview";
import { CommentField } from "../../components/fields";
import { bytes, count } from "../../components/format";
import { Time, useNow } from "../../components/Time";
import { blobPath, dagPath } from "../../components/url";
import { isUrgent } from "./DecidedGates";

interface Props {
  gate: Gate;
  isSettled: boolean;
  canDecide: boolean;
  isChosen: boolean;
  onChoose: () => void;
  asked: Outcome | null;
  onAsk: (outcome: Outcome | null) => void;
}

/** One gate: its message, origin, files, consequences and buttons. */
export function GateCard({ gate, isSettled, canDecide, isChosen, onChoose, asked, onAsk }: Props) {
  const [comment, setComment] = useState("");
  const heading = useId();
  const change = useChange<Decision, Gate | undefined>(
    decide,
    (_answer, what) => `${what.outcome === "approve" ? "Approved" : "Rejected"}: ${gate.name} of ${gate.dag_name}`,
  );
  function perform(outcome: Outcome): void {
    onAsk(null);
    change.run({ gateId: gate.gate_id, outcome, comment }, { onSettled: refetchGates });
  }
  return (
    <article
      className="card approvals-gate"
      data-gate={gate.gate_id}
      data-at={isChosen || undefined}
      data-settled={isSettled || undefined}
      tabIndex={-1}
      aria-labelledby={heading}
      onFocus={onChoose}
    >
      <h2 id={heading} className="approvals-message" dir="auto">
        {gate.message || `Continue after ${gate.name}?`}
      </h2>
      <GateOrigin gate={gate} />
      {isSettled ? (
        <GateOutcome gate={gate} />
      ) : (
        <>
          <GateFacts gate={gate} />
          <ReviewFiles gate={gate} />
          {canDecide ? (
            <div className="approvals-decide">
              <CommentField label="Comment (stored with the decision)" value={comment} onChange={setComment} />
              <div className="approvals-buttons">
                <Button kind="main" busy={change.isPending} onClick={() => perform("approve")}>
                  ✓ Approve
                </Button>
                <Button kind="danger" busy={change.isPending} onClick={() => onAsk("reject")}>
                  ✕ Reject …
                </Button>
              </div>
            </div>
          ) : null}
        </>
      )}
      {asked && !isSettled ? (
        <AskDialog
          gate={gate}
          outcome={asked}
          comment={comment}
          onComment={setComment}
          onYes={() => perform(asked)}
          onClose={() => onAsk(null)}
        />
      ) : null}
    </article>
  );
}

function GateOrigin({ gate }: { gate: Gate }) {
  return (
    <p className="approvals-whose soft">
      <span dir="auto">
        <Link to={dagPath({ name: gate.dag_name, dag_id: gate.dag_id }, gate.gate_id)}>{gate.dag_name}</Link> ·{" "}
        {gate.name}
      </span>
      {gate.agent_run_id ? (
        <span dir="auto">
          run <Link to={`/agents?q=${encodeURIComponent(gate.agent_run_id)}`}>{gate.agent_run_id}</Link>
        </span>
      ) : null}
    </p>
  );
}

function GateFacts({ gate }: { gate: Gate }) {
  const behind = useDownstreamJobs(gate);
  const urgent = isUrgent(gate, useNow());
  return (
    <dl className="approvals-facts">
      <div>
        <dt>Open</dt>
        <dd>
          <Time at={gate.opened_at} as="age" />
        </dd>
      </div>
      <div>
        <dt>Expires</dt>
        <dd className={urgent ? "approvals-urgent" : undefined}>
          {urgent ? <span aria-hidden="true">⚠ </span> : null}
          <Time at={gate.expires_at} as="age" />
        </dd>
      </div>
      <div>
        <dt>Jobs behind it</dt>
        <dd>
          <DownstreamJobs names={behind} />
        </dd>
      </div>
    </dl>
  );
}

const FIRST_NAMES = 6;

function DownstreamJobs({ names }: { names: string[] | undefined }) {
  if (!names) return <span className="faint">…</span>;
  if (names.length === 0) return <span>none</span>;
  const rest = names.length - FIRST_NAMES;
  return (
    <span dir="auto">
      {count(names.length, "job")}: {names.slice(0, FIRST_NAMES).join(", ")}
      {rest > 0 ? ` and ${rest.toLocaleString("en-US")} more` : null}
    </span>
  );
}

/** The outcome of a gate that was open on this page. */
function GateOutcome({ gate }: { gate: Gate }) {
  if (gate.state === "open") {
    return (
      <p className="approvals-outcome" role="status">
        No longer open …
      </p>
    );
  }
  return (
    <p className="approvals-outcome" role="status">
      <Status of={gate.state} />
      {gate.decided_by ? <span dir="auto">by {gate.decided_by}</span> : null}
      {gate.decided_at ? <Time at={gate.decided_at} as="age" /> : null}
      {gate.comment ? (
        <q className="soft" dir="auto">
          {gate.comment}
        </q>
      ) : null}
    </p>
  );
}

interface AskDialogProps {
  gate: Gate;
  outcome: Outcome;
  comment: string;
  onComment: (comment: string) => void;
  onYes: () => void;
  onClose: () => void;
}

/** Confirms a decision, because it is final. */
function AskDialog({ gate, outcome, comment, onComment, onYes, onClose }: AskDialogProps) {
  const behind = useDownstreamJobs(gate)?.length ?? 0;
  const isApproval = outcome === "approve";
  const jobs = behind > 0 ? count(behind, "job") : "No job";
  return (
    <Dialog
      title={isApproval ? "Approve this gate?" : "Reject this gate?"}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button kind={isApproval ? "main" : "danger"} onClick={onYes} data-first="">
            {isApproval ? "✓ Approve" : "✕ Reject"}
          </Button>
        </>
      }
    >
      <p className="approvals-message" dir="auto">
        {gate.message || gate.name}
      </p>
      <p className="soft">
        {isApproval ? `${jobs} can then start.` : `${jobs} will be cancelled.`} A decision is final.
      </p>
      <CommentField
        label={isApproval ? "Comment" : "Reason (visible to others)"}
        value={comment}
        onChange={onComment}
      />
    </Dialog>
  );
}

const FIRST_FILES = 5;

/** The files of the jobs before the gate. */
function ReviewFiles({ gate }: { gate: Gate }) {
  const { data: files, error } = useReviewFiles(gate);
  const [showsAll, setShowsAll] = useState(false);
  const [peeked, setPeeked] = useState<string | null>(null);
  if (gate.parents.length === 0) return null;
  if (error) return <p className="soft">The files to review could not be loaded: {error.message}</p>;
  if (!files) return <p className="faint">Files to review …</p>;
  if (files.length === 0) return <p className="soft">The jobs before this gate left no files.</p>;
  const shown = showsAll ? files : files.slice(0, FIRST_FILES);
  return (
    <div className="approvals-files">
      <h3>Files to review</h3>
      <ul>
        {shown.map((file) => {
          const key = fileKey(file);
          const isPeeked = peeked === key;
          return (
            <li key={key}>
              <FileLine file={file} isPeeked={isPeeked} onPeek={() => setPeeked(isPeeked ? null : key)} />
              {isPeeked && file.digest ? <FilePreview digest={file.digest} path={file.path} /> : null}
            </li>
          );
        })}
      </ul>
      {files.length > shown.length ? (
        <Button kind="quiet" onClick={() => setShowsAll(true)}>
          Show all {files.length.toLocaleString("en-US")} files
        </Button>
      ) : null}
    </div>
  );
}

function FileLine({ file, isPeeked, onPeek }: { file: LeftFile; isPeeked: boolean; onPeek: () => void }) {
  if (!file.digest) {
    return (
      <div className="approvals-file">
        <span className="truncate" dir="auto" title={file.path}>
          {file.path}
        </span>
        <span className="faint">{file.reason ?? "not collected"}</span>
      </div>
    );
  }
  return (
    <div className="approvals-file">
      <button type="button" className="approvals-peek" aria-expanded={isPeeked} onClick={onPeek}>
        <span aria-hidden="true">{isPeeked ? "▾" : "▸"}</span>
        <span className="truncate" dir="auto" title={file.path}>
          {file.path}
        </span>
      </button>
      <span className="faint num">{bytes(file.size_bytes)}</span>
      <a href={blobPath(file.digest, file.path)} download aria-label={`Download ${file.path}`}>
        Download
      </a>
    </div>
  );
}
