"""Assign ready jobs to the workers that ask for work."""

from collections.abc import Iterator, Mapping, Sequence

from titan.model.jobs import Affinity, ReadyJob
from titan.model.workers import FreeWorker, Placement


def plan_placements(
    ready: Sequence[ReadyJob], workers: Sequence[FreeWorker], *, not_asking: Sequence[FreeWorker] = ()
) -> Iterator[Placement]:
    """Yield one placement per job that a worker can take now.

    Jobs go highest priority first, then longest ready, then by id, so equal inputs give equal
    plans. A job that no free worker can do is left out; it does not hold up others. A job goes to
    workers of its organisation only, and one that is confined to a token to workers with that token.
    Among able workers the one that ran the job's parent wins when the job has affinity, else the
    one with most free slots under that label, then the lowest id.

    What no free slot is left for is prefetched, in the same order, by the worker with most room for it. As many as
    workers have free slots for that are `not_asking` at the moment stay in the queue: the last ones, so that nothing
    overtakes another. A job that is not to be prefetched waits for a free slot, and nothing after it is prefetched by a
    worker that may have one for it next: a worker that always holds something to begin would never have a free slot.
    """
    known = {worker.id: worker for worker in (*workers, *not_asking)}
    free = {worker.id: dict(worker.free_slots) for worker in workers}
    soon_free = {worker.id: dict(worker.free_slots) for worker in not_asking}
    room = {worker.id: dict(worker.prefetch_slots) for worker in workers}
    left: list[ReadyJob] = []
    for job in sorted(ready, key=dispatch_order):
        worker_id = _choose(job, _able(job, free, known), free)
        if worker_id is None:
            left.append(job)
        else:
            free[worker_id][job.requirement] -= 1
            yield Placement(job_id=job.id, worker_id=worker_id)
    for job in reversed(left[:]):
        worker_id = _choose(job, _able(job, soon_free, known), soon_free)
        if worker_id is not None:
            soon_free[worker_id][job.requirement] -= 1
            left.remove(job)
    for job in left:
        worker_id = _choose_to_prefetch(job, _able(job, room, known), room)
        if worker_id is not None:
            room[worker_id][job.requirement] -= 1
            yield Placement(job_id=job.id, worker_id=worker_id, is_prefetched=True)
            continue
        for worker_id in room:
            if _may_take(job, known[worker_id]):
                room[worker_id][job.requirement] = 0


def dispatch_order(job: ReadyJob) -> tuple[object, ...]:
    """Return what ready jobs are sorted by: highest priority first, then longest ready, then by id."""
    return (-job.priority, job.ready_at, job.id)


def _able(job: ReadyJob, slots: Mapping[str, Mapping[str, int]], known: Mapping[str, FreeWorker]) -> list[str]:
    """Return the workers that have one of these slots for a job."""
    return [
        worker_id
        for worker_id, left in slots.items()
        if left.get(job.requirement, 0) > 0 and _is_open_to(job, known[worker_id])
    ]


def _choose(job: ReadyJob, able: list[str], free: dict[str, dict[str, int]]) -> str | None:
    if job.affinity is not Affinity.NONE and job.preferred_worker_id is not None:
        if job.preferred_worker_id in able:
            return job.preferred_worker_id
        if job.affinity is Affinity.REQUIRED:
            return None
    return min(able, key=lambda worker_id: (-free[worker_id][job.requirement], worker_id), default=None)


def _choose_to_prefetch(job: ReadyJob, able: list[str], room: dict[str, dict[str, int]]) -> str | None:
    """Return who prefetches a job: nobody where it would rather wait for another worker.

    What a worker prefetched counts as lost when the worker is killed, so a job that was lost before or may never be is
    not prefetched either.
    """
    if job.must_not_be_lost:
        return None
    worker_id = _choose(job, able, room)
    wants_another = job.affinity is not Affinity.NONE and job.preferred_worker_id not in (None, worker_id)
    return None if wants_another else worker_id


def _may_take(job: ReadyJob, worker: FreeWorker) -> bool:
    """Return whether a worker may run a job once it has a free slot for it."""
    is_bound = job.affinity is Affinity.REQUIRED and job.preferred_worker_id is not None
    return _is_open_to(job, worker) and (not is_bound or job.preferred_worker_id == worker.id)


def _is_open_to(job: ReadyJob, worker: FreeWorker) -> bool:
    """Return whether a job is of the worker's organisation, and not confined to another token."""
    return job.organisation_id == worker.organisation_id and job.confined_to in (None, worker.confines_to)
