"""What happens to a job that nothing before it holds back any more."""

from titan.engine.gate_keys import announce
from titan.engine.moves import Moves
from titan.model.events import GateOpened, JobDelayed, JobEvent, JobHeld, JobReady
from titan.model.jobs import Job
from titan.rules import lifecycle


def release(moves: Moves, job: Job, *, cause: str) -> Job:
    """Carry on with a WAITING job whose last parent is done; return it as it stands now."""
    return _carry_on(moves, job, lifecycle.release(job, cause=cause, now=moves.tx.now))


def release_after_delay(moves: Moves, job: Job, *, cause: str) -> Job:
    """Carry on with a WAITING job whose delay, or pause before a retry, is over; return it as it stands now."""
    return _carry_on(moves, job, lifecycle.after_delay(job, cause=cause, now=moves.tx.now))


def _carry_on(moves: Moves, job: Job, event: JobReady | JobDelayed | GateOpened) -> Job:
    moved = moves.move(job, _held_back(moves, job, event))
    if isinstance(event, GateOpened):
        announce(moves.tx, moved)
    return moved


def _held_back(moves: Moves, job: Job, event: JobReady | JobDelayed | GateOpened) -> JobEvent:
    """Return `event`, or that the job is held where every place under its concurrency key is taken."""
    key = job.spec.concurrency_key
    if key is None or not isinstance(event, JobReady):
        return event
    tx = moves.tx
    has_place = tx.active_with_key(job.project_id, key) < job.spec.concurrency_limit
    before = tx.next_held(job.project_id, key)
    if has_place and (before is None or before.id == job.id):
        return event
    moves.look_for_held(job)  # one that was held before may have a lower limit than this one
    return JobHeld(cause=event.cause, key=key)
