"""Begins and ends attempts: grants leases, accepts reports and files, and writes off expired leases.

A worker that completes jobs quickly may prefetch: hold leases beyond its slots, to start their jobs without asking.
Such a job stays READY until its worker reports that it began: a live attempt of a READY job is a prefetched one.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from titan.env_cipher import EnvCipher
from titan.model.attempts import Attempt, AttemptOutcome, AttemptReport
from titan.model.dags import Dag
from titan.model.errors import StaleLease
from titan.model.events import FilesNoted, JobEvent, JobLeased, Subject, WorkerLost
from titan.model.files import AttemptFile, FilePlace, StoredFile
from titan.model.jobs import NO_KEY, Job, JobStatus, ReadyJob, queue_label
from titan.model.workers import FreeWorker, Placement, Worker, WorkerState
from titan.orchestrator.transitions import Moves, cancel_with_descendants, follow, subject_of
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.jobs.dispatch import plan_placements
from titan.rules.jobs.retry import after_attempt
from titan.rules.names import shown
from titan.rules.tokens import written_attempts
from titan.wire.protocol import FILES_ACCEPTED_SECONDS, LEASE_SECONDS

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=LEASE_SECONDS)
FILES_ACCEPTED: Final = timedelta(seconds=FILES_ACCEPTED_SECONDS)  # after the end of their attempt
MOST_LOCKED: Final = 1000  # jobs that a server without their key looks past, in the queue of each label
NO_SLOTS: Final[Mapping[str, int]] = {}
NO_PREFETCH: Final[Mapping[str, Mapping[str, int]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """An attempt with its job and DAG."""

    attempt: Attempt
    job: Job
    dag: Dag


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a worker reports of its attempts since its last report."""

    reports: Sequence[AttemptReport] = ()  #: how attempts ended
    started: Mapping[str, datetime] = field(default_factory=dict)  #: prefetched leases → when their attempts began
    returned: Sequence[str] = ()  #: prefetched leases whose attempts it will not begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Which leases of a worker's report were ended by it, and which were over before."""

    accepted: tuple[str, ...]  #: leases that ended with it
    stale: tuple[str, ...]  #: leases that were over before; nothing was changed


def free_workers(
    reader: Reader, worker_ids: Iterable[str], prefetch: Mapping[str, Mapping[str, int]] = NO_PREFETCH
) -> list[FreeWorker]:
    """Return those of the workers that can take a lease, with the number for each label.

    `prefetch` has worker → label → how many leases it may hold beyond its slots.
    """
    free = []
    wanted = tuple(worker_ids)
    reader.look_ahead(workers=wanted)
    for worker_id in wanted:
        worker = reader.worker(worker_id)
        if worker is None or worker.state is not WorkerState.CONNECTED or worker.is_draining:
            continue
        busy = reader.busy_slots(worker_id)
        left = {label: n - busy.get(label, 0) for label, n in worker.offers.items()}
        beyond = prefetch.get(worker_id, {})
        slots = {label: n for label, n in left.items() if n > 0}
        room = {label: n + min(left[label], 0) for label, n in beyond.items() if n + min(left.get(label, -n), 0) > 0}
        if slots or room:
            free.append(as_free(worker, slots, room))
    return free


def as_free(worker: Worker, slots: Mapping[str, int], room: Mapping[str, int] = NO_SLOTS) -> FreeWorker:
    """Return a worker with these free slots, and room to prefetch."""
    return FreeWorker(
        id=worker.id,
        free_slots=slots,
        prefetch_slots=room,
        confines_to=worker.confines_to,
        organisation_id=worker.organisation_id,
    )


def candidates(reader: Reader, workers: Sequence[FreeWorker], *, beyond: int = 0) -> list[ReadyJob]:
    """Return the ready jobs that the workers could take: of each label no more than they have slots, and `beyond`."""
    bound = [(worker.id, label, n + beyond) for worker in workers for label, n in _queues(worker)]
    slots_by_label: dict[str, int] = {}
    for _, label, slots in bound:
        slots_by_label[label] = slots_by_label.get(label, 0) + slots
    reader.look_ahead(lanes=[*((None, label, n) for label, n in slots_by_label.items()), *bound])
    found = [job for label, n in slots_by_label.items() for job in reader.ready_jobs(label, limit=n)]
    for worker_id, label, n in bound:
        found += reader.ready_jobs_bound_to(worker_id, label, limit=n)
    return found


