"""What time alone brings about: delays end, leases run out, old receipts are forgotten."""

from datetime import timedelta
from typing import Final

from titan.engine.attempts import LEASE, reap
from titan.engine.gates import expire
from titan.engine.moves import Moves
from titan.engine.release import release_after_delay
from titan.model.jobs import JobStatus
from titan.ports import Transaction

RECEIPT_LIFE: Final = timedelta(days=1)  # architecture, part 4
FORGET_BATCH: Final = 1000  # bounds one transaction to some milliseconds
DUE_BATCH: Final = 1000  # bounds one transaction; the rest follows in the next


def promote_due(tx: Transaction) -> int:
    """Release the jobs whose delay or pause is over, and end the gates that nobody decided; return how many."""
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


def keep_time(tx: Transaction, *, is_late: bool) -> list[str]:
    """Do all that is due now; return the workers that turned out to be gone.

    `is_late` says that the server itself stood still (a suspended machine, a stopped process):
    then no worker could renew, so every lease is renewed once instead of written off.
    """
    promote_due(tx)
    if not is_late:
        return reap(tx, now=tx.now)
    renew_all(tx)
    return []


def renew_all(tx: Transaction) -> None:
    """Give every live lease its full time again: a starting server has heard of nobody yet."""
    tx.renew_all_leases(expires_at=tx.now + LEASE)


def forget_old(tx: Transaction) -> int:
    """Delete up to FORGET_BATCH receipts older than a day, and as many expired values.

    Return the larger of the two numbers: when it is FORGET_BATCH, there may be more.
    """
    receipts = tx.forget_receipts(before=tx.now - RECEIPT_LIFE, limit=FORGET_BATCH)
    return max(receipts, tx.forget_expired_values(limit=FORGET_BATCH))
