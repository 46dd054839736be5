/** Open gates of a DAG, with the form that decides one. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useChange } from "../../api/changes";
import { fileKey, useDagFiles } from "../../api/dags";
import { type Decision, decide, downstreamJobs, gateOf, type Outcome, refetchGates } from "../../api/gates";
import { useCanChange } from "../../api/session";
import type { Dag, Gate, Job } from "../../api/types";
import { Button } from "../../components/Button";
import { ConfirmDialog } from "../../components/Dialog";
import { count } from "../../components/format";
import { Name } from "../../components/links";
import { Time } from "../../components/Time";
import { useUrl } from "../../components/url";

const MOST = 3; // at once; the graph shows the others

/** The open gates of a DAG, above everything else. */
export function GateBanner({ dag }: { dag: Dag }) {
  const open = (dag.jobs ?? []).filter((job) => job.status === "WAITING_APPROVAL");
  if (open.length === 0) return null;
  return (
    <section className="dag-gates" aria-label="Gates to decide">
      {open.slice(0, MOST).map((gate) => (
        <OpenGate key={gate.job_id} gate={gate} dag={dag} />
      ))}
      {open.length > MOST ? (
        <p className="soft">{count(open.length - MOST, "more gate")} of this DAG are open too; their nodes are blue.</p>
      ) : null}
    </section>
  );
}

function OpenGate({ gate, dag }: { gate: Job; dag: Dag }) {
  const behind = downstreamJobs(dag, gate.name);
  return (
    <article className="dag-open-gate tone-blue" aria-label={`Gate ${gate.name}`}>
      <div className="dag-gate-words">
        <h2 dir="auto">{gate.hitl_message || gate.name}</h2>
        <p className="soft">
          <span aria-hidden="true">◇ </span>
          <span dir="auto">{gate.name}</span> opened <Time at={gate.ready_at} as="age" />
          <Expires gate={gate} />
          {behind.length > 0 ? (
            <>
              {" · "}
              <span dir="auto">
                {count(behind.length, "job")} behind it: {behind.slice(0, 4).join(", ")}
                {behind.length > 4 ? " …" : ""}
              </span>
            </>
          ) : null}
        </p>
        <FilesBefore gate={gate} dag={dag} />
      </div>
      <GateDecision gate={gate} behind={behind.length} />
    </article>
  );
}

function Expires({ gate }: { gate: Job }) {
  const { data } = useQuery({ queryKey: ["gate", gate.job_id], queryFn: () => gateOf(gate.job_id) });
  if (!data?.expires_at) return null;
  return (
    <>
      , expires <Time at={data.expires_at} as="age" />
    </>
  );
}

const FIRST_FILES = 6;

/** The files of the parents of a gate. */
function FilesBefore({ gate, dag }: { gate: Job; dag: Dag }) {
  const { data } = useDagFiles(dag.dag_id);
  const [, change] = useUrl();
  const files = (data?.files ?? []).filter((file) => gate.parents.includes(file.job));
  if (files.length === 0) return null;
  return (
    <p className="dag-gate-files">
      <span className="soft">To review:</span>
      {files.slice(0, FIRST_FILES).map((file) => (
        <button
          key={fileKey(file)}
          type="button"
          className="dag-link truncate"
          title={file.path}
          onClick={() => change({ view: "files", file: fileKey(file) }, true)}
        >
          <Name of={file.path} />
        </button>
      ))}
      {files.length > FIRST_FILES ? (
        <button type="button" className="dag-link" onClick={() => change({ view: "files" }, true)}>
          and {files.length - FIRST_FILES} more
        </button>
      ) : null}
    </p>
  );
}

/** The comment field and buttons of an open gate. */
export function GateDecision({ gate, behind }: { gate: Job; behind: number }) {
  const canDecide = useCanChange();
  const [comment, setComment] = useState("");
  const [asks, setAsks] = useState(false);
  const change = useChange<Decision, Gate | undefined>(
    decide,
    (_answer, { outcome }) => `${outcome === "approve" ? "Approved" : "Rejected"}: ${gate.name}`,
    refetchGates,
  );
  const perform = (outcome: Outcome) => change.run({ gateId: gate.job_id, outcome, comment });
  if (!canDecide) return <p className="soft">Your token is read-only: it cannot decide gates.</p>;
  return (
    <div className="dag-decide">
      <label>
        <span className="sr-only">Comment, stored with the decision</span>
        <textarea
          className="field"
          dir="auto"
          rows={1}
          maxLength={10_000}
          placeholder="Comment, stored with the decision"
          value={comment}
          onChange={(event) => setComment(event.target.value)}
        />
      </label>
      <div className="dag-decide-buttons">
        <Button kind="main" busy={change.isPending} onClick={() => perform("approve")}>
          ✓ Approve
        </Button>
        <Button kind="danger" busy={change.isPending} onClick={() => setAsks(true)}>
          ✕ Reject …
        </Button>
      </div>
      {asks ? (
        <ConfirmDialog
          title="Reject this gate?"
          yes="✕ Reject"
          onYes={() => perform("reject")}
          onClose={() => setAsks(false)}
        >
          {behind > 0 ? `Then ${count(behind, "job")} behind it will be cancelled. ` : null}A decision is final.
          {comment ? "" : " You can give a reason in the comment field."}
        </ConfirmDialog>
      ) : null}
    </div>
  );
}