def _free_count(workers: Sequence[FreeWorker]) -> int:
    return sum(sum(worker.free_slots.values()) for worker in workers)


def _queues(worker: FreeWorker) -> Iterator[tuple[str, int]]:
    """Yield the label of each queue that a worker takes jobs from, with the number that it could take."""
    for label in {**worker.free_slots, **worker.prefetch_slots}:
        slots = worker.free_slots.get(label, 0) + worker.prefetch_slots.get(label, 0)
        yield queue_label(label, None, worker.organisation_id), slots
        if worker.confines_to is not None:
            yield queue_label(label, worker.confines_to, worker.organisation_id), slots


def dispatch(
    tx: Transaction,
    asking: AbstractSet[str],
    secret: Callable[[], str],
    *,
    prefetch: Mapping[str, Mapping[str, int]] = NO_PREFETCH,
    cipher: EnvCipher | None = None,
) -> list[Leased]:
    """Lease ready jobs to the workers that ask; `secret` makes lease ids and tokens, `prefetch` is as before.

    A job whose `env` the `cipher` cannot decrypt stays ready, and says why.
    """
    workers = free_workers(tx, asking, prefetch)
    placements = _placements(tx, workers, asking, frozenset()) if workers else []
    jobs = _jobs(tx, (placement.job_id for placement in placements))
    if cipher is not None and (locked := _locked(tx, jobs, cipher)):
        more = (job.id for job in candidates(tx, workers, beyond=MOST_LOCKED))
        locked |= _locked(tx, _jobs(tx, more), cipher)
        placements = _placements(tx, workers, asking, locked)
        jobs = _jobs(tx, (placement.job_id for placement in placements))
    with Moves(tx) as moves:
        granted = [_lease(moves, placement, jobs[placement.job_id], secret) for placement in placements]
    dags = {dag_id: dag for _, job in granted if (dag := tx.dag(dag_id := job.dag_id)) is not None}
    return [Leased(attempt=attempt, job=job, dag=dags[job.dag_id]) for attempt, job in granted]


def _placements(
    tx: Transaction, workers: Sequence[FreeWorker], asking: AbstractSet[str], locked: AbstractSet[str]
) -> list[Placement]:
    beyond = MOST_LOCKED if locked else 0
    ready = [job for job in candidates(tx, workers, beyond=beyond) if job.id not in locked]
    if not ready:
        return []
    may_prefetch = any(worker.prefetch_slots for worker in workers) and len(ready) > _free_count(workers)
    not_asking = free_workers(tx, set(tx.connected_workers()) - asking) if may_prefetch else []
    placements = list(plan_placements(ready, workers, not_asking=not_asking))
    tx.look_ahead(jobs=[placement.job_id for placement in placements])
    return placements


def _jobs(tx: Transaction, job_ids: Iterable[str]) -> dict[str, Job]:
    found = {job_id: tx.job(job_id) for job_id in job_ids}
    assert None not in found.values(), f"placements of unknown jobs: {found}"
    return {job_id: job for job_id, job in found.items() if job is not None}


def _locked(tx: Transaction, jobs: Mapping[str, Job], cipher: EnvCipher) -> AbstractSet[str]:
    """Return those of the jobs whose `env` cannot be decrypted here; each is given that reason."""
    locked = set()
    for job_id, job in jobs.items():
        if job.spec.env and not cipher.may_decrypt(job.spec.env):
            locked.add(job_id)
            if job.reason != NO_KEY:
                tx.save_job(replace(job, reason=NO_KEY))
                logger.warning("job %s cannot start: %s", job.name, NO_KEY, extra={"job_id": job_id})
    return locked


