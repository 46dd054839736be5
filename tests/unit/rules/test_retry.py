"""What follows an attempt: how often it is repeated, after which pause, and what is never repeated."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NOON, a_job, a_report, a_spec
from titan.model.attempts import AttemptOutcome, AttemptReport
from titan.model.events import JobBackedOff, JobCancelled, JobFailed, JobRequeued, JobSucceeded
from titan.model.jobs import Job, JobStatus
from titan.rules.jobs.lifecycle import next_status
from titan.rules.jobs.retry import MAX_BACKOFF_SECONDS, AttemptConsequence, after_attempt, backoff_seconds, describe

FAILED, LOST = AttemptOutcome.FAILED, AttemptOutcome.LOST


def running(
    *,
    retries: int = 0,
    backoff: float = 0.0,
    max_lost: int = 3,
    failed_count: int = 0,
    lost_count: int = 0,
    is_cancel_requested: bool = False,
) -> Job:
    """Return a RUNNING job with this policy and this past."""
    return a_job(
        status=JobStatus.RUNNING,
        spec=a_spec(retries=retries, backoff_seconds=backoff, max_lost=max_lost),
        failed_count=failed_count,
        lost_count=lost_count,
        is_cancel_requested=is_cancel_requested,
    )


def consequence(job: Job, report: AttemptReport) -> AttemptConsequence:
    """Return what follows, at noon, of what worker w1 says."""
    return after_attempt(job, report, cause="worker w1", now=NOON)


def test_success_completes_the_job() -> None:
    assert consequence(running(), a_report()) == JobSucceeded(cause="worker w1", lease_id="lease")


def test_a_failed_attempt_fails_the_job_when_no_retry_was_asked_for() -> None:
    assert consequence(running(), a_report(FAILED, exit_code=3)) == JobFailed(
        cause="worker w1", lease_id="lease", outcome=FAILED, reason="exit code 3"
    )


def test_a_retry_without_backoff_is_ready_at_once() -> None:
    assert consequence(running(retries=1), a_report(FAILED, exit_code=3)) == JobRequeued(
        cause="worker w1", lease_id="lease", outcome=FAILED, reason="exit code 3"
    )


def test_the_pause_before_a_retry_doubles_with_each_failure() -> None:
    third_failure = running(retries=5, backoff=2, failed_count=2)

    assert consequence(third_failure, a_report(FAILED, exit_code=3)) == JobBackedOff(
        cause="worker w1",
        lease_id="lease",
        outcome=FAILED,
        reason="exit code 3",
        due_at=NOON + timedelta(seconds=8),
    )


def test_a_timeout_counts_as_a_failure() -> None:
    report = a_report(AttemptOutcome.TIMED_OUT, signal=9)

    assert isinstance(consequence(running(retries=1), report), JobRequeued)
    assert isinstance(consequence(running(retries=1, failed_count=1), report), JobFailed)


def test_a_lost_attempt_is_repeated_at_once_and_uses_up_no_retry() -> None:
    job = running(retries=0, backoff=60, lost_count=2)

    assert consequence(job, a_report(LOST, error="its lease ran out")) == JobRequeued(
        cause="worker w1", lease_id="lease", outcome=LOST, reason="its lease ran out"
    )


def test_a_job_that_loses_its_worker_too_often_fails() -> None:
    assert isinstance(consequence(running(lost_count=3), a_report(LOST)), JobFailed)


def test_an_attempt_given_back_counts_nowhere() -> None:
    exhausted = running(max_lost=0, lost_count=0, failed_count=0, backoff=60)

    assert isinstance(consequence(exhausted, a_report(AttemptOutcome.RETURNED)), JobRequeued)


@pytest.mark.parametrize("outcome", sorted(set(AttemptOutcome) - {AttemptOutcome.SUCCEEDED}))
def test_once_a_cancel_was_asked_for_nothing_is_repeated(outcome: AttemptOutcome) -> None:
    job = running(retries=9, is_cancel_requested=True)

    assert consequence(job, a_report(outcome)) == JobCancelled(cause="worker w1", reason="cancelled on request")


def test_an_attempt_that_succeeded_before_the_cancel_reached_it_counts_as_success() -> None:
    assert isinstance(consequence(running(is_cancel_requested=True), a_report()), JobSucceeded)


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (a_report(FAILED, exit_code=3), "exit code 3"),
        (a_report(FAILED, signal=9), "killed by signal 9"),
        (a_report(FAILED, error="no such interpreter", exit_code=127), "no such interpreter"),
        (a_report(AttemptOutcome.TIMED_OUT, signal=9), "timed out"),
        (a_report(LOST), "lost"),
        (a_report(AttemptOutcome.RETURNED), "returned"),
    ],
)
def test_a_reason_says_in_a_few_words_how_the_attempt_ended(report: AttemptReport, text: str) -> None:
    assert describe(report) == text


def test_a_base_of_two_seconds_pauses_2_4_8_16() -> None:
    assert [backoff_seconds(2, failures) for failures in (1, 2, 3, 4)] == [2, 4, 8, 16]


@given(st.floats(0, 366 * 24 * 3600), st.integers(1, 1000))
def test_pauses_never_shrink_and_never_exceed_an_hour(base: float, failures: int) -> None:
    pause, next_pause = backoff_seconds(base, failures), backoff_seconds(base, failures + 1)

    assert min(base, MAX_BACKOFF_SECONDS) <= pause <= next_pause <= MAX_BACKOFF_SECONDS


ENDS = st.sampled_from(AttemptOutcome)


@given(st.integers(0, 4), st.integers(0, 4), st.floats(0, 10), st.lists(ENDS, max_size=30))
def test_no_policy_gives_more_attempts_than_retries_losses_and_returns_allow(
    retries: int, max_lost: int, backoff: float, outcomes: list[AttemptOutcome]
) -> None:
    job = running(retries=retries, max_lost=max_lost, backoff=backoff)
    ended: list[AttemptOutcome] = []

    for outcome in outcomes:
        ended.append(outcome)
        event = consequence(job, a_report(outcome))
        if next_status(JobStatus.RUNNING, event).is_final:
            break
        job = running(
            retries=retries,
            max_lost=max_lost,
            backoff=backoff,
            failed_count=sum(end in (FAILED, AttemptOutcome.TIMED_OUT) for end in ended),
            lost_count=ended.count(LOST),
        )

    assert len(ended) <= 1 + retries + max_lost + ended.count(AttemptOutcome.RETURNED)


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 10))
def test_a_job_fails_exactly_when_its_retries_are_used_up(retries: int, failed_count: int, backoff: float) -> None:
    event = consequence(running(retries=retries, failed_count=failed_count, backoff=backoff), a_report(FAILED))

    assert isinstance(event, JobFailed) == (failed_count >= retries)
