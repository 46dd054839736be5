/** Which of a run's scores stand in its header. */
import type { NoteView } from "../../../api/recordedRun";

/** Returns the scores of the run itself, the newest first: of each name the last that each person gave. */
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
