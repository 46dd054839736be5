"""Two sequences of equal and unequal items, aligned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titan.insight.replay.alignment import MOST_EDITS, aligned, by_occurrence, gaps_between

few_letters = st.lists(st.sampled_from("abc"), max_size=14)
many_letters = st.lists(st.integers(0, 30), max_size=40)


def words(one: str, other: str) -> str:
    """Return the alignment as words: `a`, `-a` of the first alone, `+a` of the second alone."""
    left, right = one.split(), other.split()
    told: list[str] = []
    pairs = aligned(left, right)
    at = other_at = 0
    for place, other_place in [*pairs, (len(left), len(right))]:
        told += [f"-{item}" for item in left[at:place]] + [f"+{item}" for item in right[other_at:other_place]]
        told += left[place : place + 1]
        at, other_at = place + 1, other_place + 1
    return " ".join(told)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("plan search write", "plan search write", "plan search write"),
        ("plan search write", "plan search search write", "plan search +search write"),
        ("plan search write", "plan write", "plan -search write"),
        ("plan search write", "plan fetch write", "plan -search +fetch write"),
        ("a b c x a b c", "a b c a b c", "a b c -x a b c"),
        ("", "a b", "+a +b"),
        ("a b", "", "-a -b"),
        ("", "", ""),
    ],
)
def test_common_items_of_both_sequences_are_paired(one: str, other: str, expected: str) -> None:
    assert words(one, other) == expected


@given(few_letters | many_letters, few_letters | many_letters)
def test_pairs_are_equal_and_ascend_on_both_sides(one: list[object], other: list[object]) -> None:
    pairs = aligned(one, other)

    assert all(one[place] == other[other_place] for place, other_place in pairs)
    assert pairs == sorted(set(pairs))
    assert [second for _, second in pairs] == sorted({second for _, second in pairs})


@given(many_letters)
def test_equal_sequences_match_whole(items: list[int]) -> None:
    assert aligned(items, items) == [(place, place) for place in range(len(items))]


@given(few_letters, st.integers(0, 14))
def test_one_inserted_item_is_the_only_one_left_over(items: list[str], place: int) -> None:
    longer = [*items[:place], "new", *items[place:]]

    assert len(aligned(items, longer)) == len(items)
    assert len(aligned(longer, items)) == len(items)


@given(few_letters, few_letters)
def test_without_anchors_as_many_match_as_can(one: list[str], other: list[str]) -> None:
    twice, other_twice = one + one, other + other  # no item occurs once

    assert len(aligned(twice, other_twice)) == _longest_common(twice, other_twice)


def test_sequences_with_too_many_edits_are_matched_by_occurrence() -> None:
    one = ["a", "b"] * MOST_EDITS
    other = ["b", "b", "c"] * MOST_EDITS

    pairs = aligned(one, other)

    assert pairs
    assert all(one[place] == other[other_place] == "b" for place, other_place in pairs)


def test_gaps_are_found_before_between_and_after_pairs() -> None:
    assert list(gaps_between([(1, 0), (2, 3)], 4, 4)) == [(0, 1, 0, 0), (2, 2, 1, 3), (3, 4, 4, 4)]
    assert list(gaps_between([], 0, 0)) == []


@given(few_letters, few_letters)
def test_the_nth_of_one_goes_with_the_nth_of_the_other(one: list[str], other: list[str]) -> None:
    pairs = by_occurrence(one, other)

    assert len(pairs) == sum(min(one.count(item), other.count(item)) for item in set(one))
    assert all(
        one[:place].count(one[place]) == other[:second].count(one[place]) and one[place] == other[second]
        for place, second in pairs
    )


def _longest_common(one: list[str], other: list[str]) -> int:
    """Return the length of the longest common subsequence, by the book."""
    before = [0] * (len(other) + 1)
    for item in one:
        row = [0]
        for place, other_item in enumerate(other):
            row.append(before[place] + 1 if item == other_item else max(before[place + 1], row[place]))
        before = row
    return before[-1]
