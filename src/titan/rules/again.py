"""Which jobs a retry tries again (what failed, what was cancelled because of it); which gates a job stands behind."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

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
