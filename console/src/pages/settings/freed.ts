/** What maintenance deleted, in words. */
import type { Freed } from "../../api/house";
import { bytes } from "../../parts/format";

/** Returns a line for each kind of thing that goes; none when nothing does. */
export function goneLines(freed: Freed): string[] {
  const kinds: [number, string, string, number?][] = [
    [freed.runs, "agent run", "agent runs"],
    [freed.dags, "DAG", "DAGs"],
    [freed.jobs, "job", "jobs"],
    [freed.logs, "log", "logs", freed.log_bytes],
    [freed.journal_entries, "journal entry", "journal entries"],
    [freed.recorded, "recorded run", "recorded runs"],
    [freed.archived, "recorded run archived", "recorded runs archived"],
    [freed.workers, "worker that is gone", "workers that are gone"],
    [freed.files, "uploaded file", "uploaded files"],
    [freed.keys, "published key", "published keys"],
    [freed.blobs, "content nobody names", "contents nobody names", freed.blob_bytes],
  ];
  return kinds
    .filter(([amount]) => amount > 0)
    .map(([amount, one, many, size]) => {
      const text = `${amount.toLocaleString("en-US")} ${amount === 1 ? one : many}`;
      return size === undefined ? text : `${text}, ${bytes(size)}`;
    });
}
