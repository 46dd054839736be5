"""Registers workers, tracks which are alive, and returns what lost or leaving ones held to the queue."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.errors import Conflict, UnknownWorker
from titan.model.events import (
    Event,
    Subject,
    WorkerDraining,
    WorkerJoined,
    WorkerLeft,
    WorkerLost,
    WorkerResumed,
)
from titan.model.jobs import Job
from titan.model.workers import Load, Worker, WorkerState
from titan.orchestrator.attempts import LEASE, Leased, as_free, candidates, free_workers, give_back, write_off
from titan.orchestrator.transitions import Moves, is_prefetched
from titan.ports.jobs_store import Reader, Transaction

SEEN_EVERY: Final = timedelta(seconds=5)  # how exact a worker's `seen_at` is
SILENCE: Final = timedelta(seconds=45)  # the longest claim, 30 s, with what a claim before it saved, and a lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is due when a worker claims."""

    is_due_for_touch: bool  #: its `seen_at` has become old, or it counts as gone
    has_work: bool  #: a free slot of it and a job for it exist both
    is_draining: bool  #: it leaves with the end of the last it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Instructions for a worker about its leases."""

    fresh: tuple[Leased, ...] = ()  #: its live leases that it does not hold yet
    stop: tuple[str, ...] = ()  #: to end and report as cancelled
    lost: tuple[str, ...] = ()  #: over: to end without a report
    parked: tuple[str, ...] | None = None  #: its leases that are parked; None: those that it knows
    should_give_back: bool = False  #: what it prefetched and has not begun
    should_leave: bool = False  #: it was drained, and nothing of it is live

    def __bool__(self) -> bool:
        """Whether there is any instruction."""
        is_news = self.parked is not None
        return bool(self.fresh or self.stop or self.lost or is_news or self.should_give_back or self.should_leave)


def orders(
    reader: Reader,
    worker_id: str,
    *,
    holding: Sequence[str],
    stopping: Sequence[str],
    parked: Sequence[str] | None = None,
) -> Orders:
    """Compare the leases that the worker holds with its live ones, and return the difference.

    Because it is a comparison and not a message, a lost answer or a restart of the server needs no repair: the next
    call returns the same.
    """
    live = reader.live_attempts_of_worker(worker_id)
    worker = reader.worker(worker_id)
    is_draining = worker is not None and worker.is_draining
    live_ids = {attempt.lease_id for attempt in live}
    are_parked = tuple(attempt.lease_id for attempt in live if attempt.parked_at is not None)
    return Orders(
        fresh=tuple(leased(reader, a) for a in live if a.lease_id not in holding),
        stop=tuple(a.lease_id for a in live if a.is_stop_requested and a.lease_id not in stopping),
        lost=tuple(
            lease_id
            for lease_id in holding
            if lease_id not in live_ids and not _is_reported(reader, lease_id, worker_id)
        ),
        parked=None if parked is None or set(parked) == set(are_parked) else are_parked,
        should_give_back=is_draining and any(is_prefetched(reader, job) for job in _jobs_of(reader, live)),
        should_leave=is_draining and not live,
    )


