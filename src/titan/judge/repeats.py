"""How reliably tasks pass when each is tried several times."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from typing import Final

_SURE: Final = 1.96  # standard errors: 95 %


@dataclass(frozen=True, slots=True)
class Reliability:
    """An estimate of pass^k: the share of tasks of which k tries in a row pass."""

    k: int
    share: float
    low: float  #: of the 95 % interval over tasks
    high: float
    tasks: int


def pass_hat(k: int, tries: Sequence[tuple[int, int]]) -> Reliability | None:
    """Return pass^k over tasks of which each has (passed, graded) tries; None when no task has k graded ones.

    Of a task with c of n passed it is C(c, k) / C(n, k), the unbiased estimate of tau-bench (Yao et al., 2024). The
    interval takes tasks as drawn at random; of one task, and where all agree, it is that of Wilson.
    """
    estimates = [comb(passed, k) / comb(graded, k) for passed, graded in tries if graded >= k]
    if not estimates:
        return None
    count = len(estimates)
    share = sum(estimates) / count
    squared = _SURE * _SURE
    variance = sum((one - share) ** 2 for one in estimates) / (count - 1) if count > 1 else 0.0
    if variance == 0.0:
        middle = (share + squared / (2 * count)) / (1 + squared / count)
        spread = _SURE * sqrt(share * (1 - share) / count + squared / (4 * count * count)) / (1 + squared / count)
    else:
        middle, spread = share, _SURE * sqrt(variance / count)
    return Reliability(k, share, max(0.0, middle - spread), min(1.0, middle + spread), count)
