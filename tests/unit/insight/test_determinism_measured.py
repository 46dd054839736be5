"""Measured determinism: the interval, and which of two scores is shown; versions of an agent compared."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from titan.insight import trends
from titan.insight.determinism.model import Measurement, interval, shown
from titan.insight.trends import Verdict
from titan.model.runs import AgentVersion

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def measured(score: int, *, changes: Sequence[str] = ()) -> Measurement:
    return Measurement(
        replay_id="p1", at=NOON, author="ada", command="python a.py", score=score, executions=5, changes=changes
    )


def version(*scores: int, runs: int | None = None) -> AgentVersion:
    """Return a version whose runs have these scores."""
    return AgentVersion(
        digest="d",
        first_at=NOON,
        last_at=NOON,
        runs=len(scores) if runs is None else runs,
        scored=len(scores),
        scores=sum(scores),
        squares=sum(score**2 for score in scores),
    )


@pytest.mark.parametrize(
    ("score", "executions", "found"),
    [(100, 5, (57, 100)), (100, 20, (84, 100)), (0, 5, (0, 43)), (50, 10, (24, 76)), (100, 1, (21, 100))],
)
def test_few_executions_that_agree_prove_little(score: int, executions: int, found: tuple[int, int]) -> None:
    assert interval(score, executions) == found


@pytest.mark.parametrize(
    ("predicted", "measurement", "found"),
    [
        (80, None, (80, "predicted")),
        (None, None, (None, "predicted")),
        (80, measured(60), (60, "measured")),
        (60, measured(100), (60, "predicted")),
        (None, measured(100), (100, "measured")),
        (80, measured(60, changes=["the code differs"]), (80, "predicted")),
    ],
)
def test_the_lower_score_is_shown_and_another_programs_measurement_does_not_count(
    predicted: int | None, measurement: Measurement | None, found: tuple[int | None, str]
) -> None:
    assert shown(predicted, measurement) == found


def test_code_is_known_by_its_modules_in_any_order() -> None:
    one, other = ("agent.py", "a" * 64), ("tools.py", "b" * 64)

    assert trends.code_digest([one, other]) == trends.code_digest([other, one, one])
    assert trends.code_digest([one]) != trends.code_digest([one, other])
    assert trends.code_digest([]) is None


def test_the_mean_of_a_version_has_an_interval_from_three_runs_on() -> None:
    assert (trends.mean(version()), trends.interval(version())) == (None, None)
    assert (trends.mean(version(40, 60)), trends.interval(version(40, 60))) == (50.0, None)
    low, high = trends.interval(version(40, 50, 60)) or (0.0, 0.0)
    assert (round(low), round(high)) == (25, 75)
    assert trends.interval(version(62, 62, 62)) == (62.0, 62.0)
    assert trends.interval(version(0, 0, 100)) == (0.0, 100.0)


@pytest.mark.parametrize(
    ("before", "after", "verdict", "change"),
    [
        (version(40, 41, 42), version(90, 91, 92), Verdict.UP, 50.0),
        (version(90, 91, 92), version(40, 41, 42), Verdict.DOWN, -50.0),
        (version(90, 90, 90), version(94, 94, 94), Verdict.SAME, 4.0),
        (version(10, 50, 90), version(30, 70, 95), Verdict.SAME, 15.0),
        (version(40, 40), version(90, 90, 90), Verdict.TOO_FEW, 50.0),
        (version(runs=9), version(90, 90, 90), Verdict.TOO_FEW, None),
        (version(*[40] * 20), version(*[60] * 20), Verdict.UP, 20.0),
    ],
)
def test_two_versions_differ_by_more_than_chance_or_not(
    before: AgentVersion, after: AgentVersion, verdict: Verdict, change: float | None
) -> None:
    found = trends.difference(before, after)

    assert (found.verdict, found.change if found.change is None else round(found.change, 6)) == (verdict, change)
