"""Without Chromium `make bench` measures all that needs none."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import GROUPS, TABLES, groups_to_measure


def test_without_chromium_all_is_measured_except_the_screen_group() -> None:
    measured, left_out = groups_to_measure(None, None, has_chromium=False)

    assert left_out == ["screen"]
    assert measured == [group for group in GROUPS if group != "screen"]


@pytest.mark.parametrize("table", TABLES)
def test_with_chromium_nothing_is_left_out_of_a_table(table: str) -> None:
    assert groups_to_measure(None, [table], has_chromium=True) == (list(TABLES[table]), [])


def test_a_group_named_explicitly_is_not_left_out() -> None:
    assert groups_to_measure(["screen"], None, has_chromium=False) == (["screen"], [])