def outranked(reader: Reader, prefetched: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return the workers that prefetched a job of lower priority than a ready one with the same label.

    `prefetched` has worker → label → the lowest priority among what it prefetched.
    """
    return [worker_id for worker_id, lowest in prefetched.items() if _is_outranked(reader, worker_id, lowest)]


def _is_outranked(reader: Reader, worker_id: str, lowest: Mapping[str, int]) -> bool:
    worker = reader.worker(worker_id)
    if worker is None:
        return False
    as_if_free = as_free(worker, dict.fromkeys(lowest, 1))
    return any(job.priority > lowest[job.requirement] for job in candidates(reader, [as_if_free]))


def _jobs_of(reader: Reader, attempts: Iterable[Attempt]) -> Iterator[Job]:
    return (job for attempt in attempts if (job := reader.job(attempt.job_id)) is not None)


def leased(reader: Reader, attempt: Attempt) -> Leased:
    """Return an attempt with its job and DAG."""
    job = reader.job(attempt.job_id)
    assert job is not None, f"attempt {attempt.lease_id} of unknown job {attempt.job_id}"
    dag = reader.dag(job.dag_id)
    assert dag is not None, f"job {job.id} of unknown dag {job.dag_id}"
    return Leased(attempt=attempt, job=job, dag=dag)


def _is_reported(reader: Reader, lease_id: str, worker_id: str) -> bool:
    """Return whether the worker reported the end itself; then the answer to that report is under way."""
    attempt = reader.attempt(lease_id)
    if attempt is None or attempt.worker_id != worker_id:
        return False
    return attempt.outcome not in (None, AttemptOutcome.LOST, AttemptOutcome.RETURNED)


def join(tx: Transaction, worker: Worker) -> None:
    """Register a worker, or note that a known one is back."""
    known = tx.worker(worker.id)
    if known is not None:
        is_draining = known.is_draining and known.state is not WorkerState.LEFT
        worker = replace(worker, joined_at=known.joined_at, is_draining=is_draining)
    tx.save_worker(worker)
    if known is None or known.state is not WorkerState.CONNECTED:
        _record(tx, worker, WorkerJoined(cause="registration", worker_id=worker.id, name=worker.name))


def standing(reader: Reader, worker_id: str, *, now: datetime, server_id: str) -> Standing:
    """Return what is due when a worker claims at this server.

    Raises:
        UnknownWorker: it never registered here, or has left.
    """
    reader.look_ahead(workers=[worker_id])
    worker = _present_worker(reader, worker_id)
    is_counted_gone = worker.state is not WorkerState.CONNECTED
    is_new_here = worker.server_id != server_id
    return Standing(
        is_due_for_touch=is_counted_gone or is_new_here or now - worker.seen_at > SEEN_EVERY,
        has_work=is_counted_gone or can_serve(reader, [worker_id]),
        is_draining=worker.is_draining,
    )


def can_serve(reader: Reader, asking: Iterable[str]) -> bool:
    """Return whether there is a job for any of the workers that ask."""
    free = free_workers(reader, asking)
    return bool(free) and bool(candidates(reader, free))


def touch(
    tx: Transaction,
    worker_id: str,
    holding: Sequence[str],
    *,
    server_id: str | None = None,
    load: Load | None = None,
) -> None:
    """Renew the leases a worker holds, and store that it was seen now; with `server_id`, that it claims there.

    `load` is the load of its machine.

    Raises:
        UnknownWorker: it never registered here, or has left.
    """
    worker = _present_worker(tx, worker_id)
    tx.renew_leases(worker_id, holding, expires_at=tx.now + LEASE)
    expected_by = worker.server_id if server_id is None else server_id
    seen = replace(worker, state=WorkerState.CONNECTED, seen_at=tx.now, server_id=expected_by)
    tx.save_worker(seen if load is None else replace(seen, load=load))
    if worker.state is not WorkerState.CONNECTED:
        _record(tx, worker, WorkerJoined(cause="reported again", worker_id=worker_id, name=worker.name))


def drain(tx: Transaction, worker: Worker) -> Worker:
    """Drain a worker: it gets no new work, finishes what it runs, then leaves. A draining one stays as it is.

    Raises:
        Conflict: it is gone.
    """
    return _set_draining(tx, worker, is_draining=True)


def resume(tx: Transaction, worker: Worker) -> Worker:
    """End the draining of a worker that has not left.

    Raises:
        Conflict: it is gone.
    """
    return _set_draining(tx, worker, is_draining=False)


def _set_draining(tx: Transaction, worker: Worker, *, is_draining: bool) -> Worker:
    if worker.state is not WorkerState.CONNECTED:
        raise Conflict(
            f"worker '{worker.name}'",
            expected="one that is connected",
            found=f"one that is {worker.state.value}",
            next_step="List those that are here with `titan workers`.",
        )
    if worker.is_draining == is_draining:
        return worker
    changed = replace(worker, is_draining=is_draining)
    tx.save_worker(changed)
    kind = WorkerDraining if is_draining else WorkerResumed
    _record(tx, worker, kind(cause="asked by a person", worker_id=worker.id, name=worker.name))
    return changed


def leave(tx: Transaction, worker_id: str) -> list[str]:
    """Return all that an ending worker holds to the queue, uncounted; return the lease ids.

    Raises:
        UnknownWorker: it never registered here.
    """
    worker = known_worker(tx, worker_id)
    event = WorkerLeft(cause="worker ends", worker_id=worker_id, name=worker.name)
    return _end(tx, worker, event, outcome=AttemptOutcome.RETURNED, why="its worker ended")


def lose(tx: Transaction, worker_id: str, *, server_id: str) -> list[str]:
    """Write off all that a vanished worker of this server held; return the lease ids.

    Does nothing for a worker that is not connected, or has claimed at another server since.
    """
    worker = tx.worker(worker_id)
    if worker is None or worker.state is not WorkerState.CONNECTED or worker.server_id != server_id:
        return []
    return _lose(tx, worker, cause="connection broken")


def workers_of(reader: Reader, *, server_id: str) -> list[str]:
    """Return the connected workers that claimed at this server last."""
    connected = (reader.worker(worker_id) for worker_id in reader.connected_workers())
    return [worker.id for worker in connected if worker is not None and worker.server_id == server_id]


def silent_workers(reader: Reader, *, now: datetime) -> list[str]:
    """Return the connected workers that have sent nothing to any server for longer than any request lasts."""
    connected = (reader.worker(worker_id) for worker_id in reader.connected_workers())
    return [worker.id for worker in connected if worker is not None and now - worker.seen_at > SILENCE]


def lose_silent(tx: Transaction, *, now: datetime) -> list[str]:
    """Write off the workers whose server died and that claimed at no other by `now`; return what they held."""
    lost: list[str] = []
    for worker_id in silent_workers(tx, now=now):
        worker = tx.worker(worker_id)
        assert worker is not None
        lost += _lose(tx, worker, cause="silent for too long")
    return lost


def _lose(tx: Transaction, worker: Worker, *, cause: str) -> list[str]:
    event = WorkerLost(cause=cause, worker_id=worker.id, name=worker.name)
    return _end(tx, worker, event, outcome=AttemptOutcome.LOST, why=f"its worker '{worker.name}' vanished")


def _present_worker(reader: Reader, worker_id: str) -> Worker:
    """Return the worker, unless it has left: a late request of it must not bring it back."""
    worker = known_worker(reader, worker_id)
    if worker.state is WorkerState.LEFT:
        raise UnknownWorker(
            f"worker '{worker_id}'",
            expected="a worker that is here",
            found="one that has left",
            next_step="Register again with PUT /api/workers/{worker_id} to come back.",
        )
    return worker


def known_worker(reader: Reader, worker_id: str) -> Worker:
    """Return the worker.

    Raises:
        UnknownWorker: it never registered here.
    """
    worker = reader.worker(worker_id)
    if worker is None:
        raise UnknownWorker(
            f"worker '{worker_id}'",
            expected="a registered worker",
            found="none with this id",
            next_step="Register with PUT /api/workers/{worker_id}; attempts may go on.",
        )
    return worker


def _end(tx: Transaction, worker: Worker, event: Event, *, outcome: AttemptOutcome, why: str) -> list[str]:
    held = tx.live_attempts_of_worker(worker.id)
    with Moves(tx) as moves:
        for attempt in held:
            if outcome is AttemptOutcome.RETURNED:
                give_back(moves, attempt, why=why, cause=event.cause)
            else:
                write_off(moves, attempt, outcome, why=why, cause=event.cause)
    state = WorkerState.LEFT if outcome is AttemptOutcome.RETURNED else WorkerState.LOST
    if worker.state is not state:
        tx.save_worker(replace(worker, state=state, seen_at=tx.now))
        _record(tx, worker, event)
    return [attempt.lease_id for attempt in held]


def _record(tx: Transaction, worker: Worker, event: Event) -> None:
    tx.record(Subject.of_organisation(worker.organisation_id), event)
