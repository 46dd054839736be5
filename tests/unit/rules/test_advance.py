"""What an event changes of a job beside its status: its counts, times and the reason shown to people."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NOON, a_gate, a_job, a_spec
from titan.model.attempts import AttemptOutcome
from titan.model.events import (
    CancelRequested,
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
from titan.model.jobs import Decision, GateOutcome, Job, JobStatus
from titan.rules.jobs.lifecycle import IllegalTransition, advance, longest_wait, release

NOW = NOON + timedelta(seconds=30)
DUE = NOW + timedelta(seconds=8)
LEASED = JobLeased(cause="worker w1", lease_id="l1", worker_id="w1", attempt=1)
FAILED, LOST, RETURNED = AttemptOutcome.FAILED, AttemptOutcome.LOST, AttemptOutcome.RETURNED


def requeued(outcome: AttemptOutcome) -> JobRequeued:
    """Return an attempt's end that leads to another attempt at once."""
    return JobRequeued(cause="worker w1", lease_id="l1", outcome=outcome, reason="why")


def a_running_job() -> Job:
    """Return a job in its first attempt, leased at noon."""
    return replace(a_job(status=JobStatus.RUNNING), attempt_count=1, started_at=NOON, ready_at=NOON)


def test_a_job_that_becomes_ready_waits_for_a_worker_from_now_on() -> None:
    paused = replace(a_job(), due_at=NOON, reason="exit code 3")

    assert advance(paused, JobReady(cause="pause over"), now=NOW) == replace(
        paused, status=JobStatus.READY, ready_at=NOW, due_at=None, reason=None
    )


def test_a_delayed_job_waits_until_it_is_due() -> None:
    event = JobDelayed(cause="parent d1.a completed", due_at=DUE)

    assert advance(a_job(), event, now=NOW) == replace(a_job(), due_at=DUE)


def test_the_first_lease_counts_an_attempt_and_starts_the_job() -> None:
    job = replace(a_job(status=JobStatus.READY), ready_at=NOON)

    assert advance(job, LEASED, now=NOW) == replace(job, status=JobStatus.RUNNING, attempt_count=1, started_at=NOW)


def test_a_later_lease_leaves_the_start_as_it_was() -> None:
    job = replace(a_running_job(), status=JobStatus.READY)

    again = advance(job, LEASED, now=NOW)

    assert (again.attempt_count, again.started_at) == (2, NOON)


def test_success_ends_the_job_and_forgets_why_an_earlier_attempt_failed() -> None:
    job = replace(a_running_job(), reason="exit code 3")

    assert advance(job, JobSucceeded(cause="worker w1", lease_id="l1"), now=NOW) == replace(
        job, status=JobStatus.COMPLETED, ended_at=NOW, reason=None
    )


def test_a_final_failure_ends_the_job_with_its_reason() -> None:
    event = JobFailed(cause="worker w1", lease_id="l1", outcome=FAILED, reason="exit code 3")

    assert advance(a_running_job(), event, now=NOW) == replace(
        a_running_job(), status=JobStatus.FAILED, ended_at=NOW, failed_count=1, reason="exit code 3"
    )


def test_a_pause_keeps_the_reason_and_the_time_it_ends() -> None:
    event = JobBackedOff(cause="worker w1", lease_id="l1", outcome=FAILED, reason="exit code 3", due_at=DUE)

    assert advance(a_running_job(), event, now=NOW) == replace(
        a_running_job(), status=JobStatus.WAITING, failed_count=1, due_at=DUE, reason="exit code 3"
    )


@pytest.mark.parametrize(
    ("outcome", "attempts", "failures", "losses"),
    [(FAILED, 1, 1, 0), (AttemptOutcome.TIMED_OUT, 1, 1, 0), (LOST, 1, 0, 1), (RETURNED, 0, 0, 0)],
)
def test_each_kind_of_end_is_counted_where_its_limit_is(
    outcome: AttemptOutcome, attempts: int, failures: int, losses: int
) -> None:
    job = advance(a_running_job(), requeued(outcome), now=NOW)

    assert (job.attempt_count, job.failed_count, job.lost_count) == (attempts, failures, losses)
    assert (job.status, job.ready_at) == (JobStatus.READY, NOW)


@pytest.mark.parametrize("status", [JobStatus.READY, JobStatus.RUNNING])
def test_asking_to_stop_leaves_the_job_where_it_is(status: JobStatus) -> None:
    job = replace(a_running_job(), status=status, ready_at=NOW)

    assert advance(job, CancelRequested(cause="client", reason="why"), now=NOW) == replace(
        job, is_cancel_requested=True, reason="why"
    )


def test_a_prefetched_job_that_began_earlier_than_its_worker_said_so_started_then() -> None:
    ready = a_job(status=JobStatus.READY)
    earlier = NOW - timedelta(milliseconds=20)

    began = advance(ready, replace(LEASED, began_at=earlier), now=NOW)

    assert (began.status, began.started_at) == (JobStatus.RUNNING, earlier)


def test_a_cancelled_job_ends_and_is_no_longer_due() -> None:
    paused = replace(a_job(), due_at=DUE)

    assert advance(paused, JobCancelled(cause="client", reason="on request"), now=NOW) == replace(
        paused, status=JobStatus.CANCELLED, ended_at=NOW, due_at=None, reason="on request"
    )


def test_a_job_without_a_delay_is_ready_when_its_last_parent_is_done() -> None:
    assert release(a_job(), cause="parent d1.a completed", now=NOW) == JobReady(cause="parent d1.a completed")


