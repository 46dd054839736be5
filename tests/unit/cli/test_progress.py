"""What is told while a DAG runs, where lines cannot be redrawn."""

import re

import pytest

from tests.support.cli_answers import an_answered_dag, an_answered_job
from titan.cli.following import PlainProgress
from titan.model.jobs import JobStatus


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in captured.err.splitlines()]


def test_each_change_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    looks = [
        [an_answered_job("a", JobStatus.RUNNING), an_answered_job("b", JobStatus.WAITING)],
        [an_answered_job("a", JobStatus.RUNNING), an_answered_job("b", JobStatus.WAITING)],
        [
            an_answered_job("a", JobStatus.FAILED, reason="exit code 1"),
            an_answered_job("b", JobStatus.CANCELLED),
        ],
    ]

    for jobs in looks:
        progress.show(an_answered_dag(*jobs))

    running, failed, cancelled = told(capsys)
    assert running == "a RUNNING"
    assert failed.startswith("a FAILED")
    assert failed.endswith(": exit code 1")
    assert cancelled == "b CANCELLED"


def test_the_reason_why_jobs_wait_is_printed_once_if_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()
    looks = ["all GPU slots are busy", "no worker offers GPU", "no worker offers GPU", "no worker offers GPU"]

    for reason in looks:
        progress.show(an_answered_dag(an_answered_job("a", reason=reason), an_answered_job("b", reason=reason)))

    assert told(capsys) == ["2 jobs READY: no worker offers GPU"]


def test_of_many_jobs_only_failures_and_every_tenth_of_progress_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = PlainProgress()

    for done in range(0, 101, 5):
        statuses = [JobStatus.COMPLETED] * done + [JobStatus.RUNNING] * (100 - done)
        jobs = [an_answered_job(f"j{number}", status) for number, status in enumerate(statuses)]
        progress.show(an_answered_dag(*jobs, an_answered_job("bad", JobStatus.FAILED)))

    lines = told(capsys)
    assert [line for line in lines if line.startswith("bad FAILED")] == lines[:1]
    assert len(lines) == 1 + 10
    assert lines[-1] == "100 of 101 jobs completed, 1 failed"
