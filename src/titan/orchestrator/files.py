"""Files that attempts left are noted here, when their lease still counts, and those they upload."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.errors import StaleLease
from titan.model.events import FilesNoted
from titan.model.files import AttemptFile, FilePlace, StoredFile
from titan.orchestrator.transitions import subject_of
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.names import shown
from titan.wire.protocol import FILES_ACCEPTED_SECONDS

ACCEPTED: Final = timedelta(seconds=FILES_ACCEPTED_SECONDS)
_OVER: Final = (AttemptOutcome.LOST, AttemptOutcome.RETURNED)  # nobody waits for anything of these


def attempt_that_leaves(reader: Reader, worker_id: str, lease_id: str, *, now: datetime) -> Attempt:
    """Return the attempt, when its worker may say what it left: while it is live, and for 10 minutes after its end.

    Raises:
        StaleLease: it is another's, was lost or given back, or ended longer ago.
    """
    attempt = reader.attempt(lease_id)
    if attempt is not None and attempt.worker_id == worker_id and _counts(attempt, now):
        return attempt
    raise StaleLease(
        f"files of lease {shown(lease_id)}",
        expected="a lease of this worker that is live, or ended by its report less than 10 minutes ago",
        found="one that is over, or another's" if attempt else "none such",
        next_step="Forget these files.",
    )


def note_files(tx: Transaction, worker_id: str, lease_id: str, files: Sequence[AttemptFile]) -> None:
    """Note what an attempt left. Raises StaleLease as `attempt_that_leaves`; then nothing was changed."""
    _note(tx, attempt_that_leaves(tx, worker_id, lease_id, now=tx.now), files)


def note_artifact(tx: Transaction, attempt: Attempt, file: StoredFile) -> None:
    """Note what a running attempt uploaded: it stays its file when a later upload takes the name."""
    left = AttemptFile(
        path=file.name,
        size_bytes=file.size_bytes,
        modified_at=tx.now,
        digest=file.digest,
        place=FilePlace.ARTIFACT,
        node=attempt.worker_id,
    )
    _note(tx, attempt, [left])


def _note(tx: Transaction, attempt: Attempt, files: Sequence[AttemptFile]) -> None:
    """Note files, and tell it once for all of them: who shows the job's files then reads them anew."""
    tx.note_files(attempt, files)
    job = tx.job(attempt.job_id)
    if files and job is not None:
        event = FilesNoted(cause=f"worker {attempt.worker_id}", lease_id=attempt.lease_id, count=len(files))
        tx.record(subject_of(job), event)


def _counts(attempt: Attempt, now: datetime) -> bool:
    if attempt.outcome is None:
        return True
    return attempt.outcome not in _OVER and attempt.ended_at is not None and now - attempt.ended_at <= ACCEPTED
