/** Keeping a run, however old it gets: the same for every page that shows one. */
import { useChange } from "./changes";
import { api } from "./client";
import { queries } from "./query";
import type { RunView } from "./recorded";
import { recordingKey, runKey } from "./recordedRun";
import { rereadRegistry } from "./registry";

/** Returns how to pin a run, or to unpin one that is pinned, and whether that is under way. */
export function usePin() {
  return useChange(
    async ({ run_id, is_pinned }: RunView) => {
      const path = is_pinned ? ("/api/v1/runs/{run}/unpin" as const) : ("/api/v1/runs/{run}/pin" as const);
      await api.POST(path, { params: { path: { run: run_id } } });
    },
    (_, { run_id, is_pinned }) =>
      is_pinned ? `${run_id} is deleted when it is old.` : `${run_id} is kept until it is unpinned.`,
    (_, { run_id }) => {
      void queries.invalidateQueries({ queryKey: recordingKey(run_id) });
      void queries.invalidateQueries({ queryKey: runKey(run_id) });
      rereadRegistry();
    },
  );
}
