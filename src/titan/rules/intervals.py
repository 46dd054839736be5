"""Confidence intervals of shares that were observed in few cases."""

from math import sqrt
from typing import Final

SURE: Final = 1.96  # standard errors: the interval holds the true share in 95 of 100 cases


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of a share of `count` cases, at least one: 0.57 to 1 for 5 of 5.

    E. B. Wilson, JASA 22, 1927.
    """
    squared = SURE * SURE
    scale = 1 + squared / count
    middle = (share + squared / (2 * count)) / scale
    half = SURE * sqrt(share * (1 - share) / count + squared / (4 * count * count)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)
