import { useState } from "react";
import type { RunView } from "../../../api/recorded";
import { type NoteView, useNotes } from "../../../api/recordedRun";
import { Fact } from "./Fact";
import { RunNotes } from "./RunNotes";
import { scoresOf } from "./scores";

const MOST = 6;

/** The latest scores of the run, each with who gave it; they open the notes. Nothing where nobody scored it. */
export function ScoresFact({ run }: { run: RunView }) {
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
  const said = `${name ?? "score"} ${score}, by ${author}`;
  return (
    <button
      type="button"
      className="run-tag run-score-chip"
      aria-label={`${said}: show the notes`}
      title={[`${said}, ${new Date(at).toLocaleString()}`, text].filter(Boolean).join("\n")}
      onClick={onOpen}
    >
      <bdi>{name ?? "score"}</bdi> <b>{score}</b>
    </button>
  );
}
