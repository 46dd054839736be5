"""What the store of jobs knows of attempts, of the files they left and of the workers that hold them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from titan.model.attempts import Attempt
from titan.model.files import AttemptFile, LeftFile
from titan.model.workers import Worker


class AttemptReader(Protocol):
    """Questions about attempts, their files and workers; unknown ids give None or nothing."""

    def attempt(self, lease_id: str) -> Attempt | None: ...

    def attempts_of_job(self, job_id: str) -> list[Attempt]:
        """Return a job's attempts in the order they were leased."""

    def live_attempt_of_job(self, job_id: str) -> Attempt | None: ...

    def live_attempt_by_token(self, token: str) -> Attempt | None: ...

    def live_attempts_of_worker(self, worker_id: str) -> list[Attempt]:
        """Return the attempts this worker holds, oldest first."""

    def busy_slots(self, worker_id: str) -> dict[str, int]:
        """Return label → live leases of this worker; labels without one are left out."""

    def expired_attempts(self, now: datetime) -> list[Attempt]:
        """Return the live attempts whose lease ran out at or before `now`."""

    def files_of_job(self, job_id: str, *, attempt: int | None = None, limit: int) -> list[LeftFile]:
        """Return up to `limit` files that the job's attempts (or the one of this number) left, by path.

        Here and in the next two, a path that several attempts left comes once for each node, with the attempt that was
        noted last; one of an unpacked archive, or an artifact, once for each job.
        """

    def files_of_dag(self, dag_id: str, *, limit: int) -> list[LeftFile]:
        """Return up to `limit` files that a DAG's jobs left, by path."""

    def files_of_run(self, project_id: str, run_id: str, *, limit: int) -> list[LeftFile]:
        """Return up to `limit` files that the jobs of all stages of a run left, by path."""

    def worker(self, worker_id: str) -> Worker | None: ...

    def workers(self) -> list[Worker]:
        """Return all workers, connected ones first, then by name."""

    def connected_workers(self) -> list[str]:
        """Return the ids of the connected workers."""


class AttemptTransaction(Protocol):
    """Changes of attempts, their files and workers."""

    def add_attempt(self, attempt: Attempt) -> None:
        """Store a live attempt. The schema refuses a second live one of the same job."""

    def save_attempt(self, attempt: Attempt) -> None: ...

    def forget_attempt(self, lease_id: str) -> None:
        """Delete a live attempt whose start nobody reported, with the files that are known of it."""

    def note_files(self, attempt: Attempt, files: Iterable[AttemptFile]) -> None:
        """Add to the files an attempt left; what was known of the same path and place is replaced."""

    def renew_leases(self, worker_id: str, lease_ids: Sequence[str], *, expires_at: datetime) -> set[str]:
        """Move the expiry of this worker's live leases; return those that were live."""

    def renew_all_leases(self, *, expires_at: datetime) -> None:
        """Give every live lease until `expires_at`, longer ones too: a clock that was ahead made those."""

    def save_worker(self, worker: Worker) -> None:
        """Insert or overwrite a worker."""
