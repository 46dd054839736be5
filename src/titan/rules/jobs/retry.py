"""Decide what follows an attempt: success, a retry now or later, or failure."""

from datetime import datetime, timedelta
from typing import Final

from titan.model.attempts import AttemptOutcome, AttemptReport
from titan.model.events import JobBackedOff, JobCancelled, JobFailed, JobRequeued, JobSucceeded
from titan.model.jobs import Job

MAX_BACKOFF_SECONDS: Final = 3600.0  # doubling beyond an hour helps nobody who waits for the result

AttemptConsequence = JobSucceeded | JobFailed | JobRequeued | JobBackedOff | JobCancelled


def backoff_seconds(base_seconds: float, failures: int) -> float:
    """Return the pause before the next attempt after `failures` (≥ 1) failed ones.

    A base of 2 gives 2, 4, 8, 16 s, at most 3,600 s; a base of 0 always gives 0.
    """
    return min(base_seconds * 2.0 ** min(failures - 1, 30), MAX_BACKOFF_SECONDS)


def after_attempt(job: Job, report: AttemptReport, *, cause: str, now: datetime) -> AttemptConsequence:
    """Return the event of a RUNNING `job` whose attempt ended as in `report`.

    An attempt given back counts nowhere. A failed or timed-out one is repeated up to
    `spec.retries` times, a lost one up to `spec.max_lost` times. Once a cancel was asked for,
    nothing is repeated; an attempt that succeeded all the same still counts as success.
    """
    lease_id, outcome = report.lease_id, report.outcome
    if outcome is AttemptOutcome.SUCCEEDED:
        return JobSucceeded(cause=cause, lease_id=lease_id)
    if job.is_cancel_requested or outcome is AttemptOutcome.CANCELLED:
        return JobCancelled(cause=cause, reason=_why_cancelled(job))
    reason = describe(report)
    if outcome is AttemptOutcome.RETURNED:
        return JobRequeued(cause=cause, lease_id=lease_id, outcome=outcome, reason=reason)
    if outcome is AttemptOutcome.LOST:
        if job.lost_count < job.spec.max_lost:
            return JobRequeued(cause=cause, lease_id=lease_id, outcome=outcome, reason=reason)
        return JobFailed(cause=cause, lease_id=lease_id, outcome=outcome, reason=reason)
    if job.failed_count >= job.spec.retries:
        return JobFailed(cause=cause, lease_id=lease_id, outcome=outcome, reason=reason)
    pause = backoff_seconds(job.spec.backoff_seconds, job.failed_count + 1)
    if pause == 0:
        return JobRequeued(cause=cause, lease_id=lease_id, outcome=outcome, reason=reason)
    due_at = now + timedelta(seconds=pause)
    return JobBackedOff(cause=cause, lease_id=lease_id, outcome=outcome, reason=reason, due_at=due_at)


def _why_cancelled(job: Job) -> str:
    return (job.reason if job.is_cancel_requested else None) or "cancelled on request"


def describe(report: AttemptReport) -> str:
    """Return in a few words how the attempt ended: "exit code 3", "killed by signal 9"."""
    if report.error:
        return report.error
    if report.outcome is AttemptOutcome.TIMED_OUT:
        return "timed out"
    if report.signal is not None:
        return f"killed by signal {report.signal}"
    if report.exit_code is not None:
        return f"exit code {report.exit_code}"
    return report.outcome.value
