"""Attempts begin and end here: leases are granted, reports accepted, vanished ones written off."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from titan.engine.consequences import follow
from titan.engine.moves import Moves
from titan.engine.protocol import LEASE_SECONDS
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.events import JobLeased, Subject, WorkerLost
from titan.model.jobs import ReadyJob, queue_label
from titan.model.workers import FreeWorker, Placement, WorkerState
from titan.ports import Reader, Transaction
from titan.rules.dispatch import plan_placements
from titan.rules.retry import after_attempt

LEASE: Final = timedelta(seconds=LEASE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Which of a worker's reports changed something."""

    accepted: tuple[str, ...]
    stale: tuple[str, ...]  #: leases that were over before; nothing was changed


def free_workers(reader: Reader, worker_ids: Iterable[str]) -> list[FreeWorker]:
    """Return those of the workers that have a slot without a live lease, and how many under each label."""
    free = []
    wanted = tuple(worker_ids)
    reader.look_ahead(workers=wanted)
    for worker_id in wanted:
        worker = reader.worker(worker_id)
        if worker is None or worker.state is not WorkerState.CONNECTED or worker.is_draining:
            continue
        busy = reader.busy_slots(worker_id)
        slots = {label: n - busy.get(label, 0) for label, n in worker.offers.items() if n > busy.get(label, 0)}
        if slots:
            free.append(FreeWorker(id=worker_id, free_slots=slots, confines_to=worker.confines_to))
    return free


def candidates(reader: Reader, workers: Sequence[FreeWorker]) -> list[ReadyJob]:
    """Return the ready jobs that could fill the workers' free slots: the first few of each label, no more."""
    bound = [(worker.id, label, n) for worker in workers for label, n in _queues(worker)]
    slots_by_label: dict[str, int] = {}
    for _, label, slots in bound:
        slots_by_label[label] = slots_by_label.get(label, 0) + slots
    reader.look_ahead(lanes=[*((None, label, n) for label, n in slots_by_label.items()), *bound])
    found = [job for label, n in slots_by_label.items() for job in reader.ready_jobs(label, limit=n)]
    for worker_id, label, n in bound:
        found += reader.ready_jobs_bound_to(worker_id, label, limit=n)
    return found


def _queues(worker: FreeWorker) -> Iterator[tuple[str, int]]:
    """Yield the label of each queue that a worker takes jobs from, and how many it could take."""
    for label, slots in worker.free_slots.items():
        yield label, slots
        if worker.confines_to is not None:
            yield queue_label(label, worker.confines_to), slots


def dispatch(tx: Transaction, asking: Iterable[str], secret: Callable[[], str]) -> list[Attempt]:
    """Lease ready jobs to the workers that ask; `secret` makes lease ids and tokens."""
    workers = free_workers(tx, asking)
    if not workers:
        return []
    with Moves(tx) as moves:
        placements = plan_placements(candidates(tx, workers), workers)
        return [_lease(moves, placement, secret) for placement in placements]


def complete(tx: Transaction, worker_id: str, reports: Sequence[AttemptReport]) -> Completed:
    """Accept the reports whose lease is live and this worker's; the others change nothing."""
    accepted, stale = [], []
    tx.look_ahead(leases=[report.lease_id for report in reports])
    with Moves(tx) as moves:
        for report in reports:
            attempt = tx.attempt(report.lease_id)
            if attempt is None or attempt.outcome is not None or attempt.worker_id != worker_id:
                stale.append(report.lease_id)
                continue
            end_attempt(moves, attempt, report, cause=f"worker {worker_id}")
            accepted.append(report.lease_id)
    return Completed(accepted=tuple(accepted), stale=tuple(stale))


def reap(tx: Transaction, *, now: datetime) -> list[str]:
    """Write off the attempts whose lease ran out at or before `now`; return the workers that are gone with them.

    A worker not heard of for as long as a lease lasts counts as lost until it is heard of again, or the
    freed slot would be filled at once by a process that stands still.
    """
    expired = tx.expired_attempts(now)
    with Moves(tx) as moves:
        for attempt in expired:
            write_off(moves, attempt, AttemptOutcome.LOST, why="its lease ran out", cause="lease expired")
    gone = []
    for worker_id in dict.fromkeys(attempt.worker_id for attempt in expired):
        worker = tx.worker(worker_id)
        if worker is not None and worker.state is WorkerState.CONNECTED and now - worker.seen_at >= LEASE:
            tx.save_worker(replace(worker, state=WorkerState.LOST))
            event = WorkerLost(cause="lease expired", worker_id=worker_id, name=worker.name)
            tx.record(Subject(project_id=worker.project_id), event)
            gone.append(worker_id)
    return gone


def write_off(moves: Moves, attempt: Attempt, outcome: AttemptOutcome, *, why: str, cause: str) -> None:
    """End a live attempt of which no report will be accepted any more."""
    report = AttemptReport(lease_id=attempt.lease_id, outcome=outcome, error=why)
    end_attempt(moves, attempt, report, cause=cause)


def end_attempt(moves: Moves, attempt: Attempt, report: AttemptReport, *, cause: str) -> None:
    """End a live attempt as reported, and carry on from there."""
    moves.tx.save_attempt(
        replace(
            attempt,
            outcome=report.outcome,
            ended_at=moves.tx.now,
            started_at=report.started_at,
            exit_code=report.exit_code,
            signal=report.signal,
            duration_ns=report.duration_ns,
            peak_memory_bytes=report.peak_memory_bytes,
            error=report.error,
        )
    )
    job = moves.tx.job(attempt.job_id)
    assert job is not None, f"attempt {attempt.lease_id} of unknown job {attempt.job_id}"
    event = after_attempt(job, report, cause=cause, now=moves.tx.now)
    follow(moves, moves.move(job, event), worker_id=attempt.worker_id)


def _lease(moves: Moves, placement: Placement, secret: Callable[[], str]) -> Attempt:
    tx = moves.tx
    job = tx.job(placement.job_id)
    assert job is not None, f"placement of unknown job {placement.job_id}"
    attempt = Attempt(
        project_id=job.project_id,
        lease_id=secret(),
        job_id=job.id,
        number=job.attempt_count + 1,
        worker_id=placement.worker_id,
        label=job.spec.requirement,
        token=secret(),
        leased_at=tx.now,
        expires_at=tx.now + LEASE,
        ready_at=job.ready_at,
    )
    tx.add_attempt(attempt)
    if job.attempt_count:
        tx.clear_result(job.id)  # what an earlier attempt said is not what this one will
    event = JobLeased(
        cause=f"worker {placement.worker_id} asked",
        lease_id=attempt.lease_id,
        worker_id=placement.worker_id,
        attempt=attempt.number,
    )
    moves.move(job, event)
    return attempt
