"""Whether an agent's figures changed, or only seem to."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from titan.insight.trends import Verdict, trends
from titan.model.runs import AgentDay

TODAY = date(2026, 3, 15)


def a_day(
    ago: int,
    *,
    runs: int = 0,
    completed: int = 0,
    failed: int = 0,
    cost: str = "0",
    unpriced: int = 0,
    scores: tuple[int, ...] = (),
) -> AgentDay:
    """Return what an agent did so many days ago."""
    day = TODAY - timedelta(days=ago)
    return AgentDay(
        day=day,
        runs=runs,
        completed=completed,
        failed=failed,
        attempts=0,
        success=0,
        cost=Decimal(cost),
        unpriced=unpriced,
        estimated=0,
        scored=len(scores),
        scores=sum(scores),
    )


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        ((100, 90), (100, 50), Verdict.DOWN),
        ((100, 50), (100, 90), Verdict.UP),
        ((100, 90), (100, 88), Verdict.SAME),
        ((30, 30), (30, 30), Verdict.SAME),
        ((29, 29), (300, 3), Verdict.TOO_FEW),
        ((300, 3), (29, 29), Verdict.TOO_FEW),
        ((0, 0), (0, 0), Verdict.TOO_FEW),
    ],
)
def test_a_success_rate_changes_only_beyond_chance(
    before: tuple[int, int], now: tuple[int, int], verdict: Verdict
) -> None:
    weeks = ((9, before), (2, now))
    days = [a_day(ago, completed=good, failed=of - good) for ago, (of, good) in weeks]

    rate, *_ = trends(days, today=TODAY)

    assert rate.verdict is verdict


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        ((10, "1"), (10, "2"), Verdict.UP),
        ((10, "2"), (10, "1"), Verdict.DOWN),
        ((10, "1"), (10, "1.2"), Verdict.SAME),
        ((10, "0"), (10, "0"), Verdict.SAME),
        ((9, "1"), (10, "2"), Verdict.TOO_FEW),
        ((10, "1"), (0, "0"), Verdict.TOO_FEW),
    ],
)
def test_a_mean_cost_changes_only_by_a_good_part(
    before: tuple[int, str], now: tuple[int, str], verdict: Verdict
) -> None:
    _, cost, _ = trends([a_day(7, runs=before[0], cost=before[1]), a_day(0, runs=now[0], cost=now[1])], today=TODAY)

    assert cost.verdict is verdict


def test_each_week_has_seven_days_and_today_is_one() -> None:
    days = [a_day(ago, runs=10, completed=30, cost="10") for ago in (0, 6, 7, 13, 14, 99, -1)]

    rate, cost, _ = trends(days, today=TODAY)

    assert rate.text == "100.0 % of 60 runs completed, then 100.0 % of 60"
    assert cost.text == "$1.0000 a run, then $1.0000"


def test_too_few_cases_are_said_to_be_too_few() -> None:
    rate, cost, _ = trends([a_day(0, runs=1, completed=1, failed=3, cost="2")], today=TODAY)

    text = "too few to tell: 0 ended runs the week before, 4 this week"
    assert (rate.text, rate.before, rate.now) == (text, None, 0.25)
    assert (cost.text, cost.before, cost.now) == ("too few to tell: 0 runs the week before, 1 this week", None, 2.0)


def test_costs_are_not_compared_where_some_are_unknown() -> None:
    _, cost, _ = trends([a_day(8, runs=10, unpriced=3), a_day(0, runs=10, cost="2", unpriced=1)], today=TODAY)

    assert (cost.verdict, cost.before, cost.now) == (Verdict.UNPRICED, None, 0.2)
    assert cost.text == "unknown for 3 model calls the week before, for 1 this week"


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        ((90,) * 10, (70,) * 10, Verdict.DOWN),
        ((70,) * 10, (90,) * 10, Verdict.UP),
        ((90,) * 10, (87,) * 10, Verdict.SAME),
        ((90,) * 9, (10,) * 10, Verdict.TOO_FEW),
        ((), (), Verdict.TOO_FEW),
    ],
)
def test_the_mean_determinism_changes_by_five_points_or_not(
    before: tuple[int, ...], now: tuple[int, ...], verdict: Verdict
) -> None:
    *_, determinism = trends([a_day(9, scores=before), a_day(2, scores=now)], today=TODAY)

    assert determinism.verdict is verdict
