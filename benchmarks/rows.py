"""One row of the table: what was measured, beside what, and whether it is enough."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Better(StrEnum):
    """Which way is good."""

    LOWER = "lower"  #: times
    HIGHER = "higher"  #: rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an issue asks for: a bound on the figure itself, on its ratio to the rival's, or none."""

    text: str  #: as the table shows it
    is_met: Callable[[Row], bool] | None = None  #: None: reported, not bounded


REPORTED: Final = Target(text="reported")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measurement in rounds: `titan[i]` and `rival[i]` were taken in the same round."""

    what: str
    unit: str
    better: Better
    titan: Sequence[float]
    rival_name: str = ""
    rival: Sequence[float] = field(default_factory=tuple)  #: empty when there is nothing to compare with
    target: Target = REPORTED

    @property
    def titan_median(self) -> float:
        """The median over the rounds, in `unit`."""
        return statistics.median(self.titan)

    @property
    def rival_median(self) -> float | None:
        """The rival's median over the same rounds; None without one."""
        return statistics.median(self.rival) if self.rival else None

    @property
    def ratios(self) -> list[float]:
        """Titan's figure divided by its rival's, one for each round."""
        return [ours / theirs for ours, theirs in zip(self.titan, self.rival, strict=True)] if self.rival else []

    @property
    def ratio(self) -> float | None:
        """The median of `ratios`; None without a rival."""
        return statistics.median(self.ratios) if self.rival else None

    @property
    def noise(self) -> float:
        """Half the distance between the extreme rounds (of the ratios, if any) as a share of the median."""
        rounds = self.ratios or list(self.titan)
        middle = statistics.median(rounds)
        return (max(rounds) - min(rounds)) / 2 / middle if middle else 0.0

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or `` when nothing was asked for."""
        if self.target.is_met is None:
            return ""
        return "met" if self.target.is_met(self) else "missed"


def at_most(bound: float, text: str) -> Target:
    """Return the target that Titan's median is no more than `bound`."""
    return Target(text=text, is_met=lambda row: row.titan_median <= bound)


def at_least(bound: float, text: str) -> Target:
    """Return the target that Titan's median is no less than `bound`."""
    return Target(text=text, is_met=lambda row: row.titan_median >= bound)


def ratio_at_most(bound: float, text: str) -> Target:
    """Return the target that the median ratio is no more than `bound`."""
    return Target(text=text, is_met=lambda row: row.ratio is not None and row.ratio <= bound)


def ratio_at_least(bound: float, text: str) -> Target:
    """Return the target that the median ratio is no less than `bound`."""
    return Target(text=text, is_met=lambda row: row.ratio is not None and row.ratio >= bound)


def ratio_between(low: float, high: float, text: str) -> Target:
    """Return the target that the median ratio is no less than `low` and no more than `high`."""
    return Target(text=text, is_met=lambda row: row.ratio is not None and low <= row.ratio <= high)


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the smallest sample that at least `percent` of the samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
