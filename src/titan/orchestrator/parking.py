"""Parks attempts whose programs wait: their slots are free for other jobs until what they wait for is there.

A woken attempt counts as running at once, so no READY job is given the slot that it waits for. While its job is
parked all else stays as it is: the job is RUNNING, and its lease, concurrency key and workspace stay held.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from titan.model.attempts import Attempt, Wait
from titan.model.events import AttemptParked, AttemptResumed, Event
from titan.orchestrator.attempts import begin
from titan.orchestrator.transitions import Moves, subject_of
from titan.ports.jobs_store import Transaction
from titan.rules.jobs.parking import has_turn, why_kept

OVER_SECONDS: Final = 0.05  # how long a woken attempt waits for a slot before it runs over
OVER_AFTER: Final = timedelta(seconds=OVER_SECONDS)


def park(tx: Transaction, lease_id: str, wait: Wait, *, waits: str) -> str | None:
    """Note that the program of a live attempt waits, and park it where it may be.

    Returns the worker whose slot became free; None when none did.
    """
    attempt = tx.attempt(lease_id)
    if attempt is None or attempt.outcome is not None or attempt.is_stop_requested:
        return None
    worker = tx.worker(attempt.worker_id)
    assert worker is not None, f"attempt {lease_id} of unknown worker {attempt.worker_id}"
    with Moves(tx) as moves:
        attempt = begin(moves, attempt, tx.now, cause=f"worker {worker.id}")  # of a prefetched one that asks already
    others = [each for each in tx.waiting_attempts() if each.lease_id != lease_id]
    parked_count = sum(each.worker_id == worker.id and each.parked_at is not None for each in others)
    kept = why_kept(waits, attempt.label, worker, parked_count=parked_count)
    parked_at = None if kept is not None else attempt.parked_at or tx.now
    tx.save_attempt(replace(attempt, wait=replace(wait, kept=kept), parked_at=parked_at, woken_at=None))
    if parked_at is None or attempt.parked_at is not None:
        return None
    _record(tx, attempt, AttemptParked(cause="its program waits", lease_id=lease_id, what=wait.what))
    return worker.id


def wake(tx: Transaction, lease_id: str) -> tuple[bool, str | None]:
    """End the wait of an attempt; return whether its program may go on, and the worker of one that was parked.

    It may not while other attempts have all slots; 50 ms after it was woken there may be one more for each slot.
    """
    attempt = tx.attempt(lease_id)
    if attempt is None or attempt.outcome is not None or attempt.wait is None:
        return True, None
    if attempt.parked_at is None and attempt.woken_at is None:
        tx.save_attempt(replace(attempt, wait=None))
        return True, None
    if attempt.parked_at is not None:
        attempt = replace(attempt, parked_at=None, parked_ns=attempt.parked_ns_by(tx.now), woken_at=tx.now)
        tx.save_attempt(attempt)  # from now on it counts as running
    worker, running = tx.worker(attempt.worker_id), tx.running_on(attempt.worker_id, attempt.label)
    slots = 0 if worker is None else worker.offers.get(attempt.label, 0)
    may_run_over = attempt.woken_at is not None and tx.now - attempt.woken_at >= OVER_AFTER
    if not (attempt.is_stop_requested or has_turn(lease_id, running, slots=slots, may_run_over=may_run_over)):
        return False, attempt.worker_id
    tx.save_attempt(replace(attempt, wait=None, woken_at=None))
    _record(tx, attempt, AttemptResumed(cause="its wait is over", lease_id=lease_id, parked_ns=attempt.parked_ns))
    return True, attempt.worker_id


def _record(tx: Transaction, attempt: Attempt, event: Event) -> None:
    job = tx.job(attempt.job_id)
    assert job is not None, f"attempt {attempt.lease_id} of unknown job {attempt.job_id}"
    tx.record(subject_of(job), event)
