"""Find the jobs that a failure or a cancel reaches, and those that a retry runs again."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from titan.model.jobs import Job, JobStatus

UNSUCCESSFUL = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})


def jobs_to_revive(
    roots: Iterable[str],
    jobs: Mapping[str, Job],
    children_of: Callable[[str], Iterable[str]],
    parents_of: Callable[[str], Iterable[str]],
) -> list[str]:
    """Return the ids of the jobs that a retry of `roots` tries again, in the order of their ids.

    These are the roots that failed or were cancelled, and their cancelled descendants; but none with a parent
    that did not complete and is not tried again itself, for that parent would hold it back for ever.
    `jobs` holds every job that can be reached; `children_of` and `parents_of` give ids.
    """
    revived: set[str] = set()
    front = [root for root in roots if jobs[root].status in UNSUCCESSFUL]
    while front:
        job_id = front.pop()
        if job_id not in revived:
            revived.add(job_id)
            front += [child for child in children_of(job_id) if jobs[child].status is JobStatus.CANCELLED]
    for job_id in list(revived):
        _drop_if_held_back(job_id, revived, jobs, children_of, parents_of)
    return sorted(revived)


def gates_above(job_id: str, jobs: Mapping[str, Job], parents_of: Callable[[str], Iterable[str]]) -> list[Job]:
    """Return the gates among a job's parents, their parents and so on: nearest first, each once."""
    above = dict[str, None]()
    front = deque([job_id])
    while front:
        new = [parent for parent in parents_of(front.popleft()) if parent not in above]
        above.update(dict.fromkeys(new))
        front += new
    return [jobs[ancestor] for ancestor in above if jobs[ancestor].is_gate]


def _drop_if_held_back(
    job_id: str,
    revived: set[str],
    jobs: Mapping[str, Job],
    children_of: Callable[[str], Iterable[str]],
    parents_of: Callable[[str], Iterable[str]],
) -> None:
    """Take a job with a lost parent out of `revived`, and then its children, who have lost one thereby."""
    front = [job_id]
    while front:
        suspect = front.pop()
        lost = (parent for parent in parents_of(suspect) if parent not in revived)
        if suspect in revived and any(jobs[parent].status in UNSUCCESSFUL for parent in lost):
            revived.discard(suspect)
            front += children_of(suspect)


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
