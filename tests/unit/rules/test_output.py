"""How much of an attempt's output is stored."""

from hypothesis import given
from hypothesis import strategies as st

from titan.rules.retention import is_cut, within_limit

LINE = b"\n[titan] output cut here: more than 0.0001 MB; TITAN_MAX_LOG_BYTES sets the limit\n"


def stored(*parts: bytes, limit_bytes: int = 100) -> bytes:
    """Return what a store has after parts that come one after the other."""
    sent, kept = 0, b""
    for part in parts:
        kept += within_limit(part, offset=sent, limit_bytes=limit_bytes)[max(0, len(kept) - sent) :]
        sent += len(part)
    return kept


def test_output_over_the_limit_is_replaced_by_a_line_that_says_so() -> None:
    assert stored(b"x" * 101) == stored(b"x" * 100, b"x") == b"x" * 100 + LINE
    assert within_limit(b"", offset=100, limit_bytes=100_000_000) == b""
    assert b"more than 100 MB;" in within_limit(b"y", offset=100_000_000, limit_bytes=100_000_000)


def test_up_to_the_limit_and_without_one_all_is_stored() -> None:
    assert stored(b"x" * 100) == b"x" * 100
    assert stored(b"x" * 1000, limit_bytes=0) == b"x" * 1000
    assert not is_cut(100, limit_bytes=100)
    assert not is_cut(10**12, limit_bytes=0)


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_it_does_not_matter_in_which_parts_an_output_comes(parts: list[bytes]) -> None:
    whole = b"".join(parts)

    assert stored(*parts) == (whole if len(whole) <= 100 else whole[:100] + LINE)
    assert is_cut(len(stored(*parts)), limit_bytes=100) == (len(whole) > 100)
