"""How far back a list of runs reaches, as it is said in a query and at the command line."""

from datetime import UTC, datetime, timedelta

import pytest

from titan.rules.runs.windows import is_window, span_of


@pytest.mark.parametrize(
    ("window", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("all", None),
    ],
)
def test_a_window_is_a_number_and_a_unit_or_all_time(window: str, span: timedelta | None) -> None:
    assert is_window(window)
    assert span_of(window) == span


@pytest.mark.parametrize(
    "text", ["", "90", "m", "0m", "-1d", "1.5h", "1y", "1D", " 1d", "1d\n", "100000m", "٣d", "ALL"]
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_window(text)
    assert span_of(text) is None


def test_the_longest_window_is_a_time_that_there_was() -> None:
    longest = span_of("99999w")

    assert longest is not None
    assert datetime(2026, 1, 1, tzinfo=UTC) - longest > datetime.min.replace(tzinfo=UTC)
