import { useChange } from "../../api/changes";
import { api } from "../../api/client";
import type { Run } from "../../api/facts";
import { rereadRun } from "../../api/runs";
import { complain } from "../../parts/Toasts";

/** Returns how to pin a run, or to unpin one that is. */
export function usePin(): (run: Run) => void {
  const { run } = useChange(
    async ({ agent_run_id, pinned }: Run, headers) => {
      const path = pinned ? ("/api/runs/{run}/unpin" as const) : ("/api/runs/{run}/pin" as const);
      await api.POST(path, { params: { path: { run: agent_run_id } }, headers });
    },
    (_, { agent_run_id, pinned }) =>
      pinned ? `${agent_run_id} goes when it is old.` : `${agent_run_id} is kept until it is unpinned.`,
    (_, { agent_run_id }) => void rereadRun(agent_run_id).catch(complain),
  );
  return run;
}
