/** Critical intercepts: runs that need attention, and the dialog that acknowledges one. */
import { useState } from "react";
import { Link } from "react-router";
import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import { queries } from "../../api/query";
import { refetchRegistry, useIntercepts } from "../../api/registry";
import { type NewNoteBody, type NoteView, notesKey, useUnmute } from "../../api/run";
import { useCanChange } from "../../api/session";
import type { InterceptThresholds, InterceptView, OriginChoice, RunView, Window } from "../../api/types";
import { Button } from "../../components/Button";
import { Reasons } from "../../components/badges";
import { ConfirmDialog, Dialog } from "../../components/Dialog";
import { ErrorNotice } from "../../components/EmptyState";
import { CommentField } from "../../components/fields";
import { inWindow, moment, percent } from "../../components/format";
import { Name } from "../../components/links";
import { Time, useToday } from "../../components/Time";
import { agentPath, runPath } from "../../components/url";

interface Props {
  window: Window;
  origin: OriginChoice;
  agent: string;
  q: string;
}

/** Runs that need attention, latest first. */
export function Intercepts({ window, origin, agent, q }: Props) {
  const [isOpen, setOpen] = useState(true);
  const [hasAcknowledged, setAcknowledged] = useState(false);
  const found = useIntercepts({ window, origin, agent, q, acknowledged: hasAcknowledged });
  const intercepts = found.data?.data ?? [];
  const number = `${intercepts.length}${found.data?.more ? "+" : ""}`;
  if (found.isPending) return null; // it must not move the list twice
  return (
    <section className="intercepts" aria-labelledby="intercepts">
      <div className="intercepts-head">
        <h2 id="intercepts">
          {intercepts.length > 0 ? (
            <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> Critical intercepts
              <span className="intercepts-count">{number}</span>
            </button>
          ) : (
            "Critical intercepts"
          )}
        </h2>
        <Thresholds of={found.data?.thresholds} />
        <label className="intercepts-all">
          <input
            type="checkbox"
            checked={hasAcknowledged}
            onChange={(event) => setAcknowledged(event.target.checked)}
          />{" "}
          Acknowledged and muted too
        </label>
      </div>
      {found.isError ? <ErrorNotice of={found.error} onRetry={found.refetch} /> : null}
      {found.isSuccess && intercepts.length === 0 ? (
        <p className="soft">
          <span className="intercepts-ok" aria-hidden="true">
            ✓
          </span>{" "}
          None {inWindow(window)}
          {q ? ` with “${q}”` : ""}: no runs with unrecovered errors, lost entries or unusually many blocked calls.
        </p>
      ) : null}
      {intercepts.length > 0 && isOpen ? (
        <ul className="card intercepts-list">
          {intercepts.map((intercept) => (
            <Intercept key={intercept.run.run_id} of={intercept} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

/** Which runs are critical intercepts, with a link to the server's thresholds. */
function Thresholds({ of }: { of: InterceptThresholds | undefined }) {
  if (!of) return null;
  return (
    <span className="faint intercepts-why">
      Runs with unrecovered errors or unusually many blocked calls.{" "}
      <Link to="/settings#server" title={interceptRule(of)}>
        Thresholds
      </Link>
    </span>
  );
}

function Intercept({ of: { run, reasons, acknowledged } }: { of: InterceptView }) {
  const [isAsked, setAsked] = useState(false);
  const canChange = useCanChange();
  return (
    <li>
      <Link to={runPath(run.run_id, run.first_error_id)} className="intercepts-id truncate" title={run.run_id}>
        <Name of={run.run_id} />
      </Link>
      <Link to={agentPath(run.agent_id, run.origin)} className="intercepts-agent truncate faint" title={run.agent_id}>
        <Name of={run.agent_id} />
      </Link>
      <Reasons of={reasons} />
      <span className="faint intercepts-age">
        <Time at={run.last_event_at} as="age" />
      </span>
      {acknowledged ? (
        <AcknowledgedNote run={run} note={acknowledged} />
      ) : canChange ? (
        <Button kind="quiet" className="intercepts-note" onClick={() => setAsked(true)}>
          Acknowledge…
        </Button>
      ) : null}
      {isAsked ? <Acknowledge run={run} onClose={() => setAsked(false)} /> : null}
    </li>
  );
}

/** The acknowledgement of a run, with a button to unmute. */
function AcknowledgedNote({ run, note }: { run: RunView; note: NoteView }) {
  const [isAsked, setAsked] = useState(false);
  const canChange = useCanChange();
  const today = useToday();
  const unmute = useUnmute(run.run_id);
  const verb = note.mutes ? "Muted" : "Acknowledged";
  return (
    <>
      <span className="intercepts-note intercepts-note-text">
        <span
          className="faint truncate"
          title={`${verb} by ${note.author}, ${moment(Date.parse(note.at), today)}: ${note.text}`}
        >
          {note.mutes ? "Muted: " : "✓ "}
          <bdi>{note.text}</bdi>
        </span>
        {note.mutes && canChange ? (
          <Button kind="quiet" busy={unmute.isPending} onClick={() => setAsked(true)}>
            Unmute
          </Button>
        ) : null}
      </span>
      {isAsked ? (
        <ConfirmDialog
          title={`Unmute ${run.name ?? run.run_id}?`}
          yes="Unmute it"
          onYes={() => unmute.run(null)}
          onClose={() => setAsked(false)}
        >
          This deletes the note of {note.author}, “{note.text}”, and every other note that mutes the run. The run needs
          attention again, unless somebody acknowledged it.
        </ConfirmDialog>
      ) : null}
    </>
  );
}

/** Acknowledges or mutes a run with a reason. */
function Acknowledge({ run, onClose }: { run: RunView; onClose: () => void }) {
  const [why, setWhy] = useState("");
  const [mutes, setMutes] = useState(false);
  const acknowledge = useChange(
    async (shownToasts: Pick<NewNoteBody, "text" | "acknowledges" | "mutes">) => {
      const body = { ...shownToasts, troubles: run.troubles, action_id: null, name: null, score: null, author: null };
      await api.POST("/api/v1/runs/{run}/notes", { params: { path: { run: run.run_id } }, body });
    },
    (_answer, { mutes }) => (mutes ? "Muted." : "Acknowledged."),
    () => {
      void queries.invalidateQueries({ queryKey: notesKey(run.run_id) });
      refetchRegistry();
      onClose();
    },
  );
  const text = why.trim();
  return (
    <Dialog
      title={`${mutes ? "Mute" : "Acknowledge"} ${run.name ?? run.run_id}?`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button
            kind="main"
            busy={acknowledge.isPending}
            disabled={!text}
            onClick={() => acknowledge.run({ text, acknowledges: !mutes, mutes })}
          >
            {mutes ? "Mute" : "Acknowledge"}
          </Button>
        </>
      }
    >
      <p>
        The run leaves the critical intercepts {mutes ? "until somebody unmutes it" : "until it has new problems"}. Your
        reason is stored as a note.
      </p>
      <CommentField label="Reason" value={why} onChange={setWhy} />
      <label className="runs-mutes">
        <input type="checkbox" checked={mutes} onChange={(event) => setMutes(event.target.checked)} />
        <span>
          Mute permanently <span className="soft">The run stays off the list, whatever problems it has later.</span>
        </span>
      </label>
    </Dialog>
  );
}

/** Returns from how many blocked calls on a run is a critical intercept. */
export function interceptRule({ least, rate, times }: InterceptThresholds): string {
  const alone = `Blocked calls: ${least} or more, and ${percent(rate)} or more of a run's actions`;
  return times ? `${alone} or over ${times} times its agent's own rate` : alone;
}
