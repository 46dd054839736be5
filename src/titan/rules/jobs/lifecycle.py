"""The lifecycle of a job: a table of all status changes, from which the guide's diagram is drawn.

A worker may hold the lease of a job that is still READY: it prefetched the job and has not started it. Such a job
is stopped like a running one, by CancelRequested, which changes no status.

A gate takes another way, past WAITING_APPROVAL. JobDelayed moves the due time of what waits for one. FAILED and
CANCELLED are left only by JobRetried, back to WAITING; nothing else that arrives late can change a final status.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from titan.model.attempts import AttemptOutcome
from titan.model.events import (
    CancelRequested,
    Event,
    GateApproved,
    GateExpired,
    GateOpened,
    GateRejected,
    JobBackedOff,
    JobCancelled,
    JobDelayed,
    JobEvent,
    JobFailed,
    JobHeld,
    JobLeased,
    JobReady,
    JobRequeued,
    JobRetried,
    JobSucceeded,
)
from titan.model.jobs import NO_KEY, Decision, GateOutcome, Job, JobStatus
from titan.rules.jobs.retry import backoff_seconds

TRANSITIONS: Final[Mapping[tuple[JobStatus, type[Event]], JobStatus]] = {
    (JobStatus.WAITING, JobDelayed): JobStatus.WAITING,
    (JobStatus.WAITING, JobHeld): JobStatus.WAITING,
    (JobStatus.WAITING, JobReady): JobStatus.READY,
    (JobStatus.WAITING, GateOpened): JobStatus.WAITING_APPROVAL,
    (JobStatus.WAITING, JobCancelled): JobStatus.CANCELLED,
    (JobStatus.WAITING_APPROVAL, JobDelayed): JobStatus.WAITING_APPROVAL,
    (JobStatus.WAITING_APPROVAL, GateApproved): JobStatus.COMPLETED,
    (JobStatus.WAITING_APPROVAL, GateRejected): JobStatus.FAILED,
    (JobStatus.WAITING_APPROVAL, GateExpired): JobStatus.FAILED,
    (JobStatus.WAITING_APPROVAL, JobCancelled): JobStatus.CANCELLED,
    (JobStatus.READY, JobLeased): JobStatus.RUNNING,
    (JobStatus.READY, CancelRequested): JobStatus.READY,
    (JobStatus.READY, JobCancelled): JobStatus.CANCELLED,
    (JobStatus.RUNNING, CancelRequested): JobStatus.RUNNING,
    (JobStatus.RUNNING, JobSucceeded): JobStatus.COMPLETED,
    (JobStatus.RUNNING, JobFailed): JobStatus.FAILED,
    (JobStatus.RUNNING, JobRequeued): JobStatus.READY,
    (JobStatus.RUNNING, JobBackedOff): JobStatus.WAITING,
    (JobStatus.RUNNING, JobCancelled): JobStatus.CANCELLED,
    (JobStatus.FAILED, JobRetried): JobStatus.WAITING,
    (JobStatus.CANCELLED, JobRetried): JobStatus.WAITING,
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
    """Return `job` after `event`; everything but its submission's facts may change.

    Raises:
        IllegalTransition: the job's status does not allow the event.
    """
    status = next_status(job.status, event)
    match event:
        case JobReady():
            return replace(job, status=status, ready_at=now, due_at=None, reason=None)
        case JobDelayed(due_at=due_at):
            return replace(job, status=status, due_at=due_at)
        case JobHeld():
            return replace(job, status=status, due_at=None)
        case GateOpened() | GateApproved() | GateRejected() | GateExpired():
            return _advance_gate(replace(job, status=status), event, now=now)
        case JobRetried(remaining_parents=remaining_parents):
            return _as_new(job, status=status, remaining_parents=remaining_parents)
        case JobLeased(began_at=began_at):
            reason = None if job.reason == NO_KEY else job.reason
            started_at = job.started_at or began_at or now
            return replace(
                job, status=status, attempt_count=job.attempt_count + 1, started_at=started_at, reason=reason
            )
        case CancelRequested(reason=reason):
            return replace(job, status=status, is_cancel_requested=True, reason=reason)
        case JobCancelled(reason=reason):
            return replace(job, status=status, ended_at=now, due_at=None, reason=reason)
        case JobSucceeded() | JobFailed() | JobRequeued() | JobBackedOff():
            return _after_attempt(replace(job, status=status), event, now=now)
        case _:
            assert_never(event)


def release(job: Job, *, cause: str, now: datetime) -> JobReady | JobDelayed | GateOpened:
    """Return the event of a WAITING job whose last parent is done: its delay begins, or it is released."""
    if job.spec.delay_ms == 0:
        return after_delay(job, cause=cause, now=now)
    return JobDelayed(cause=cause, due_at=now + timedelta(milliseconds=job.spec.delay_ms))


def after_delay(job: Job, *, cause: str, now: datetime) -> JobReady | GateOpened:
    """Return the event of a WAITING job after its delay: it is ready for a worker, or the gate opens."""
    if not job.is_gate:
        return JobReady(cause=cause)
    due_at = now + timedelta(seconds=job.spec.max_wait_seconds)
    return GateOpened(cause=cause, message=job.spec.hitl_message or "", due_at=due_at)


def longest_wait(job: Job) -> timedelta:
    """Return the whole delay of a WAITING job, or its whole pause before a retry; of an open gate, its whole time."""
    if job.status is JobStatus.WAITING_APPROVAL:
        return timedelta(seconds=job.spec.max_wait_seconds)
    if job.failed_count:
        return timedelta(seconds=backoff_seconds(job.spec.backoff_seconds, job.failed_count))
    return timedelta(milliseconds=job.spec.delay_ms)


def _after_attempt(job: Job, event: JobSucceeded | JobFailed | JobRequeued | JobBackedOff, *, now: datetime) -> Job:
    match event:
        case JobSucceeded():
            return replace(job, ended_at=now, reason=None)
        case JobFailed(outcome=outcome, reason=reason):
            return replace(_count(job, outcome), ended_at=now, reason=reason)
        case JobRequeued(outcome=outcome, reason=reason):
            return replace(_count(job, outcome), ready_at=now, reason=reason)
        case JobBackedOff(outcome=outcome, reason=reason, due_at=due_at):
            return replace(_count(job, outcome), due_at=due_at, reason=reason)
        case _:
            assert_never(event)


def _advance_gate(gate: Job, event: GateOpened | GateApproved | GateRejected | GateExpired, *, now: datetime) -> Job:
    match event:
        case GateOpened(due_at=due_at):
            return replace(gate, ready_at=now, due_at=due_at, reason=None)
        case GateApproved(decided_by=by, comment=comment):
            decision = Decision(outcome=GateOutcome.APPROVED, decided_by=by, comment=comment)
            return replace(gate, ended_at=now, due_at=None, reason=None, decision=decision)
        case GateRejected(decided_by=by, comment=comment):
            decision = Decision(outcome=GateOutcome.REJECTED, decided_by=by, comment=comment)
            reason = f"rejected by {by}" + (f": {comment}" if comment else "")
            return replace(gate, ended_at=now, due_at=None, reason=reason, decision=decision)
        case GateExpired():
            decision = Decision(outcome=GateOutcome.EXPIRED)
            reason = f"nobody decided within {gate.spec.max_wait_seconds:g} s"
            return replace(gate, ended_at=now, due_at=None, reason=reason, decision=decision)
        case _:
            assert_never(event)


def _as_new(job: Job, *, status: JobStatus, remaining_parents: int) -> Job:
    """Return a job as it was before its first attempt, but for the count of its attempts."""
    return replace(
        job,
        status=status,
        remaining_parents=remaining_parents,
        ready_at=None,
        ended_at=None,
        reason=None,
        is_cancel_requested=False,
        failed_count=0,
        lost_count=0,
        decision=None,
    )


def _count(job: Job, outcome: AttemptOutcome) -> Job:
    """Book an attempt without success: one given back never happened, as far as limits go."""
    if outcome is AttemptOutcome.RETURNED:
        return replace(job, attempt_count=job.attempt_count - 1)
    if outcome is AttemptOutcome.LOST:
        return replace(job, lost_count=job.lost_count + 1)
    return replace(job, failed_count=job.failed_count + 1)