def complete(tx: Transaction, worker_id: str, progress: Progress) -> Completed:
    """Apply a worker's report about its live leases; reports about other leases change nothing."""
    reports = {report.lease_id: report for report in progress.reports}
    reported = list(dict.fromkeys([*reports, *progress.started, *progress.returned]))
    accepted, cause = [], f"worker {worker_id}"
    tx.look_ahead(leases=reported)
    with Moves(tx) as moves:
        for lease_id in reported:
            attempt = tx.attempt(lease_id)
            if attempt is None or attempt.outcome is not None or attempt.worker_id != worker_id:
                continue
            if lease_id in reports:
                end_attempt(moves, attempt, reports[lease_id], cause=cause)
                accepted.append(lease_id)
            elif lease_id in progress.started:
                begin(moves, attempt, progress.started[lease_id], cause=cause)
            else:
                give_back(moves, attempt, why="its worker could not begin it soon", cause=cause)
                accepted.append(lease_id)
    stale = [lease_id for lease_id in (*reports, *progress.returned) if lease_id not in accepted]
    return Completed(accepted=tuple(accepted), stale=tuple(stale))


def reap(tx: Transaction, *, now: datetime) -> list[str]:
    """Write off the attempts whose lease expired at or before `now`; return the workers that are lost with them.

    A worker that sent nothing for as long as a lease lasts counts as lost until it sends again. Otherwise the
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
            tx.record(Subject.of_organisation(worker.organisation_id), event)
            gone.append(worker_id)
    return gone


def write_off(moves: Moves, attempt: Attempt, outcome: AttemptOutcome, *, why: str, cause: str) -> None:
    """End a live attempt without a report; a later report of it is stale."""
    report = AttemptReport(lease_id=attempt.lease_id, outcome=outcome, error=why)
    end_attempt(moves, attempt, report, cause=cause)


def end_attempt(moves: Moves, attempt: Attempt, report: AttemptReport, *, cause: str) -> None:
    """End a live attempt as reported, with all that follows for other jobs."""
    job = _job_of(moves.tx, attempt)
    events: list[JobEvent] = []
    if job.status is JobStatus.READY:  # prefetched: whether it began or not, it counts like one that did
        if report.started_at is None:
            report = replace(report, error=f"{report.error}; it had prefetched the job and may not have begun it")
        events.append(_began(attempt, report.started_at, now=moves.tx.now, cause=cause))
    events.append(after_attempt(job, report, cause=cause, now=moves.tx.now))
    moves.tx.save_attempt(
        replace(
            attempt,
            outcome=report.outcome,
            ended_at=moves.tx.now,
            started_at=_start(attempt, report.started_at, moves.tx.now) if report.started_at else attempt.started_at,
            exit_code=report.exit_code,
            signal=report.signal,
            duration_ns=report.duration_ns,
            peak_memory_bytes=report.peak_memory_bytes,
            error=report.error,
            wait=None,
            parked_at=None,
            woken_at=None,
            parked_ns=attempt.parked_ns_by(moves.tx.now),
        )
    )
    follow(moves, moves.move(job, *events), worker_id=attempt.worker_id)


def give_back(moves: Moves, attempt: Attempt, *, why: str, cause: str) -> None:
    """Return the job of a live attempt to the queue, uncounted; that of a prefetched one to its old place.

    A job that was asked to stop meanwhile is cancelled.
    """
    job = _job_of(moves.tx, attempt)
    if job.status is not JobStatus.READY:
        write_off(moves, attempt, AttemptOutcome.RETURNED, why=why, cause=cause)
        return
    moves.tx.forget_attempt(attempt.lease_id)
    moves.tx.clear_result(job.id)  # it may have begun, without a report of that, and stored a result
    if job.is_cancel_requested:
        cancel_with_descendants(moves, job, cause=cause, reason=job.reason or "")


def begin(moves: Moves, attempt: Attempt, began_at: datetime, *, cause: str) -> Attempt:
    """Note that a prefetched attempt has begun, unless that is known; return the attempt as it is now."""
    job = _job_of(moves.tx, attempt)
    if job.status is not JobStatus.READY:
        return attempt
    event = _began(attempt, began_at, now=moves.tx.now, cause=cause)
    begun = replace(attempt, started_at=event.began_at)
    moves.tx.save_attempt(begun)
    moves.move(job, event)
    return begun


def _began(attempt: Attempt, began_at: datetime | None, *, now: datetime, cause: str) -> JobLeased:
    """Return the event of a prefetched attempt that began at a time of its worker's clock, which may be wrong."""
    return JobLeased(
        cause=cause,
        lease_id=attempt.lease_id,
        worker_id=attempt.worker_id,
        attempt=attempt.number,
        began_at=_start(attempt, began_at or now, now),
    )


