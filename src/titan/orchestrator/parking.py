"""Parks attempts whose programs wait: their slots are free for other jobs until what they wait for is there.

A woken attempt counts as running at once, so no READY job is given the slot that it waits for. While its job is
parked all else stays as it is: the job is RUNNING, and its lease, concurrency key and workspace stay held.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from titan.model.attempts import Attempt, Wait
from titan.model.errors import Deadlock
from titan.model.events import AttemptParked, AttemptResumed, Event
from titan.model.jobs import Job
from titan.model.workers import WorkerState
from titan.orchestrator.attempts import begin
from titan.orchestrator.transitions import Moves, subject_of
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.jobs.parking import Waiter, has_turn, needs_held, why_kept

OVER_SECONDS: Final = 0.05  # how long a woken attempt waits for a slot before it runs over
MOST_CHECKED: Final = 200  # jobs that a wait is compared with, in the writer's time
OVER_AFTER: Final = timedelta(seconds=OVER_SECONDS)


def park(tx: Transaction, lease_id: str, wait: Wait, *, waits: str) -> str | None:
    """Note that the program of a live attempt waits, and park it where it may be.

    Returns the worker whose slot became free; None when none did.

    Raises:
        Deadlock: what it waits for needs what the job itself holds.
    """
    attempt = tx.attempt(lease_id)
    if attempt is None or attempt.outcome is not None or attempt.is_stop_requested:
        return None
    worker, job = tx.worker(attempt.worker_id), tx.job(attempt.job_id)
    assert worker is not None, f"attempt {lease_id} of unknown worker {attempt.worker_id}"
    assert job is not None, f"attempt {lease_id} of unknown job {attempt.job_id}"
    with Moves(tx) as moves:
        attempt = begin(moves, attempt, tx.now, cause=f"worker {worker.id}")  # of a prefetched one that asks already
    others = [each for each in waiters(tx) if each[1].lease_id != lease_id]
    parked_count = sum(each.worker_id == worker.id and each.parked_at is not None for _, each in others)
    is_parked = attempt.parked_at is not None  # and stays so: this is another poll, or its next wait
    kept = None if is_parked else why_kept(waits, attempt.label, worker, parked_count=parked_count)
    parked_at = None if kept is not None else attempt.parked_at or tx.now
    waiting = replace(attempt, wait=replace(wait, kept=kept), parked_at=parked_at, woken_at=None)
    known = tx.workers() if parked_at is None else []  # what a parked one waits for cannot need its slot
    there = [each for each in known if each.state is not WorkerState.LEFT]
    slots = sum(each.offers.get(attempt.label, 0) for each in there if each.organisation_id == worker.organisation_id)
    _check(tx, job, waiting, wait, others, None if parked_count >= worker.max_parked else slots)
    tx.save_attempt(waiting)
    if parked_at is None or is_parked:
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


def waiters(reader: Reader) -> list[Waiter]:
    """Return the jobs whose programs are known to wait, with their attempts."""
    waiting = reader.waiting_attempts()
    return [(job, attempt) for attempt in waiting if (job := reader.job(attempt.job_id)) is not None]


def _check(
    tx: Transaction, job: Job, attempt: Attempt, wait: Wait, others: Sequence[Waiter], slots: int | None
) -> None:
    """Check that a wait can end before its own job does, as far as other waits are known."""
    for target in _targets(tx, wait) if job.spec.concurrency_key or attempt.parked_at is None else ():
        held = needs_held(target, job, attempt, slots=slots)
        if held is not None:
            raise _deadlock(job, wait, f"job '{target.name}', which needs {held}, which '{job.name}' holds")
    chain, seen = [(wait, f"'{job.name}'")], {attempt.lease_id}
    for waited, names in chain:  # grows
        if _ends_after(tx, waited, job):
            raise _deadlock(job, wait, f"a cycle: {names} waits for {waited.what}, which ends after '{job.name}'")
        for other, waiting in others:
            if waiting.lease_id not in seen and waiting.wait is not None and _ends_after(tx, waited, other):
                seen.add(waiting.lease_id)
                chain.append((waiting.wait, f"{names} waits for {waited.what}, which ends after '{other.name}'; that"))


def _targets(tx: Transaction, wait: Wait) -> list[Job]:
    """Return the unfinished jobs that a wait is for; none of a large DAG."""
    dag = None if wait.dag_id is None else tx.dag(wait.dag_id)
    if dag is not None:
        jobs = tx.jobs_of_dag(dag.id) if dag.counts.total <= MOST_CHECKED else []
    else:
        jobs = [job for job in [tx.job(wait.job_id)] if job is not None] if wait.job_id is not None else []
    return [job for job in jobs if not job.status.is_final]


def _ends_after(tx: Transaction, wait: Wait, job: Job) -> bool:
    """Return whether a wait can end only after a job: it is for the job, for its DAG, or for what comes behind it."""
    found = {job.id: job}
    todo = [job] if wait.job_id is not None or wait.dag_id is not None else []
    for each in todo:  # grows
        if each.id == wait.job_id or each.dag_id == wait.dag_id:
            return True
        behind = [child for child in tx.children(each.id) if child.id not in found] if len(found) < MOST_CHECKED else []
        found |= {child.id: child for child in behind}
        todo += behind
    return False


def _deadlock(job: Job, wait: Wait, found: str) -> Deadlock:
    return Deadlock(
        f"job '{job.name}'",
        expected=f"a wait for {wait.what} that can end while the job runs",
        found=found,
        next_step="Do not wait for it inside this job: let the job end, or have what it waits for need something else.",
    )


def _record(tx: Transaction, attempt: Attempt, event: Event) -> None:
    job = tx.job(attempt.job_id)
    assert job is not None, f"attempt {attempt.lease_id} of unknown job {attempt.job_id}"
    tx.record(subject_of(job), event)
