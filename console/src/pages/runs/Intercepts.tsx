/** Critical intercepts: runs that need attention, and the dialog that acknowledges one. */
import { useState } from "react";
import { Link } from "react-router";
import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import { queries } from "../../api/query";
import { refetchRegistry, useIntercepts } from "../../api/registry";
import { type NewNoteBody, type NoteView, notesKey, useUnmute } from "../../api/run";
import { useCanChange } from "../../api/session";
import type { InterceptThresholds, InterceptView, RunView, Window } from "../../api/types";
import { Button } from "../../components/Button";
import { Reasons } from "../../components/badges";
import { ConfirmDialog, Dialog } from "../../components/Dialog";
import { ErrorNotice } from "../../components/EmptyState";
import { WordsField } from "../../components/fields";
import { inWindow, moment, percent } from "../../components/format";
import { Name } from "../../components/links";
import { Time, useToday } from "../../components/Time";
import { agentPath, runPath } from "../../components/url";

/** Runs that need attention, the latest first: why, and the way to what failed. */
export function Intercepts({ window, agent, q }: { window: Window; agent: string; q: string }) {
  const [isOpen, setOpen] = useState(true);
  const [hasAcknowledged, setAcknowledged] = useState(false);
  const found = useIntercepts({ window, agent, q, acknowledged: hasAcknowledged });
  const intercepts = found.data?.data ?? [];
  const number = `${intercepts.length}${found.data?.more ? "+" : ""}`;
  if (found.isPending) return null; // it must not push the list down twice
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
      {found.isError ? <ErrorNotice of={found.error} again={found.refetch} /> : null}
      {found.isSuccess && intercepts.length === 0 ? (
        <p className="soft">
          <span className="intercepts-ok" aria-hidden="true">
            ✓
          </span>{" "}
          None {inWindow(window)}
          {q ? ` with “${q}”` : ""}: no run with errors it did not recover from, lost entries, or often stopped.
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

/** What makes a run a critical intercept, as the server was started. */
function Thresholds({ of }: { of: InterceptThresholds | undefined }) {
  if (!of) return null;
  return (
    <span
      className="faint intercepts-why"
      title="Set where the server starts: TITAN_INTERVENTIONS_LEAST, _RATE and _TIMES"
    >
      {interceptRule(of)}
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
      <Link to={agentPath(run.agent_id)} className="intercepts-agent truncate faint" title={run.agent_id}>
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

/** Why a run needs no attention any more, and the way back for one that is muted. */
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

/** Takes a run out of the critical intercepts, until more goes wrong in it or for good, with a note that says why. */
function Acknowledge({ run, onClose }: { run: RunView; onClose: () => void }) {
  const [why, setWhy] = useState("");
  const [mutes, setMutes] = useState(false);
  const acknowledge = useChange(
    async (shownToasts: Pick<NewNoteBody, "text" | "acknowledges" | "mutes">) => {
      const body = { ...shownToasts, troubles: run.troubles, action_id: null, name: null, score: null, author: null };
      await api.POST("/api/v1/runs/{run}/notes", { params: { path: { run: run.run_id } }, body });
    },
    (_answer, { mutes }) => (mutes ? "It is muted." : "It needs no attention any more."),
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
          <Button onClick={onClose}>Leave it</Button>
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
        It leaves the critical intercepts {mutes ? "until somebody unmutes it" : "until more goes wrong in it"}. What
        you say here stands among its notes.
      </p>
      <WordsField label="Why it needs no attention any more" value={why} onChange={setWhy} />
      <label className="runs-mutes">
        <input type="checkbox" checked={mutes} onChange={(event) => setMutes(event.target.checked)} />
        <span>
          Mute it for good <span className="soft">It does not come back, whatever more goes wrong in it.</span>
        </span>
      </label>
    </Dialog>
  );
}

/** Returns from where on a run counts as often stopped. */
export function interceptRule({ least, rate, times }: InterceptThresholds): string {
  const alone = `Unrecovered errors, or often stopped: ${least} or more, and ${percent(rate)} or more of its actions`;
  return times ? `${alone} or over ${times} times its agent’s own rate` : alone;
}
