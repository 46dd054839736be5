"""Performs what is due: ends delays and gates, writes off expired leases, deletes old receipts."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from titan.model.events import JobDelayed
from titan.model.jobs import JobStatus
from titan.orchestrator.attempts import LEASE, reap
from titan.orchestrator.gates import expire
from titan.orchestrator.transitions import Moves, release_after_delay
from titan.ports.jobs_store import Transaction
from titan.rules.jobs.lifecycle import longest_wait

RECEIPT_LIFE: Final = timedelta(days=1)  # architecture, part 4
FORGET_BATCH: Final = 1000  # bounds one transaction to some milliseconds
DUE_BATCH: Final = 1000  # bounds one transaction; the rest follows in the next


def promote_due(tx: Transaction) -> int:
    """Release the jobs whose delay or pause is over, and expire the gates that nobody decided; return how many."""
    due = tx.due_jobs(tx.now, limit=DUE_BATCH)
    with Moves(tx) as moves:
        for job in due:
            if tx.job(job.id) != job:
                continue  # what an earlier one brought about has reached it
            if job.status is JobStatus.WAITING_APPROVAL:
                expire(moves, job)
            else:
                release_after_delay(moves, job, cause="its time has come")
    return len(due)


def keep_time(tx: Transaction, *, now: datetime, is_late: bool) -> list[str]:
    """Perform all that is due at `now`, when the server looked; return the workers that are lost.

    With `is_late`, leases expired through no fault of the workers (see `Orchestrator`): every lease is renewed instead
    of written off.
    """
    promote_due(tx)
    if not is_late:
        return reap(tx, now=now)  # not by the transaction's time: the machine may have slept in between
    renew_all(tx)
    return []


def renew_all(tx: Transaction) -> None:
    """Renew every lease, and count every worker as seen now: no worker has reported to a starting server yet."""
    tx.renew_all_leases(expires_at=tx.now + LEASE)
    for worker_id in tx.connected_workers():
        worker = tx.worker(worker_id)
        assert worker is not None, f"connected worker {worker_id} is unknown"
        tx.save_worker(replace(worker, seen_at=tx.now))


def shorten_waits(tx: Transaction, after: tuple[datetime, str] | None = None) -> tuple[datetime, str] | None:
    """Limit every wait from now on to its original length: a due time may be by a clock that was ahead.

    Reads DUE_BATCH jobs; returns the `after` of the next call, None at the end.
    """
    waiting = tx.jobs_due_after(*(after or (tx.now, "")), limit=DUE_BATCH)
    last = None
    with Moves(tx) as moves:
        for job in waiting:
            assert job.due_at is not None, f"job {job.id} waits for no time"
            last = (job.due_at, job.id)
            latest = tx.now + longest_wait(job)
            if job.due_at > latest:
                moves.move(job, JobDelayed(cause="the clock was set back", due_at=latest))
    return last if len(waiting) == DUE_BATCH else None


def forget_old(tx: Transaction) -> int:
    """Delete up to FORGET_BATCH receipts older than a day, and as many expired values.

    Return the larger of the two numbers: when it is FORGET_BATCH, there may be more.
    """
    receipts = tx.forget_receipts(before=tx.now - RECEIPT_LIFE, limit=FORGET_BATCH)
    return max(receipts, tx.forget_expired_values(limit=FORGET_BATCH))
