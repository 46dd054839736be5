import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { useChange } from "../../../api/changes";
import { api } from "../../../api/client";
import { queries } from "../../../api/query";
import { actionKey, type NewNoteBody, type NoteView, notesKey, useDeleteNote } from "../../../api/run";
import { useCanChange } from "../../../api/session";
import { Button } from "../../../components/Button";
import { ConfirmDialog } from "../../../components/Dialog";
import { Time } from "../../../components/Time";
import { runPath } from "../../../components/url";

interface Props {
  run: string;
  /** Null for notes on the run. */
  action: string | null;
  notes: readonly NoteView[];
  /** Called when the user follows a link to an action. */
  onGo?: () => void;
}

/** Notes and scores, and a form to add one. */
export function Notes({ run, action, notes, onGo }: Props) {
  const canChange = useCanChange();
  return (
    <div className="run-notes">
      <ul>
        {notes.map((note) => (
          <li key={note.id}>
            <div className="faint">
              <bdi>{note.author}</bdi> · <Time at={note.at} />
              {note.action_id && action === null ? (
                <>
                  {" · "}
                  <Link to={runPath(run, note.action_id)} onClick={onGo}>
                    on an action
                  </Link>
                </>
              ) : null}
            </div>
            {note.score === null ? null : (
              <span className="run-score">
                <bdi>{note.name ?? "score"}</bdi> {note.score}
              </span>
            )}
            {note.mutes ? (
              <span className="run-score">muted</span>
            ) : note.acknowledges ? (
              <span className="run-score">acknowledged</span>
            ) : null}
            {note.text ? <p dir="auto">{note.text}</p> : null}
            {canChange ? <DeleteNote run={run} note={note} /> : null}
          </li>
        ))}
      </ul>
      {canChange ? <NoteForm run={run} action={action} /> : null}
    </div>
  );
}

function DeleteNote({ run, note }: { run: string; note: NoteView }) {
  const [isAsked, setAsked] = useState(false);
  const remove = useDeleteNote(run, note, "Note deleted.");
  return (
    <>
      <Button kind="quiet" busy={remove.isPending} onClick={() => setAsked(true)}>
        Delete
      </Button>
      {isAsked ? (
        <ConfirmDialog
          title={`Delete the note of ${note.author}?`}
          yes="Delete permanently"
          onYes={() => remove.run(null)}
          onClose={() => setAsked(false)}
        >
          Titan deletes the note permanently.
        </ConfirmDialog>
      ) : null}
    </>
  );
}

const EMPTY = { text: "", name: "", score: "" };

function NoteForm({ run, action }: Pick<Props, "run" | "action">) {
  const [typed, setTyped] = useState(EMPTY);
  const score = typed.score.trim() === "" ? null : Number(typed.score);
  const add = useChange(
    async (body: NewNoteBody) => {
      await api.POST("/api/v1/runs/{run}/notes", { params: { path: { run } }, body });
    },
    "Note added.",
    () => {
      setTyped(EMPTY);
      void queries.invalidateQueries({ queryKey: notesKey(run) });
      if (action) void queries.invalidateQueries({ queryKey: actionKey(run, action) });
    },
  );
  const isSaid = typed.text.trim() !== "" || score !== null;
  function send(event: FormEvent): void {
    event.preventDefault();
    if (isSaid)
      add.run({
        text: typed.text.trim(),
        action_id: action,
        name: typed.name.trim() || null,
        score,
        author: null,
        acknowledges: false,
        mutes: false,
        troubles: null,
      });
  }
  return (
    <form onSubmit={send}>
      <textarea
        className="field"
        aria-label="Note"
        placeholder="Add a note"
        maxLength={10_000}
        data-first="" // existing notes before it have buttons
        value={typed.text}
        onChange={(event) => setTyped({ ...typed, text: event.target.value })}
      />
      <div className="row">
        <input
          className="field run-score-name"
          aria-label="Score name"
          placeholder="Score name, such as quality"
          maxLength={100}
          value={typed.name}
          onChange={(event) => setTyped({ ...typed, name: event.target.value })}
        />
        <input
          className="field run-score-field"
          aria-label="Score"
          placeholder="Score"
          type="number"
          step="any"
          value={typed.score}
          onChange={(event) => setTyped({ ...typed, score: event.target.value })}
        />
        <Button type="submit" busy={add.isPending} disabled={!isSaid}>
          Add
        </Button>
      </div>
    </form>
  );
}
