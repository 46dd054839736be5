"""Which ready job goes to which worker that asks for work."""

from collections.abc import Iterator, Sequence

from titan.model.jobs import Affinity, ReadyJob
from titan.model.workers import FreeWorker, Placement


def plan_placements(ready: Sequence[ReadyJob], workers: Sequence[FreeWorker]) -> Iterator[Placement]:
    """Yield one placement per job that a worker can take now.

    Jobs go highest priority first, then longest ready, then by id, so equal inputs give equal
    plans. A job that no free worker can do is left out; it does not hold up others. One that is
    confined to a token goes to workers with that token only. Among able workers the one that ran
    the job's parent wins when the job has affinity, else the one with most free slots under that
    label, then the lowest id.
    """
    free = {worker.id: dict(worker.free_slots) for worker in workers}
    confines_to = {worker.id: worker.confines_to for worker in workers}
    for job in sorted(ready, key=lambda job: (-job.priority, job.ready_at, job.id)):
        able = [
            worker_id
            for worker_id, slots in free.items()
            if slots.get(job.requirement, 0) > 0 and job.confined_to in (None, confines_to[worker_id])
        ]
        worker_id = _choose(job, able, free)
        if worker_id is not None:
            free[worker_id][job.requirement] -= 1
            yield Placement(job_id=job.id, worker_id=worker_id)


def _choose(job: ReadyJob, able: list[str], free: dict[str, dict[str, int]]) -> str | None:
    if job.affinity is not Affinity.NONE and job.preferred_worker_id is not None:
        if job.preferred_worker_id in able:
            return job.preferred_worker_id
        if job.affinity is Affinity.REQUIRED:
            return None
    return min(able, key=lambda worker_id: (-free[worker_id][job.requirement], worker_id), default=None)
