"""What deleting what is old asks of both stores."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from titan.model.dags import Dag
from titan.model.retention import ArtifactKey, FileName, LogOwner, OldEntry, RunKey
from titan.model.run_control import RunControl
from titan.model.runs import Run
from titan.model.workers import Worker


class RetentionReader(Protocol):
    """Questions about what is old, and about what nobody reports."""

    def journal_cut(self) -> int:
        """Return the highest number of a deleted entry, or 0: who has read less far may have missed something."""

    def oldest_entries(self, *, after_seq: int, limit: int) -> list[OldEntry]:
        """Return entries after `after_seq`, ascending, without the newest of all, which always stays."""

    def quiet_runs(self, *, since: datetime, before: datetime, limit: int) -> list[RunControl]:
        """Return runs without a live job whose last activity lies in [since, before), that one first."""

    def forgettable_runs(self, *, before: datetime, after: RunControl | None, limit: int) -> list[RunControl]:
        """Return runs without a live job whose last activity was before, the oldest first: those behind `after`."""

    def forgettable_dags(self, *, before: datetime, limit: int) -> list[Dag]:
        """Return DAGs without a run that ended before; the oldest first."""

    def forgettable_workers(self, *, before: datetime, after_id: str, limit: int) -> list[Worker]:
        """Return workers that are gone, were seen last before and that no attempt names; after `after_id`, by id."""

    def old_files(self, *, before: datetime, after: FileName, limit: int) -> list[FileName]:
        """Return names after `after` that were uploaded last before; in order."""

    def old_artifact_keys(self, *, before: datetime, after: ArtifactKey, limit: int) -> list[ArtifactKey]:
        """Return keys with artifacts after `after`, set last before; by artifact."""

    def is_blob_named(self, digest: str) -> bool:
        """Tell whether anything but a job names this blob; a new table that names blobs is added here."""

    def blobs_of_jobs(self, *, after_id: str, limit: int) -> tuple[str | None, set[str]]:
        """Return the last id of the next `limit` jobs by id (None at the end), and the blobs that they name."""

    def log_owner(self, lease_id: str) -> LogOwner | None: ...

    def labels_waited_for(self) -> list[str]:
        """Return the labels that READY jobs of all projects require, in order; each costs one look at an index."""

    def count_unfinished_jobs(self) -> dict[str, int]:
        """Return status → number of jobs that are not final; statuses without one are left out."""

    def unused_bytes(self) -> int:
        """Return how much the database could grow before its file does."""

    def note(self, name: str) -> str | None:
        """Return what the server itself noted under `name`."""


class RetentionTransaction(Protocol):
    """Deleting what is old, and the server's notes to itself."""

    def put_note(self, name: str, value: str) -> None:
        """Note something for the server itself, replacing what stood there."""

    def forget_entries(
        self, project_id: str, *, run_id: str | None = None, dag_id: str | None = None, limit: int
    ) -> int:
        """Delete up to `limit` journal entries of a run, or of a DAG; return how many. The journal's newest stays."""

    def cut_journal(self, seqs: Sequence[int]) -> None:
        """Delete these entries, which `oldest_entries` has named."""

    def forget_jobs(self, dag_id: str, *, limit: int) -> int:
        """Delete up to `limit` jobs of a DAG with all that hangs on them, and return how many.

        A DAG that one of them submitted stays without a maker.
        """

    def forget_dag(self, dag_id: str) -> None:
        """Delete a DAG that has no jobs left."""

    def forget_run(self, project_id: str, run_id: str) -> None:
        """Delete a run that has no DAGs left."""

    def forget_workers(self, worker_ids: Sequence[str], *, before: datetime) -> int:
        """Delete these workers, but those that came back or were seen since `before`; return how many."""

    def forget_files(self, names: Sequence[FileName], *, before: datetime) -> int:
        """Delete these names, but those uploaded again since `before`; return how many."""

    def forget_artifact_keys(self, keys: Sequence[ArtifactKey], *, before: datetime) -> int:
        """Delete these keys, but those set again since `before`; return how many."""


class RunRetentionReader(Protocol):
    """Questions about recorded runs that are old, and about what must stay."""

    def old_runs(self, *, before: datetime, has_archived: bool, limit: int) -> list[Run]:
        """Return runs of all projects that ended, are not pinned and told of nothing since `before`; oldest first.

        With `has_archived` without those that have stages and hold no recording: they are kept as long as their stages.
        """

    def pinned_runs(self) -> frozenset[RunKey]:
        """Return the runs of all projects that are pinned."""

    def named_blobs(self, digests: Sequence[str]) -> set[str]:
        """Return those of these digests that payloads are in."""


class RunRetentionTransaction(Protocol):
    """Archiving and deleting recorded runs."""

    def blobs_of_run(self, project_id: str, run_id: str) -> set[str]:
        """Return the digests of the blobs that the run's payloads are in."""

    def archive_run(self, run: Run) -> None:
        """Have a run found no more by its words, nor in lists that do not ask for archived ones."""

    def restore_run(self, run: Run) -> None:
        """Have an archived run found as before."""

    def forget_run(self, project_id: str, run_id: str) -> bool:
        """Delete a run with every byte of what was recorded of it; return whether there was one."""
