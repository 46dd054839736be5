"""Compare an agent's statistics between weeks and between versions of its code; small samples prove nothing."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import sqrt
from typing import Final, Literal

from titan.model.runs import AgentDay, AgentVersion
from titan.rules.intervals import SURE

SPAN: Final = timedelta(days=7)
FEWEST_ENDED: Final = 30  # runs in each week, before shares are compared
FEWEST_RUNS: Final = 10  # in each week, before means are compared
CHANGED_SCORE: Final = 5  # of a mean score from 0 to 100
CHANGED: Final = 0.25  # of a mean; less is not worth a word


class Verdict(StrEnum):
    """The change of a statistic."""

    UP = "up"
    DOWN = "down"
    SAME = "same"
    TOO_FEW = "too_few"
    UNPRICED = "unpriced"  #: the cost of some calls is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A statistic of the last seven days and of the seven before."""

    figure: Literal["success_rate", "cost_per_run", "determinism"]
    verdict: Verdict
    before: float | None
    now: float | None
    text: str  #: for people


def trends(days: Sequence[AgentDay], *, today: date) -> tuple[Trend, Trend, Trend]:
    """Return the trends of runs' success, cost per run and predicted determinism; today is the last of seven days."""
    now = [day for day in days if today - SPAN < day.day <= today]
    before = [day for day in days if today - 2 * SPAN < day.day <= today - SPAN]
    return _success_rate(before, now), _cost_per_run(before, now), _determinism(before, now)


def _success_rate(before: list[AgentDay], now: list[AgentDay]) -> Trend:
    tried = [sum(day.completed + day.failed for day in week) for week in (before, now)]
    won = [sum(day.completed for day in week) for week in (before, now)]
    rates = [good / of if of else None for good, of in zip(won, tried, strict=True)]
    if min(tried) < FEWEST_ENDED:
        text = f"too few to tell: {tried[0]} ended runs the week before, {tried[1]} this week"
        return Trend(figure="success_rate", verdict=Verdict.TOO_FEW, before=rates[0], now=rates[1], text=text)
    first, second = won[0] / tried[0], won[1] / tried[1]
    pooled = sum(won) / sum(tried)
    error = sqrt(pooled * (1 - pooled) * (1 / tried[0] + 1 / tried[1]))
    verdict = _verdict(second - first, is_sure=abs(second - first) > SURE * error)
    text = f"{100 * first:.1f} % of {tried[0]} runs completed, then {100 * second:.1f} % of {tried[1]}"
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


# --- versions of an agent, by the code of its runs ---

FEWEST_SCORED: Final = 3  # with a score: fewer give no interval
#: Student's t of 95 % for 1, 2, … degrees of freedom; with more, the normal distribution's and what it is short of.
_T95: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The difference of two versions' mean scores."""

    verdict: Verdict
    change: float | None  #: of the mean; None where a version has no score
    text: str  #: for people


def code_digest(files: Iterable[tuple[str, str]]) -> str | None:
    """Return a digest of a run's code from the paths and digests of its modules, None without any."""
    lines = sorted({f"{path}\0{digest}\n" for path, digest in files})
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


def mean(version: AgentVersion) -> float | None:
    """Return the mean score of a version's runs; None where none has one."""
    return version.scores / version.scored if version.scored else None


def interval(version: AgentVersion) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean score, within 0 to 100; None of fewer than FEWEST_SCORED runs."""
    if version.scored < FEWEST_SCORED:
        return None
    middle, half = version.scores / version.scored, _t95(version.scored - 1) * _error(version)
    return max(0.0, middle - half), min(100.0, middle + half)


def difference(before: AgentVersion, after: AgentVersion) -> Difference:
    """Return the difference of the mean scores of two versions."""
    first, second = mean(before), mean(after)
    if first is None or second is None or min(before.scored, after.scored) < FEWEST_SCORED:
        text = f"too few to tell: {before.scored} scored runs before, {after.scored} after"
        change = None if first is None or second is None else second - first
        return Difference(verdict=Verdict.TOO_FEW, change=change, text=text)
    change = second - first
    error = sqrt(_error(before) ** 2 + _error(after) ** 2)
    least = max(CHANGED_SCORE, _t95(min(before.scored, after.scored) - 1) * error)
    is_sure = abs(change) >= least
    verdict = Verdict.SAME if not is_sure else Verdict.UP if change > 0 else Verdict.DOWN
    return Difference(verdict=verdict, change=change, text=f"{first:.0f} of 100 on average, then {second:.0f}")


def _error(version: AgentVersion) -> float:
    """Return the standard error of the mean."""
    count = version.scored
    variance = (version.squares - version.scores**2 / count) / (count - 1)
    return sqrt(max(0.0, variance) / count)


def _t95(freedom: int) -> float:
    return _T95[freedom - 1] if freedom <= len(_T95) else SURE + 2.6 / freedom
