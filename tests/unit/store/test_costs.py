"""Costs as the columns hold them, and as they are told again."""

from decimal import Decimal

import pytest

from titan.store.runs.rows import from_pico, to_pico


@pytest.mark.parametrize("written", ["0", "0.1", "1", "100", "2500", "9223372", "120.000000000001", "-50"])
def test_a_cost_is_read_back_as_written(written: str) -> None:
    assert str(from_pico(to_pico(Decimal(written)))) == written


def test_trailing_zeros_of_a_cost_are_dropped() -> None:
    assert str(from_pico(to_pico(Decimal("1.2500")))) == "1.25"
