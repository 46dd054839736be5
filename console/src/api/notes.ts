/** What people say of runs, taken back. */
import { useChange } from "./changes";
import { api } from "./client";
import { queries } from "./query";
import { actionKey, type NoteView, notesKey } from "./recordedRun";
import { rereadRegistry } from "./registry";

/** Returns the change that deletes a note on a run; one that took attention from the run gives it back. */
export function useTakeBack(run: string, note: NoteView, done: string) {
  return useChange(
    async () => {
      await api.DELETE("/api/v1/runs/{run}/notes/{note}", { params: { path: { run, note: note.id } } });
    },
    done,
    () => {
      if (note.acknowledges || note.mutes) rereadRegistry();
      void queries.invalidateQueries({ queryKey: notesKey(run) });
      if (note.action_id) void queries.invalidateQueries({ queryKey: actionKey(run, note.action_id) });
    },
  );
}
