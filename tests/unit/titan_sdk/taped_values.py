"""Values of every kind a call may be recorded with, and whether two of them are the same."""

from __future__ import annotations

from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from hypothesis import strategies as st

#: Lone surrogates too, and what a tag could be mistaken for.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["$tuple", "$dict", "$", "\\ud800"]
)

ZONES = st.none() | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))

IMMUTABLE_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | TEXTS
    | st.binary(max_size=12)
    | st.datetimes(timezones=ZONES)
    | st.dates()
    | st.times(timezones=ZONES)
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.complex_numbers(allow_nan=True)
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9))
    | TEXTS.map(lambda text: PurePosixPath(text.replace("\0", "")))
    | TEXTS.map(lambda text: PureWindowsPath(text.replace("\0", "")))
)

HASHABLE = st.recursive(
    IMMUTABLE_LEAVES.filter(lambda value: not (isinstance(value, Decimal) and value.is_snan())),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)

VALUES: st.SearchStrategy[Any] = st.recursive(
    IMMUTABLE_LEAVES | st.binary(max_size=12).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
        | st.dictionaries(TEXTS, inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=3)
    ),
    max_leaves=20,
)

PLAIN_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6).filter(lambda key: not key.startswith("$")), inner, max_size=4)
    ),
    max_leaves=30,
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are of the same types all through, and equal; NaN is the same as NaN, 0.0 not as -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(item, its) for its in other) for item in one)
    if isinstance(one, float | complex | Decimal):
        return repr(one) == repr(other)
    return bool(one == other)