def test_a_delay_counts_from_the_moment_all_parents_are_done() -> None:
    job = a_job(spec=replace(a_spec(), delay_ms=1500))

    assert release(job, cause="submit", now=NOW) == JobDelayed(
        cause="submit", due_at=NOW + timedelta(milliseconds=1500)
    )


@pytest.mark.parametrize(
    ("job", "seconds"),
    [
        (a_job(spec=replace(a_spec(), delay_ms=1500)), 1.5),
        (a_job(spec=a_spec(retries=3, backoff_seconds=5), failed_count=2), 10),
        (a_job(spec=a_gate(max_wait_seconds=60), status=JobStatus.WAITING_APPROVAL), 60),
        (a_job(spec=replace(a_gate(max_wait_seconds=60), delay_ms=500)), 0.5),
    ],
)
def test_a_job_waits_no_longer_than_its_whole_delay_its_pause_or_the_time_of_its_gate(job: Job, seconds: float) -> None:
    assert longest_wait(job) == timedelta(seconds=seconds)


def test_an_open_gate_can_be_due_earlier() -> None:
    gate = replace(a_job(spec=a_gate(), status=JobStatus.WAITING_APPROVAL), due_at=NOON)

    assert advance(gate, JobDelayed(cause="the clock was set back", due_at=DUE), now=NOW) == replace(gate, due_at=DUE)


EVENTS: tuple[JobEvent, ...] = (
    JobReady(cause="submit"),
    JobDelayed(cause="submit", due_at=DUE),
    LEASED,
    JobSucceeded(cause="worker w1", lease_id="l1"),
    JobFailed(cause="worker w1", lease_id="l1", outcome=LOST, reason="why"),
    *(requeued(outcome) for outcome in (FAILED, LOST, RETURNED)),
    JobBackedOff(cause="worker w1", lease_id="l1", outcome=FAILED, reason="why", due_at=DUE),
    JobCancelled(cause="client", reason="why"),
    CancelRequested(cause="client", reason="why"),
)


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_after_any_events_the_fields_of_a_job_fit_its_status(events: list[JobEvent]) -> None:
    job = a_job()

    for event in events:
        try:
            job = advance(job, event, now=NOW)
        except IllegalTransition:
            continue

        assert job.status.is_final == (job.ended_at is not None)
        assert job.due_at is None or job.status is JobStatus.WAITING
        assert job.ready_at is not None or job.status not in (JobStatus.READY, JobStatus.RUNNING)
        assert job.attempt_count >= (1 if job.status is JobStatus.RUNNING else 0)
        assert job.failed_count + job.lost_count <= job.attempt_count
        assert job.reason is None or job.status is not JobStatus.COMPLETED
        assert job.spec == a_spec()


def test_a_held_job_waits_without_a_due_time() -> None:
    job = replace(a_job("train"), due_at=DUE)

    assert advance(job, JobHeld(cause="its time has come", key="db"), now=NOON) == replace(job, due_at=None)


def test_a_retried_job_is_as_it_was_before_its_first_attempt_but_for_their_count() -> None:
    failed = replace(
        a_job("train", status=JobStatus.FAILED, failed_count=2, lost_count=1, is_cancel_requested=True),
        ready_at=NOON,
        ended_at=NOON,
        reason="exit code 1",
        attempt_count=3,
        started_at=NOON,
    )

    again = advance(failed, JobRetried(cause="client", remaining_parents=2), now=DUE)

    assert again == replace(a_job("train"), remaining_parents=2, attempt_count=3, started_at=NOON)


@pytest.mark.parametrize(
    ("event", "status", "reason", "decision"),
    [
        (
            GateApproved(cause="", decided_by="ada", comment="good"),
            JobStatus.COMPLETED,
            None,
            Decision(outcome=GateOutcome.APPROVED, decided_by="ada", comment="good"),
        ),
        (
            GateRejected(cause="", decided_by="ada", comment=None),
            JobStatus.FAILED,
            "rejected by ada",
            Decision(outcome=GateOutcome.REJECTED, decided_by="ada"),
        ),
        (
            GateRejected(cause="", decided_by="ada", comment="too long"),
            JobStatus.FAILED,
            "rejected by ada: too long",
            Decision(outcome=GateOutcome.REJECTED, decided_by="ada", comment="too long"),
        ),
        (
            GateExpired(cause=""),
            JobStatus.FAILED,
            "nobody decided within 60 s",
            Decision(outcome=GateOutcome.EXPIRED),
        ),
    ],
)
def test_an_open_gate_ends_with_its_decision(
    event: JobEvent, status: JobStatus, reason: str | None, decision: Decision
) -> None:
    gate = a_job("ok", spec=a_gate("ok", max_wait_seconds=60))
    opened = advance(gate, GateOpened(cause="", message="Go on?", due_at=DUE), now=NOON)

    ended = advance(opened, event, now=DUE)

    assert opened == replace(gate, status=JobStatus.WAITING_APPROVAL, ready_at=NOON, due_at=DUE)
    assert ended == replace(opened, status=status, due_at=None, ended_at=DUE, reason=reason, decision=decision)


def test_a_gate_opens_where_work_becomes_ready() -> None:
    gate = a_job("ok", spec=a_gate("ok", max_wait_seconds=60))

    event = release(gate, cause="parent a completed", now=NOON)

    assert event == GateOpened(cause="parent a completed", message="Go on?", due_at=NOON + timedelta(seconds=60))
