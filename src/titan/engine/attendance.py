"""Workers come, show that they live, and go; what they held goes back into the queue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from titan.engine.attempts import LEASE, candidates, free_workers, write_off
from titan.engine.moves import Moves
from titan.model.attempts import Attempt, AttemptOutcome
from titan.model.dags import Dag
from titan.model.errors import UnknownWorker
from titan.model.events import Event, Subject, WorkerJoined, WorkerLeft, WorkerLost
from titan.model.jobs import Job
from titan.model.workers import Worker, WorkerState
from titan.ports import Reader, Transaction

SEEN_EVERY: Final = timedelta(seconds=5)  # how exact a worker's `seen_at` is


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """An attempt with what its worker has to know of it."""

    attempt: Attempt
    job: Job
    dag: Dag


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a claim of a worker asks for before it can wait."""

    is_due_for_touch: bool  #: its `seen_at` has become old, or it counts as gone
    has_work: bool  #: a free slot of it and a job for it exist both


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a worker should know of its leases now."""

    fresh: tuple[Leased, ...] = ()  #: its live leases that it does not hold yet
    stop: tuple[str, ...] = ()  #: to end and report as cancelled
    lost: tuple[str, ...] = ()  #: over: to end without a report

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.fresh or self.stop or self.lost)


def orders(reader: Reader, worker_id: str, *, holding: Sequence[str], stopping: Sequence[str]) -> Orders:
    """Compare what the worker holds with its live leases, and say the difference.

    Because it is a comparison and not a message, an answer that got lost on the wire, or a
    restart of the server, needs no repair: the next call says the same again.
    """
    live = reader.live_attempts_of_worker(worker_id)
    live_ids = {attempt.lease_id for attempt in live}
    return Orders(
        fresh=tuple(_leased(reader, a) for a in live if a.lease_id not in holding),
        stop=tuple(a.lease_id for a in live if a.is_stop_requested and a.lease_id not in stopping),
        lost=tuple(lease_id for lease_id in holding if lease_id not in live_ids),
    )


def join(tx: Transaction, worker: Worker) -> None:
    """Register a worker, or note that a known one is back."""
    known = tx.worker(worker.id)
    tx.save_worker(replace(worker, joined_at=known.joined_at) if known else worker)
    if known is None or known.state is not WorkerState.CONNECTED:
        _record(tx, worker, WorkerJoined(cause="registration", worker_id=worker.id, name=worker.name))


def standing(reader: Reader, worker_id: str, *, now: datetime) -> Standing:
    """Return how a worker that claims stands.

    Raises:
        UnknownWorker: it never registered here, or has left.
    """
    worker = _present_worker(reader, worker_id)
    is_counted_gone = worker.state is not WorkerState.CONNECTED
    free = free_workers(reader, [worker_id])
    return Standing(
        is_due_for_touch=is_counted_gone or now - worker.seen_at > SEEN_EVERY,
        has_work=is_counted_gone or (bool(free) and bool(candidates(reader, free))),
    )


def touch(tx: Transaction, worker_id: str, holding: Sequence[str]) -> None:
    """Renew the leases a worker holds, and note that it was seen.

    Raises:
        UnknownWorker: it never registered here, or has left.
    """
    worker = _present_worker(tx, worker_id)
    tx.renew_leases(worker_id, holding, expires_at=tx.now + LEASE)
    tx.save_worker(replace(worker, state=WorkerState.CONNECTED, seen_at=tx.now))
    if worker.state is not WorkerState.CONNECTED:
        _record(tx, worker, WorkerJoined(cause="heard of again", worker_id=worker_id, name=worker.name))


def leave(tx: Transaction, worker_id: str) -> list[str]:
    """Give back, uncounted, all that an ending worker holds; return the lease ids.

    Raises:
        UnknownWorker: it never registered here.
    """
    worker = known_worker(tx, worker_id)
    event = WorkerLeft(cause="worker ends", worker_id=worker_id, name=worker.name)
    return _end(tx, worker, event, outcome=AttemptOutcome.RETURNED, why="its worker ended")


def lose(tx: Transaction, worker_id: str, *, cause: str = "connection broken") -> list[str]:
    """Write off all that a vanished worker held; return the lease ids. One that is not here loses nothing."""
    worker = tx.worker(worker_id)
    if worker is None or worker.state is not WorkerState.CONNECTED:
        return []
    event = WorkerLost(cause=cause, worker_id=worker_id, name=worker.name)
    return _end(tx, worker, event, outcome=AttemptOutcome.LOST, why=f"its worker '{worker.name}' vanished")


def _present_worker(reader: Reader, worker_id: str) -> Worker:
    """Return the worker, unless it has left: a request of it that was still on its way must not bring it back."""
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


def _leased(reader: Reader, attempt: Attempt) -> Leased:
    job = reader.job(attempt.job_id)
    assert job is not None, f"attempt {attempt.lease_id} of unknown job {attempt.job_id}"
    dag = reader.dag(job.dag_id)
    assert dag is not None, f"job {job.id} of unknown dag {job.dag_id}"
    return Leased(attempt=attempt, job=job, dag=dag)


def _end(tx: Transaction, worker: Worker, event: Event, *, outcome: AttemptOutcome, why: str) -> list[str]:
    held = tx.live_attempts_of_worker(worker.id)
    with Moves(tx) as moves:
        for attempt in held:
            write_off(moves, attempt, outcome, why=why, cause=event.cause)
    state = WorkerState.LEFT if outcome is AttemptOutcome.RETURNED else WorkerState.LOST
    if worker.state is not state:
        tx.save_worker(replace(worker, state=state, seen_at=tx.now))
        _record(tx, worker, event)
    return [attempt.lease_id for attempt in held]


def _record(tx: Transaction, worker: Worker, event: Event) -> None:
    tx.record(Subject(project_id=worker.project_id), event)
