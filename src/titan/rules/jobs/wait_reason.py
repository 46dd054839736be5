"""Explain what a job waits for, as a code and as a sentence, and group the queue by it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, assert_never

from titan.model.jobs import NO_KEY, Affinity, HeldPart, Job, JobStatus, QueuePart, ReadyPart, WaitsFor, queue_label
from titan.model.projects import ORGANISATION, organisation_of
from titan.model.workers import Worker, WorkerState

NAMED_PARENTS: Final = 3  # of a fan-in of a thousand, three say enough

_READY_TEXTS: Final[Mapping[WaitsFor, str]] = {
    WaitsFor.UNROUTABLE: "no worker offers {label}",
    WaitsFor.DRAINING: "every worker that offers {label} is draining",
    WaitsFor.WORKER_AWAY: "the worker it is bound to is away",
    WaitsFor.WORKER_DRAINING: "the worker it is bound to is draining",
    WaitsFor.WORKER_BUSY: "the worker it is bound to is busy",
    WaitsFor.SLOTS: "all {label} slots are busy",
}
_Same: TypeAlias = tuple[WaitsFor, str | None, str | None, str | None]  # why, label, token, concurrency key
_ORDER: Final = {waits_for: place for place, waits_for in enumerate(WaitsFor)}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueGroup:
    """All jobs that wait for the same."""

    waits_for: WaitsFor
    requirement: str | None = None  #: the label that is missing or busy
    confined_to: str | None = None  #: id of the token whose workers alone may run them
    concurrency_key: str | None = None  #: the key whose places are taken
    parts: tuple[QueuePart, ...]

    @property
    def name(self) -> str:
        """What distinguishes it from other groups: `unroutable:GPU`, `concurrency:db`, `parents`."""
        about = self.concurrency_key
        if self.requirement is not None:
            about = queue_label(self.requirement, self.confined_to)
        return self.waits_for.value if about is None else f"{self.waits_for}:{about}"

    @property
    def count(self) -> int:
        """How many jobs it has."""
        return sum(part.count for part in self.parts)

    @property
    def since(self) -> datetime:
        """Since when the first of its jobs waits."""
        return min(part.since for part in self.parts)


def waits_for(job: Job, workers: Iterable[Worker]) -> WaitsFor | None:
    """Return what a job waits for; None when it does not. `workers` decide it for READY jobs alone."""
    match job.status:
        case JobStatus.READY:
            is_bound = job.spec.affinity is Affinity.REQUIRED
            bound_to = job.preferred_worker_id if is_bound else None
            own = [each for each in workers if each.organisation_id == organisation_of(job.project_id)]
            return ready_waits_for(job.spec.requirement, own, bound_to=bound_to, confined_to=job.spec.confined_to)
        case JobStatus.WAITING_APPROVAL:
            return WaitsFor.APPROVAL
        case JobStatus.WAITING:
            return _held_waits_for(job)
        case _:
            return None


def ready_waits_for(
    label: str, workers: Iterable[Worker], *, bound_to: str | None, confined_to: str | None = None
) -> WaitsFor:
    """Return what READY jobs wait for that require `label`; `workers` are those of their organisation.

    `bound_to` is the id of the one worker that may run them, `confined_to` that of the token whose workers may; None
    is any.
    """
    able = [
        each
        for each in workers
        if each.state is WorkerState.CONNECTED
        and each.offers.get(label, 0) > 0
        and confined_to in (None, each.confines_to)
    ]
    if bound_to is not None:
        return _bound_waits_for(next((worker for worker in able if worker.id == bound_to), None))
    if not able:
        return WaitsFor.UNROUTABLE
    return WaitsFor.DRAINING if all(worker.is_draining for worker in able) else WaitsFor.SLOTS


def reason_of(job: Job, why: WaitsFor | None) -> str | None:
    """Return, for a person, what a job waits for, or else why it is where it is: "all GPU slots are busy"."""
    match why:
        case None:
            return job.reason
        case WaitsFor.PARENTS:
            return f"waits for {job.remaining_parents} parent(s)" + _named(job)
        case WaitsFor.TIME | WaitsFor.RETRY:
            return f"waits until {_shown_time(job.due_at)}" + _after(job.reason)
        case WaitsFor.CONCURRENCY:
            return f"waits for one of {job.spec.concurrency_limit} place(s) under key '{job.spec.concurrency_key}'"
        case WaitsFor.APPROVAL:
            return f"waits for approval until {_shown_time(job.due_at)}: {job.spec.hitl_message}"
        case _:
            if job.reason == NO_KEY:
                return job.reason
            label = label_in_words(job.spec.requirement, job.spec.confined_to)
            text = _READY_TEXTS[why].format(label=label)
            return text + _of_organisation(job, why) + _confined(job) + _after(job.reason)


def label_in_words(requirement: str, confined_to: str | None) -> str:
    """Return the label that a job requires, and of which token's workers where only those may run it."""
    return requirement if confined_to is None else f"{requirement} with token {confined_to}"


