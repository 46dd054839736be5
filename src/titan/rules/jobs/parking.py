"""Decide whether an attempt gives its slot back while its program waits, and when it runs on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from titan.model.attempts import Attempt
from titan.model.jobs import Job, JobStatus
from titan.model.workers import Worker

Waiter: TypeAlias = tuple[Job, Attempt]  # a running job whose program is known to wait
NAMED_WAITERS: Final = 5
PARKS: Final = "parks"  # how a program waits that needs no slot meanwhile
#: How else programs wait → why they keep their slots.
KEEPS: Final[Mapping[str, str]] = {
    "threads": "its program waits in a thread, or has other threads",
    "asyncio": "its program waits in asyncio without park=True",
    "child": "a process that the job started waits, not the job's own",
    "asked": "its program waits with park=False",
}


def why_kept(waits: str, label: str, worker: Worker, *, parked_count: int) -> str | None:
    """Return why an attempt keeps its slot while its program waits; None when it gives the slot back.

    `waits` is PARKS or one of KEEPS; of the worker's attempts `parked_count` are parked.
    """
    if waits != PARKS:
        return KEEPS.get(waits, KEEPS["asked"])
    if label not in worker.parks:
        return f"its worker does not give back slots of {label} (TITAN_PARK_LABELS)"
    if parked_count >= worker.max_parked:
        return f"its worker has {parked_count} parked jobs, as many as it may (TITAN_MAX_PARKED)"
    return None


def has_turn(lease_id: str, running: Mapping[str, datetime | None], *, slots: int, may_run_over: bool) -> bool:
    """Return whether a woken attempt runs on now; the one that was woken first goes first.

    `running` has the attempts that run under its label on its worker: lease → since when it was woken and waits for a
    slot, None of those that have one. With `may_run_over` there may be one more for each slot.
    """
    since = running[lease_id]
    before = sum(
        each is None or (since is not None and (each, other) < (since, lease_id)) for other, each in running.items()
    )
    return before < (2 * slots if may_run_over else slots)


def reason_of_wait(attempt: Attempt) -> str | None:
    """Return, for a person, what the program of an attempt waits for; None when it is not known to wait."""
    if attempt.wait is None:
        return None
    if attempt.woken_at is not None:
        return f"waited for {attempt.wait.what}, and goes on as soon as it has a slot"
    held = "its slot is free meanwhile" if attempt.wait.kept is None else f"it keeps its slot: {attempt.wait.kept}"
    return f"waits for {attempt.wait.what}; {held}"


def holders_that_wait(waiters: Sequence[Waiter], *, places: int) -> str | None:
    """Return, for a person, that all of so many places are held by jobs that wait; None when some other job has one."""
    if not places or len(waiters) < places:
        return None
    named = [f"'{job.name}' for {attempt.wait.what}" for job, attempt in waiters[:NAMED_WAITERS] if attempt.wait]
    more = f" and {len(waiters) - NAMED_WAITERS} more" if len(waiters) > NAMED_WAITERS else ""
    return f"held by jobs that wait themselves: {', '.join(named)}{more}"


def needs_held(target: Job, job: Job, attempt: Attempt, *, slots: int | None) -> str | None:
    """Return what an unfinished `target` needs that a job which waits for it holds; None when there is nothing.

    `slots` is how many the job's label has in all, None: that does not matter, for the job may give its own back yet.
    """
    if target.status is JobStatus.RUNNING or target.is_gate:
        return None
    key = target.spec.concurrency_key
    is_same = key is not None and (key, target.project_id) == (job.spec.concurrency_key, job.project_id)
    if is_same and target.status is JobStatus.WAITING and target.spec.concurrency_limit == 1:
        return f"the only place under key '{key}'"
    needs_label = target.spec.requirement == attempt.label and target.id != job.id
    if attempt.parked_at is None and needs_label and slots == 1:
        return f"the only {attempt.label} slot"
    return None
