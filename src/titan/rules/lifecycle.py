"""The life of a job: every status change that may happen, in one table.

    WAITING ── JobReady ──► READY ── JobLeased ──► RUNNING ── JobSucceeded ──► COMPLETED
      │  ▲                   │ ▲                    │ │ │
      │  └── JobBackedOff ───┼─┼────────────────────┘ │ └── JobFailed ──► FAILED
      │                      │ └──── JobRequeued ─────┘
      └──── JobCancelled ────┴──── (also from RUNNING) ──► CANCELLED

A final status has no row: nothing that arrives late can change it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from titan.model.attempts import AttemptOutcome
from titan.model.events import (
    CancelRequested,
    Event,
    JobBackedOff,
    JobCancelled,
    JobDelayed,
    JobEvent,
    JobFailed,
    JobLeased,
    JobReady,
    JobRequeued,
    JobSucceeded,
)
from titan.model.jobs import Job, JobStatus

TRANSITIONS: Final[Mapping[tuple[JobStatus, type[Event]], JobStatus]] = {
    (JobStatus.WAITING, JobDelayed): JobStatus.WAITING,
    (JobStatus.WAITING, JobReady): JobStatus.READY,
    (JobStatus.WAITING, JobCancelled): JobStatus.CANCELLED,
    (JobStatus.READY, JobLeased): JobStatus.RUNNING,
    (JobStatus.READY, JobCancelled): JobStatus.CANCELLED,
    (JobStatus.RUNNING, CancelRequested): JobStatus.RUNNING,
    (JobStatus.RUNNING, JobSucceeded): JobStatus.COMPLETED,
    (JobStatus.RUNNING, JobFailed): JobStatus.FAILED,
    (JobStatus.RUNNING, JobRequeued): JobStatus.READY,
    (JobStatus.RUNNING, JobBackedOff): JobStatus.WAITING,
    (JobStatus.RUNNING, JobCancelled): JobStatus.CANCELLED,
}


class IllegalTransition(Exception):
    """An event arrived that the job's status does not allow: a mistake in Titan. Nothing was changed."""

    def __init__(self, status: JobStatus, event: JobEvent) -> None:
        super().__init__(f"a job that is {status} allows no {type(event).__name__} (cause {event.cause})")
        self.status = status
        self.event = event


def next_status(status: JobStatus, event: JobEvent) -> JobStatus:
    """Return the status that follows `event`.

    Raises:
        IllegalTransition: no row of TRANSITIONS covers this status and event.
    """
    try:
        return TRANSITIONS[status, type(event)]
    except KeyError:
        raise IllegalTransition(status, event) from None


def advance(job: Job, event: JobEvent, *, now: datetime) -> Job:
    """Return `job` as it stands after `event`; everything but its submission's facts may change.

    Raises:
        IllegalTransition: the job's status does not allow the event.
    """
    status = next_status(job.status, event)
    match event:
        case JobReady():
            return replace(job, status=status, ready_at=now, due_at=None, reason=None)
        case JobDelayed(due_at=due_at):
            return replace(job, status=status, due_at=due_at)
        case JobLeased():
            attempts = job.attempt_count + 1
            return replace(job, status=status, attempt_count=attempts, started_at=job.started_at or now)
        case CancelRequested():
            return replace(job, status=status, is_cancel_requested=True)
        case JobSucceeded():
            return replace(job, status=status, ended_at=now, reason=None)
        case JobCancelled(reason=reason):
            return replace(job, status=status, ended_at=now, due_at=None, reason=reason)
        case JobFailed(outcome=outcome, reason=reason):
            return replace(_count(job, outcome), status=status, ended_at=now, reason=reason)
        case JobRequeued(outcome=outcome, reason=reason):
            return replace(_count(job, outcome), status=status, ready_at=now, reason=reason)
        case JobBackedOff(outcome=outcome, reason=reason, due_at=due_at):
            return replace(_count(job, outcome), status=status, due_at=due_at, reason=reason)
        case _:
            assert_never(event)


def release(job: Job, *, cause: str, now: datetime) -> JobReady | JobDelayed:
    """Return what happens to a WAITING job whose last parent is done: it is ready, or its delay begins."""
    if job.spec.delay_ms == 0:
        return JobReady(cause=cause)
    return JobDelayed(cause=cause, due_at=now + timedelta(milliseconds=job.spec.delay_ms))


def _count(job: Job, outcome: AttemptOutcome) -> Job:
    """Book an attempt without success: one given back never happened, as far as limits go."""
    if outcome is AttemptOutcome.RETURNED:
        return replace(job, attempt_count=job.attempt_count - 1)
    if outcome is AttemptOutcome.LOST:
        return replace(job, lost_count=job.lost_count + 1)
    return replace(job, failed_count=job.failed_count + 1)