def _start(attempt: Attempt, began_at: datetime, now: datetime) -> datetime:
    """Return when an attempt began, by its worker's clock: between its lease and now."""
    return max(attempt.leased_at, min(began_at, now))


def _job_of(reader: Reader, attempt: Attempt) -> Job:
    job = reader.job(attempt.job_id)
    assert job is not None, f"attempt {attempt.lease_id} of unknown job {attempt.job_id}"
    return job


def _lease(moves: Moves, placement: Placement, job: Job, secret: Callable[[], str]) -> tuple[Attempt, Job]:
    tx = moves.tx
    attempt = Attempt(
        project_id=job.project_id,
        lease_id=secret(),
        job_id=job.id,
        number=job.attempt_count + 1,
        worker_id=placement.worker_id,
        label=job.spec.requirement,
        token=written_attempts(secret()),
        leased_at=tx.now,
        expires_at=tx.now + LEASE,
        ready_at=job.ready_at,
    )
    tx.add_attempt(attempt)
    if job.attempt_count:
        tx.clear_result(job.id)  # it is an earlier attempt's
    if placement.is_prefetched:
        return attempt, job
    event = JobLeased(
        cause=f"worker {placement.worker_id} asked",
        lease_id=attempt.lease_id,
        worker_id=placement.worker_id,
        attempt=attempt.number,
    )
    return attempt, moves.move(job, event)


# --- Files of attempts ---


def attempt_that_leaves(reader: Reader, worker_id: str, lease_id: str, *, now: datetime) -> Attempt:
    """Return the attempt, if its worker may list its files: while it is live, and 10 minutes after its end.

    Raises:
        StaleLease: it is another's, was lost or given back, or ended longer ago.
    """
    attempt = reader.attempt(lease_id)
    if attempt is not None and attempt.worker_id == worker_id and _may_leave_files(attempt, now):
        return attempt
    raise StaleLease(
        f"files of lease {shown(lease_id)}",
        expected="a lease of this worker that is live, or ended by its report less than 10 minutes ago",
        found="one that is over, or another's" if attempt else "none such",
        next_step="Forget these files.",
    )


def note_files(tx: Transaction, worker_id: str, lease_id: str, files: Sequence[AttemptFile]) -> None:
    """Store the list of files that an attempt left. Raises StaleLease as `attempt_that_leaves`."""
    _note_files(tx, attempt_that_leaves(tx, worker_id, lease_id, now=tx.now), files)


def note_artifact(tx: Transaction, attempt: Attempt, file: StoredFile) -> None:
    """Add a file that a running attempt uploaded to its files; it stays when a later upload takes the name."""
    left = AttemptFile(
        path=file.name,
        size_bytes=file.size_bytes,
        modified_at=tx.now,
        digest=file.digest,
        place=FilePlace.ARTIFACT,
        node=attempt.worker_id,
    )
    _note_files(tx, attempt, [left])


def _note_files(tx: Transaction, attempt: Attempt, files: Sequence[AttemptFile]) -> None:
    """Store files, with one event for all, on which pages that show the job's files reload them."""
    tx.note_files(attempt, files)
    job = tx.job(attempt.job_id)
    if files and job is not None:
        event = FilesNoted(cause=f"worker {attempt.worker_id}", lease_id=attempt.lease_id, count=len(files))
        tx.record(subject_of(job), event)


def _may_leave_files(attempt: Attempt, now: datetime) -> bool:
    if attempt.outcome is None:
        return True
    return (
        attempt.outcome not in (AttemptOutcome.LOST, AttemptOutcome.RETURNED)
        and attempt.ended_at is not None
        and now - attempt.ended_at <= FILES_ACCEPTED
    )
