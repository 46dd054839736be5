"""How much went wrong in a run only grows, however it turns out to stand."""

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call, a_word, at, heard
from titan.model.actions import Outcome
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import ReportedEnd, Run, righted, troubles_after, wrong_now


def a_run(**changes: object) -> Run:
    """Return a run in which one call failed, one was blocked and one was rejected, with as much counted."""
    calls = [a_call(error="no"), *(a_call(o, outcome=Outcome(o)) for o in ("blocked", "rejected"))]
    return replace(heard([a_word(), *calls]).run, troubles=3, **changes)


def with_errors(run: Run, errors: int) -> Run:
    return replace(run, tally=replace(run.tally, error=errors))


def failed(run: Run, seconds: float = 9) -> Run:
    return replace(run, status=RunStatus.FAILED, ended_at=at(seconds))


def going_on(run: Run, seconds: float = 9, status: RunStatus = RunStatus.FAILED) -> Run:
    """Return a run that goes on after it was told to have ended."""
    told = ReportedEnd(status=status, source=StatusSource.EXPLICIT, at=at(seconds))
    return replace(run, status=RunStatus.RUNNING, ended_at=None, reported_end=told)


def test_a_run_that_is_new_begins_with_all_that_is_wrong_in_it() -> None:
    assert troubles_after(None, a_run()) == 3
    assert troubles_after(None, failed(a_run(lost=40))) == 44
    assert troubles_after(None, going_on(a_run())) == 4


def test_errors_are_added_and_recovered_ones_not_subtracted() -> None:
    run = a_run()

    better = replace(with_errors(run, 0), troubles=troubles_after(run, with_errors(run, 0)))

    assert (better.troubles, wrong_now(better), righted(better)) == (3, 2, 1)
    assert troubles_after(better, with_errors(better, 1)) == 4
    assert troubles_after(run, replace(with_errors(run, 0), lost=2)) == 5


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (a_run(), failed(a_run()), 1),
        (a_run(), going_on(a_run()), 1),  # that it failed was told late, and it goes on
        (failed(a_run()), going_on(a_run()), 0),
        (going_on(a_run()), failed(going_on(a_run()), 20), 0),  # it fell silent: the end that was told stands again
        (going_on(a_run()), failed(a_run(), 20), 1),
        (going_on(a_run(), status=RunStatus.COMPLETED), failed(going_on(a_run(), status=RunStatus.COMPLETED)), 1),
        (failed(a_run()), failed(a_run(), 20), 0),  # told once more, with another time
        (failed(a_run()), replace(a_run(), status=RunStatus.COMPLETED, ended_at=at(20)), 0),
    ],
)
def test_a_failure_counts_once_for_each_time_that_a_run_fails(before: Run, after: Run, more: int) -> None:
    assert troubles_after(before, after) == 3 + more
