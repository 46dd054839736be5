"""Concurrency keys, on a real store: jobs with one key share their places, and no place leaks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from titan.model.attempts import AttemptOutcome
from titan.model.jobs import JobSpec, JobStatus


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as opened:
        opened.join("w1", GENERAL=10)
        yield opened


def keyed(name: str, *, limit: int = 1, priority: int = 1, retries: int = 0, backoff_seconds: float = 0) -> JobSpec:
    """Return a job with the key `db`."""
    spec = a_spec(name, retries=retries, backoff_seconds=backoff_seconds)
    return replace(spec, concurrency_key="db", concurrency_limit=limit, priority=priority)


def test_one_job_of_a_key_runs_at_a_time_and_each_end_lets_the_next_go(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("a"), keyed("b"), keyed("c"), a_spec("free")))

    waves = []
    while attempts := desk.dispatch():
        waves.append([desk.job_of(attempt).name for attempt in attempts])
        for attempt in attempts:
            desk.report(attempt)

    assert waves == [["a", "free"], ["b"], ["c"]]


def test_a_limit_of_two_lets_two_run(desk: Desk) -> None:
    desk.submit(a_new_dag(*(keyed(name, limit=2) for name in "abc")))

    assert len(desk.dispatch()) == 2


def test_keys_are_shared_by_all_dags_of_a_project(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("a")))
    desk.submit(a_new_dag(keyed("b")))

    assert [desk.job_of(attempt).name for attempt in desk.dispatch()] == ["a"]


def test_the_held_job_of_highest_priority_goes_first(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("a"), keyed("b"), keyed("high", priority=5)))

    assert desk.run_all() == ["high", "a", "b"]


def test_one_that_comes_later_does_not_overtake_one_that_is_held(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("a"), keyed("held")))
    (first,) = desk.dispatch()
    desk.submit(a_new_dag(keyed("late")))

    desk.report(first)

    assert [desk.job_of(attempt).name for attempt in desk.dispatch()] == ["held"]


@pytest.mark.parametrize("outcome", [AttemptOutcome.FAILED, AttemptOutcome.LOST])
def test_a_place_comes_back_however_its_job_ends(desk: Desk, outcome: AttemptOutcome) -> None:
    desk.submit(a_new_dag(replace(keyed("a"), max_lost=0), keyed("b")))
    (first,) = desk.dispatch()

    desk.report(first, outcome, exit_code=1)

    assert desk.run_all() == ["b"]


def test_a_job_that_pauses_before_a_retry_gives_its_place_to_others(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("flaky", retries=1, backoff_seconds=60), keyed("b")))
    desk.run_all(failing=["flaky"])
    between = desk.statuses()

    desk.clock.turn(60)
    desk.keep_time()

    assert between == {"flaky": "WAITING", "b": "COMPLETED"}
    assert desk.run_all() == ["flaky"]


def test_a_delay_that_ends_while_the_place_is_taken_leaves_the_job_held(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("a"), replace(keyed("delayed"), delay_ms=2000)))
    (first,) = desk.dispatch()
    desk.clock.turn(2)

    desk.keep_time()

    assert (desk.job("delayed").status, desk.job("delayed").due_at) == (JobStatus.WAITING, None)
    desk.report(first)
    assert desk.run_all() == ["delayed"]


def test_cancelling_the_one_that_runs_or_is_ready_lets_the_next_go(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("a"), keyed("b")))

    desk.cancel("a")

    assert desk.run_all() == ["b"]


def test_cancelling_the_one_that_is_held_first_lets_one_behind_it_with_a_higher_limit_go(desk: Desk) -> None:
    desk.submit(a_new_dag(keyed("a"), keyed("first"), keyed("roomy", limit=2)))
    assert [desk.job_of(attempt).name for attempt in desk.dispatch()] == ["a"]

    desk.cancel("first")

    assert [desk.job_of(attempt).name for attempt in desk.dispatch()] == ["roomy"]


def test_a_retried_job_waits_for_its_place_as_any_other(desk: Desk) -> None:
    desk.submit(a_new_dag(a_spec("parent"), replace(keyed("child"), parents=("parent",)), keyed("other")))
    desk.report(next(a for a in desk.dispatch() if desk.job_of(a).name == "parent"))

    assert desk.job("child").status is JobStatus.WAITING
    assert "JobHeld" in desk.events("child")
