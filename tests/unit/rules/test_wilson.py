"""The least share that some cases stand for."""

import pytest

from titan.rules.runs.attention import wilson_lower


@pytest.mark.parametrize(
    ("count", "of", "least"),
    [(5, 5, 0.57), (20, 20, 0.84), (1, 1, 0.21), (5, 45, 0.05), (3, 10, 0.11), (0, 10, 0.0), (0, 0, 0.0)],
)
def test_a_share_of_few_cases_has_a_low_bound(count: int, of: int, least: float) -> None:
    assert wilson_lower(count, of) == pytest.approx(least, abs=0.005)


def test_more_cases_of_the_same_share_have_a_higher_bound() -> None:
    bounds = [wilson_lower(3 * n, 10 * n) for n in (1, 10, 100)]

    assert bounds == sorted(bounds)
    assert bounds[-1] < 0.3
