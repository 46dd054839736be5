import type { RunView } from "../../../api/recorded";
import { useNotes } from "../../../api/recordedRun";
import { Dialog } from "../../../parts/Dialog";
import { Failure } from "../../../parts/Failure";
import { Notes } from "../inspector/Notes";

/** What people said of the run and of its actions. */
export function RunNotes({ run, onClose }: { run: RunView; onClose: () => void }) {
  const { data, error, refetch } = useNotes(run.run_id);
  return (
    <Dialog title="Notes on this run and its actions" onClose={onClose} wide>
      {error ? (
        <Failure of={error} again={refetch} />
      ) : (
        <Notes run={run.run_id} action={null} notes={data ?? []} onGo={onClose} />
      )}
    </Dialog>
  );
}
