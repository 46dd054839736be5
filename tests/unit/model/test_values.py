"""The few things that values of the model say about themselves."""

from dataclasses import fields

import pytest

from tests.support.builders import a_dag, a_job
from titan.model.dags import JobCounts
from titan.model.jobs import JobStatus

COUNTS = JobCounts(waiting=1, ready=2, running=3, completed=4, failed=5, cancelled=6, waiting_approval=7)


def test_the_last_three_statuses_are_final() -> None:
    assert [status for status in JobStatus if status.is_final] == ["COMPLETED", "FAILED", "CANCELLED"]


def test_counts_have_a_number_for_every_status() -> None:
    assert [COUNTS.of(status) for status in JobStatus] == [1, 7, 2, 3, 4, 5, 6]
    assert {field.name for field in fields(JobCounts)} == {status.lower() for status in JobStatus}


def test_counts_add_up() -> None:
    assert (COUNTS.total, COUNTS.unfinished) == (28, 13)


@pytest.mark.parametrize(
    ("counts", "is_final"),
    [
        (JobCounts(waiting=1), False),
        (JobCounts(completed=1, ready=1), False),
        (JobCounts(failed=1, running=1), False),
        (JobCounts(completed=1, failed=1, cancelled=1), True),
    ],
)
def test_a_dag_is_final_when_no_job_of_it_is_unfinished(counts: JobCounts, is_final: bool) -> None:
    assert a_dag(counts=counts).is_final == is_final


def test_a_job_is_called_by_the_name_in_its_spec() -> None:
    assert a_job("plan").name == "plan"
