/** The buttons in a run's header. */
import { useState } from "react";
import { useNavigate } from "react-router";
import { useChange } from "../../../api/changes";
import { api } from "../../../api/client";
import { ofProject } from "../../../api/project";
import { queries } from "../../../api/query";
import { refetchRegistry } from "../../../api/registry";
import { recordingKey, useNotes, usePin, useRun } from "../../../api/run";
import { useCanChange } from "../../../api/session";
import type { ExportFormat, RunView } from "../../../api/types";
import { Button } from "../../../components/Button";
import { ConfirmDialog } from "../../../components/Dialog";
import { count } from "../../../components/format";
import { useEscape } from "../../../components/keyboard";
import { CancelRun, canGoOn, ResumeRun } from "../../agents/RunDialogs";
import { CompareDialog, EndRun, RunDetails, RunNotes } from "./RunDialogs";

type Overlay = "delete" | "compare" | "notes" | "details" | "end" | "cancel" | "resume" | null;

/** The buttons of a run: notes, details, compare, export, pin, archive, delete. */
export function RunActions({ run }: { run: RunView }) {
  const [overlay, setOverlay] = useState<Overlay>(null);
  const close = () => setOverlay(null);
  const canChange = useCanChange();
  const goesOn = isGoingOn(run);
  const pin = usePin();
  const remove = useRemoval(run);
  const archive = useArchiving(run);
  const obstacle = removalObstacle(run);
  return (
    <div className="run-actions row">
      <NotesButton run={run} onOpen={() => setOverlay("notes")} />
      {run.has_details ? (
        <Button title="Details: resource attributes, results of a replay" onClick={() => setOverlay("details")}>
          Details
        </Button>
      ) : null}
      <Button onClick={() => setOverlay("compare")}>Compare</Button>
      <ExportMenu run={run} />
      {canChange ? (
        <>
          <Button aria-pressed={run.is_pinned} busy={pin.isPending} onClick={() => pin.run(run)}>
            {run.is_pinned ? "Pinned" : "Pin"}
          </Button>
          {run.has_stages ? <StagesActions run={run} overlay={overlay} onOpen={setOverlay} onClose={close} /> : null}
          {goesOn && !run.has_stages ? (
            <Button
              title="Set the status of a run whose program cannot report its end"
              onClick={() => setOverlay("end")}
            >
              Mark as ended…
            </Button>
          ) : null}
          <Button
            aria-pressed={run.archived_at !== null}
            busy={archive.isPending}
            disabled={goesOn}
            title={
              goesOn ? whyNotYet(run) : "Remove the run from lists and search; “Archived too” on the page Runs shows it"
            }
            onClick={() => archive.run(run.archived_at === null)}
          >
            {run.archived_at ? "Archived" : "Archive"}
          </Button>
          <Button
            kind="danger"
            busy={remove.isPending}
            disabled={obstacle !== null}
            title={obstacle ?? undefined}
            onClick={() => setOverlay("delete")}
          >
            Delete
          </Button>
        </>
      ) : null}
      {overlay === "notes" ? <RunNotes run={run} onClose={close} /> : null}
      {overlay === "details" ? <RunDetails run={run} onClose={close} /> : null}
      {overlay === "compare" ? <CompareDialog run={run} onClose={close} /> : null}
      {overlay === "end" ? <EndRun run={run} onClose={close} /> : null}
      {overlay === "delete" ? (
        <ConfirmDialog
          title={`Delete ${run.name ?? run.run_id}?`}
          yes="Delete permanently"
          onYes={() => remove.run(null)}
          onClose={close}
        >
          The run, its stages with their jobs, all its actions with inputs and outputs, its notes, its place in the
          search and the replays that agentsentinel-sdk reported of it are deleted permanently.
        </ConfirmDialog>
      ) : null}
    </div>
  );
}

