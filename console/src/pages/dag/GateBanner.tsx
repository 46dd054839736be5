import { useQuery } from "@tanstack/react-query";
import { namesBehind } from "../../api/behind";
import type { Dag, Job } from "../../api/facts";
import { fileKey } from "../../api/files";
import { gateOf } from "../../api/gates";
import { useDagFiles } from "../../api/job";
import { count } from "../../parts/format";
import { Name } from "../../parts/Name";
import { Time } from "../../parts/Time";
import { useUrl } from "../../parts/url";
import { GateDecision } from "./GateDecision";

const MOST = 3; // at once; the others have their nodes in the graph

/** The gates that wait for somebody, above everything else: what is asked, what hangs on it, and the two answers. */
export function GateBanner({ dag }: { dag: Dag }) {
  const open = (dag.jobs ?? []).filter((job) => job.status === "WAITING_APPROVAL");
  if (open.length === 0) return null;
  return (
    <section className="dag-gates" aria-label="Gates to decide">
      {open.slice(0, MOST).map((gate) => (
        <OpenGate key={gate.job_id} gate={gate} dag={dag} />
      ))}
      {open.length > MOST ? (
        <p className="soft">{count(open.length - MOST, "more gate")} of this DAG wait too: their nodes are blue.</p>
      ) : null}
    </section>
  );
}

function OpenGate({ gate, dag }: { gate: Job; dag: Dag }) {
  const behind = namesBehind(dag, gate.name);
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

/** What the jobs right before the gate left: that is what is to be judged. */
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
          className="dag-link cut"
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
