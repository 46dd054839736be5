"""Versions of an agent by the code of its runs, and whether one is more deterministic than another."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Final

from titan.insight.trends import CHANGED_SCORE, SURE, Verdict
from titan.model.runs import AgentVersion

FEWEST_RUNS: Final = 3  # with a score: fewer give no interval
#: Student's t of 95 % for 1, 2, … degrees of freedom; with more, the normal distribution's and what it is short of.
_T95: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the mean scores of two versions differ."""

    verdict: Verdict
    change: float | None  #: of the mean; None where a version has no score
    text: str  #: for people


def code_digest(files: Iterable[tuple[str, str]]) -> str | None:
    """Return what a run's code is known by: `files` are the paths and digests of its modules. None: none is known."""
    lines = sorted({f"{path}\0{digest}\n" for path, digest in files})
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


def mean(version: AgentVersion) -> float | None:
    """Return the mean score of a version's runs; None where none has one."""
    return version.scores / version.scored if version.scored else None


def interval(version: AgentVersion) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean score, within 0 to 100; None of fewer than FEWEST_RUNS runs."""
    if version.scored < FEWEST_RUNS:
        return None
    middle, half = version.scores / version.scored, _t95(version.scored - 1) * _error(version)
    return max(0.0, middle - half), min(100.0, middle + half)


def difference(before: AgentVersion, after: AgentVersion) -> Difference:
    """Return whether the runs of one version score otherwise than those of another."""
    first, second = mean(before), mean(after)
    if first is None or second is None or min(before.scored, after.scored) < FEWEST_RUNS:
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