/** Cancel and resume for runs with stages. */
function StagesActions({
  run,
  overlay,
  onOpen,
  onClose,
}: {
  run: RunView;
  overlay: Overlay;
  onOpen: (overlay: Overlay) => void;
  onClose: () => void;
}) {
  const { data } = useRun(run.run_id);
  if (!data) return null;
  return (
    <>
      {isGoingOn(run) ? <Button onClick={() => onOpen("cancel")}>Cancel</Button> : null}
      {canGoOn(data) ? <Button onClick={() => onOpen("resume")}>Resume</Button> : null}
      {overlay === "cancel" ? <CancelRun run={data} onClose={onClose} /> : null}
      {overlay === "resume" ? <ResumeRun run={data} onClose={onClose} /> : null}
    </>
  );
}

/** A button with the number of notes. */
function NotesButton({ run, onOpen }: { run: RunView; onOpen: () => void }) {
  const shownToasts = useNotes(run.run_id).data?.length ?? 0;
  return (
    <Button
      title={shownToasts > 0 ? count(shownToasts, "note or score", "notes and scores") : "No notes yet"}
      onClick={onOpen}
    >
      Notes
      {shownToasts > 0 ? (
        <>
          {" "}
          <span className="run-notes-count">{shownToasts}</span>
        </>
      ) : null}
    </Button>
  );
}

/** Returns why a running run cannot be archived or deleted. */
function whyNotYet({ has_stages: hasStages }: RunView): string {
  const way = hasStages ? "Wait until it ends, or cancel it" : "Wait until it ends, or press “Mark as ended…”";
  return `The run has not ended. ${way}.`;
}

/** Returns why a run cannot be deleted; null where it can. */
function removalObstacle(run: RunView): string | null {
  if (isGoingOn(run)) return whyNotYet(run);
  return run.is_pinned ? "The run is pinned. Unpin it first." : null;
}

function isGoingOn(run: RunView): boolean {
  return run.status === "running" || run.status === "pending";
}

function useArchiving(run: RunView) {
  const path = { run: run.run_id };
  return useChange(
    async (isArchived: boolean) => {
      if (isArchived) await api.POST("/api/v1/runs/{run}/archive", { params: { path } });
      else await api.POST("/api/v1/runs/{run}/restore", { params: { path } });
    },
    (_, isArchived) => (isArchived ? "Archived. Press Archived to restore the run." : "Restored."),
    () => refetchRun(run),
  );
}

function refetchRun(run: RunView): void {
  void queries.invalidateQueries({ queryKey: recordingKey(run.run_id) });
  refetchRegistry();
}

const LISTS = ["registry", "intercepts", "agents"]; // deletions send no event

function useRemoval(run: RunView) {
  const navigate = useNavigate();
  return useChange(
    async () => {
      await api.DELETE("/api/v1/runs/{run}", { params: { path: { run: run.run_id } } });
    },
    `${run.name ?? run.run_id} is deleted.`,
    () => {
      for (const name of LISTS) void queries.invalidateQueries({ queryKey: [name] });
      navigate("/runs");
      queries.removeQueries({ queryKey: recordingKey(run.run_id) });
      refetchRegistry();
    },
  );
}

const FORMATS: readonly (readonly [format: ExportFormat, about: string])[] = [
  ["jsonl", "JSONL: a line each for the run, its actions and notes; can be imported"],
  ["json", "JSON: one document"],
  ["csv", "CSV: a row for each action"],
];

/** Downloads of a run with its actions and notes. */
function ExportMenu({ run }: { run: RunView }) {
  const [isOpen, setOpen] = useState(false);
  useEscape(() => setOpen(false), isOpen);
  return (
    <div className="run-menu">
      <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        Export
      </Button>
      {isOpen ? (
        <ul className="run-menu-list card">
          {FORMATS.map(([format, about]) => (
            <li key={format}>
              <a
                className="run-menu-item"
                href={exportPath(run.run_id, format)}
                download
                onClick={() => setOpen(false)}
              >
                {about}
              </a>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function exportPath(run: string, format: ExportFormat): string {
  const query = new URLSearchParams({ format, run_id: run });
  return ofProject(`/api/v1/runs/export?${query}`);
}