def gather(parts: Iterable[QueuePart], workers: Sequence[Worker]) -> list[QueueGroup]:
    """Return the groups of a queue: in the order of `WaitsFor`, then the largest first, then by name."""
    gathered: dict[_Same, list[QueuePart]] = {}
    for part in parts:
        gathered.setdefault(_same(part, workers), []).append(part)
    groups = [
        QueueGroup(waits_for=why, requirement=label, confined_to=token_id, concurrency_key=key, parts=tuple(alike))
        for (why, label, token_id, key), alike in gathered.items()
    ]
    return sorted(groups, key=lambda group: (_ORDER[group.waits_for], -group.count, group.name))


def _same(part: QueuePart, workers: Sequence[Worker]) -> _Same:
    match part:
        case ReadyPart():
            own = [each for each in workers if each.organisation_id == part.organisation_id]
            why = ready_waits_for(part.requirement, own, bound_to=part.bound_to, confined_to=part.confined_to)
            return why, part.requirement, part.confined_to, None
        case HeldPart():
            return part.waits_for, None, None, part.concurrency_key
        case _:
            assert_never(part)


def _bound_waits_for(worker: Worker | None) -> WaitsFor:
    if worker is None:
        return WaitsFor.WORKER_AWAY
    return WaitsFor.WORKER_DRAINING if worker.is_draining else WaitsFor.WORKER_BUSY


def _held_waits_for(job: Job) -> WaitsFor | None:
    if job.remaining_parents:
        return WaitsFor.PARENTS
    if job.due_at is not None:
        return WaitsFor.RETRY if job.failed_count or job.lost_count else WaitsFor.TIME
    return None if job.spec.concurrency_key is None else WaitsFor.CONCURRENCY


def _shown_time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else "somebody decides"


def _named(job: Job) -> str:
    """Return the names of a job's parents, some of which it waits for: `: a`, ` of a, b, c and 2 more`."""
    names = list(dict.fromkeys(job.spec.parents))
    more = f" and {len(names) - NAMED_PARENTS} more" if len(names) > NAMED_PARENTS else ""
    return (": " if job.remaining_parents == len(names) else " of ") + ", ".join(names[:NAMED_PARENTS]) + more


def _confined(job: Job) -> str:
    """Return why only some workers may run a job that was submitted from a worker whose token is not trusted."""
    if job.spec.confined_to is None:
        return ""
    return "; it was submitted from a worker with that token, which is not trusted"


def _of_organisation(job: Job, why: WaitsFor) -> str:
    """Return, where no worker can run a job of another organisation than the server's own, how to start one."""
    organisation_id = organisation_of(job.project_id)
    if organisation_id == ORGANISATION or why is not WaitsFor.UNROUTABLE:
        return ""
    return (
        f"; it waits for a worker of organisation {organisation_id}: make its token with"
        f" `titan tokens create NAME --role worker --org {organisation_id}`, and start it with `titan workers join`"
    )


def _after(reason: str | None) -> str:
    return f" (after: {reason})" if reason else ""
