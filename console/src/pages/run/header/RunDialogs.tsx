/** Dialogs of a run: notes, details, compare and end. */

import { useState } from "react";
import { Link } from "react-router";
import { useChange } from "../../../api/changes";
import { api } from "../../../api/client";
import { queries } from "../../../api/query";
import { refetchRegistry } from "../../../api/registry";
import { recordingKey, useLatestRuns, useNotes, useRunDetails } from "../../../api/run";
import type { RunView } from "../../../api/types";
import { Button } from "../../../components/Button";
import { Status } from "../../../components/badges";
import { Dialog } from "../../../components/Dialog";
import { ErrorNotice } from "../../../components/EmptyState";
import { CommentField } from "../../../components/fields";
import { Name } from "../../../components/links";
import { Time } from "../../../components/Time";
import { runPath } from "../../../components/url";
import { Part } from "../inspector/ActionContent";
import { Notes } from "../inspector/Notes";

/** The notes on a run and its actions. */
export function RunNotes({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useNotes(run.run_id);
  return (
    <Dialog title="Notes on this run and its actions" onClose={onClose} wide>
      {error ? (
        <ErrorNotice of={error} onRetry={refetch} />
      ) : (
        <Notes run={run.run_id} action={null} notes={data ?? []} onGo={onClose} />
      )}
    </Dialog>
  );
}

/** The details of a run, loaded when the dialog opens. */
export function RunDetails({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useRunDetails(run.run_id);
  return (
    <Dialog title="Details of this run" onClose={onClose} wide>
      {error ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {data || error ? null : <p className="faint">Loading …</p>}
      {data?.map((details) => (
        <Source key={JSON.stringify(details)} of={details} onGo={onClose} />
      ))}
    </Dialog>
  );
}

/** The details from one source. */
function Source({ of, onGo }: { of: Record<string, unknown>; onGo: () => void }) {
  const { replay_of: replayed, ...parts } = of;
  return (
    <section className="run-part">
      {typeof replayed === "string" ? (
        <p>
          A replay of{" "}
          <Link to={runPath(replayed)} onClick={onGo}>
            <Name of={replayed} />
          </Link>
        </p>
      ) : null}
      {Object.entries(parts).map(([name, value]) => (
        <Part key={name} name={name} value={value} isOpen />
      ))}
    </section>
  );
}

/** Chooses a run of the same agent to compare with. */
export function CompareDialog({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useLatestRuns(run.agent_id);
  const others = data?.filter((other) => other.run_id !== run.run_id);
  return (
    <Dialog title="Compare with" onClose={onClose} wide>
      {error ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {others ? null : <p className="faint">Loading …</p>}
      {others?.length === 0 ? <p className="soft">This agent has no other run.</p> : null}
      <ul className="run-others">
        {others?.map((other) => (
          <li key={other.run_id}>
            <Link
              className="run-menu-item"
              to={`/runs/compare?${new URLSearchParams({ a: run.run_id, b: other.run_id })}`}
              onClick={onClose}
            >
              <Status of={other.status} small />
              <Name of={other.name ?? other.run_id} />
              <span className="faint">
                <Time at={other.started_at} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
      <p className="soft">
        Runs of other agents: choose two <Link to="/runs">in the list of runs</Link>.
      </p>
    </Dialog>
  );
}

const ENDS = ["failed", "cancelled", "completed"] as const;
type End = (typeof ENDS)[number];

const WORDS: Record<End, string> = {
  failed: "Failed: the program crashed or stopped early",
  cancelled: "Cancelled: somebody stopped the program",
  completed: "Completed: the program finished its work",
};

/** Sets the status of a run whose program cannot report it. */
export function EndRun({ run, onClose }: { run: RunView; onClose: () => void }) {
  const [status, setStatus] = useState<End>("failed");
  const [why, setWhy] = useState("");
  const end = useChange(
    async (body: { status: End; error: string | null }) => {
      await api.POST("/api/v1/runs/{run}/end", { params: { path: { run: run.run_id } }, body });
    },
    (_, sent) => `The run is ${sent.status}.`,
    () => {
      void queries.invalidateQueries({ queryKey: recordingKey(run.run_id) });
      refetchRegistry();
      onClose();
    },
  );
  return (
    <Dialog
      title={`Mark ${run.name ?? run.run_id} as ended?`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Keep running</Button>
          <Button kind="danger" busy={end.isPending} onClick={() => end.run({ status, error: why.trim() || null })}>
            Mark as ended
          </Button>
        </>
      }
    >
      <p>
        This sets the run's status and stops no program. An end that the program reports takes precedence. New actions
        reopen the run.
      </p>
      <fieldset className="run-ends">
        <legend className="soft">Status</legend>
        {ENDS.map((one) => (
          <label key={one}>
            <input type="radio" name="end" checked={one === status} onChange={() => setStatus(one)} /> {WORDS[one]}
          </label>
        ))}
      </fieldset>
      <CommentField label="Reason (visible to others)" value={why} onChange={setWhy} />
    </Dialog>
  );
}
