"""Whether an agent's figures changed from one week to the next, or only seem to: few cases prove nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import sqrt
from typing import Final, Literal

from titan.model.runs import AgentDay

SPAN: Final = timedelta(days=7)
FEWEST_ATTEMPTS: Final = 30  # in each week, before shares are compared
FEWEST_RUNS: Final = 10  # in each week, before means are compared
SURE: Final = 1.96  # standard errors: by chance, one of twenty differences is that large
CHANGED_SCORE: Final = 5  # of a mean score from 0 to 100
CHANGED: Final = 0.25  # of a mean; less is not worth a word


class Verdict(StrEnum):
    """What became of a figure."""

    UP = "up"
    DOWN = "down"
    SAME = "same"
    TOO_FEW = "too_few"
    UNPRICED = "unpriced"  #: of some calls nobody knows the cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A figure of the last seven days beside that of the seven before."""

    figure: Literal["success_rate", "cost_per_run", "determinism"]
    verdict: Verdict
    before: float | None
    now: float | None
    text: str  #: for people


def trends(days: Sequence[AgentDay], *, today: date) -> tuple[Trend, Trend, Trend]:
    """Return how success rate, cost per run and predicted determinism stand; today is the last of seven days."""
    now = [day for day in days if today - SPAN < day.day <= today]
    before = [day for day in days if today - 2 * SPAN < day.day <= today - SPAN]
    return _success_rate(before, now), _cost_per_run(before, now), _determinism(before, now)


def _success_rate(before: list[AgentDay], now: list[AgentDay]) -> Trend:
    tried = [sum(day.attempts for day in week) for week in (before, now)]
    won = [sum(day.success for day in week) for week in (before, now)]
    rates = [good / of if of else None for good, of in zip(won, tried, strict=True)]
    if min(tried) < FEWEST_ATTEMPTS:
        text = f"too few to tell: {tried[0]} actions the week before, {tried[1]} this week"
        return Trend(figure="success_rate", verdict=Verdict.TOO_FEW, before=rates[0], now=rates[1], text=text)
    first, second = won[0] / tried[0], won[1] / tried[1]
    pooled = sum(won) / sum(tried)
    error = sqrt(pooled * (1 - pooled) * (1 / tried[0] + 1 / tried[1]))
    verdict = _verdict(second - first, is_sure=abs(second - first) > SURE * error)
    text = f"{100 * first:.1f} % of {tried[0]} actions, then {100 * second:.1f} % of {tried[1]}"
    return Trend(figure="success_rate", verdict=verdict, before=first, now=second, text=text)


def _cost_per_run(before: list[AgentDay], now: list[AgentDay]) -> Trend:
    counts = [sum(day.runs for day in week) for week in (before, now)]
    costs = [float(sum(day.cost for day in week)) for week in (before, now)]
    unpriced = [sum(day.unpriced for day in week) for week in (before, now)]
    means = [
        cost / count if count and (cost or not unknown) else None
        for cost, count, unknown in zip(costs, counts, unpriced, strict=True)
    ]
    if min(counts) < FEWEST_RUNS:
        text = f"too few to tell: {counts[0]} runs the week before, {counts[1]} this week"
        return Trend(figure="cost_per_run", verdict=Verdict.TOO_FEW, before=means[0], now=means[1], text=text)
    if any(unpriced):
        text = f"unknown for {unpriced[0]} model calls the week before, for {unpriced[1]} this week"
        return Trend(figure="cost_per_run", verdict=Verdict.UNPRICED, before=means[0], now=means[1], text=text)
    first, second = costs[0] / counts[0], costs[1] / counts[1]
    verdict = _verdict(second - first, is_sure=abs(second - first) > CHANGED * max(first, second))
    text = f"${first:.4f} a run, then ${second:.4f}"
    return Trend(figure="cost_per_run", verdict=verdict, before=first, now=second, text=text)


def _determinism(before: list[AgentDay], now: list[AgentDay]) -> Trend:
    counts = [sum(day.scored for day in week) for week in (before, now)]
    sums = [sum(day.scores for day in week) for week in (before, now)]
    means = [total / count if count else None for total, count in zip(sums, counts, strict=True)]
    if min(counts) < FEWEST_RUNS:
        text = f"too few to tell: {counts[0]} scored runs the week before, {counts[1]} this week"
        return Trend(figure="determinism", verdict=Verdict.TOO_FEW, before=means[0], now=means[1], text=text)
    first, second = sums[0] / counts[0], sums[1] / counts[1]
    verdict = _verdict(second - first, is_sure=abs(second - first) >= CHANGED_SCORE)
    text = f"{first:.0f} of 100 on average, then {second:.0f}"
    return Trend(figure="determinism", verdict=verdict, before=first, now=second, text=text)


def _verdict(change: float, *, is_sure: bool) -> Verdict:
    if not is_sure:
        return Verdict.SAME
    return Verdict.UP if change > 0 else Verdict.DOWN
