"""What went into a call, whichever way its source counts what a cache gave."""

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call
from titan.model.actions import MOST_TOKENS, ActionEntry, ModelUse
from titan.rules.runs.sanitize import all_input, storable


@pytest.mark.parametrize(
    ("told", "cached", "total", "is_apart", "expected"),
    [
        (6000, 5000, None, False, 6000),
        (6000, 6000, None, False, 6000),
        (100, 5000, None, False, 5100),
        (6000, 5000, None, True, 11_000),
        (6000, 5000, 6010, False, 6000),
        (6000, 5000, 11_010, False, 11_000),
        (6000, 0, 6010, False, 6000),
    ],
)
def test_the_input_has_the_cached_tokens_once(
    told: int, cached: int, total: int | None, is_apart: bool, expected: int
) -> None:
    assert all_input(told, cached, output_tokens=10, total_tokens=total, is_apart=is_apart) == expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (ModelUse(input_tokens=100, cache_read_tokens=5000, cache_write_tokens=7), 5107),
        (ModelUse(input_tokens=100, cache_read_tokens=60, cache_write_tokens=40), 100),
        (ModelUse(cache_read_tokens=5000), None),
        (ModelUse(input_tokens=MOST_TOKENS - 1, cache_read_tokens=MOST_TOKENS), None),
    ],
)
def test_the_input_includes_cached_tokens_from_any_source(use: ModelUse, expected: int | None) -> None:
    entry = storable(replace(a_call(), use=use))

    assert isinstance(entry, ActionEntry)
    assert entry.use is not None
    assert entry.use.input_tokens == expected
