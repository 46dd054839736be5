/** What people say of runs, taken back: one note, or all that mute a run. */
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

/** Returns the change that deletes all notes that mute a run; what was said of it otherwise stays. */
export function useUnmute(run: string) {
  return useChange(
    async () => (await api.POST("/api/v1/runs/{run}/unmute", { params: { path: { run } } })).data,
    (answer) =>
      `${answer?.deleted.length ? "It is not muted any more." : "It was not muted."}${
        answer?.acknowledged ? " It is still acknowledged." : ""
      }`,
    () => {
      rereadRegistry();
      void queries.invalidateQueries({ queryKey: notesKey(run) });
    },
  );
}
