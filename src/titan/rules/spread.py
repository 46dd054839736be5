"""How far a failure or a cancel reaches: whom a job that will not complete takes with it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from titan.model.jobs import Job, JobStatus

NOT_STARTED = frozenset({JobStatus.WAITING, JobStatus.WAITING_APPROVAL, JobStatus.READY})


def doomed(job: Job, children_of: Callable[[str], Iterable[Job]]) -> Iterator[tuple[Job, Job]]:
    """Yield (parent, descendant) for every WAITING descendant of a `job` that did not complete.

    Nearest first, each descendant once, with the parent it was reached through. `children_of`
    gives the children as they stand; the caller may change them only after the walk.
    """
    seen = {job.id}
    front = deque([job])
    while front:
        parent = front.popleft()
        for child in children_of(parent.id):
            if child.id in seen or child.status is not JobStatus.WAITING:
                continue
            seen.add(child.id)
            front.append(child)
            yield parent, child


def not_started(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs that no worker has taken and that are not final, in the given order."""
    return [job for job in jobs if job.status in NOT_STARTED]
