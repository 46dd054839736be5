"""Counts of tokens, from whatever foreign clients write them as."""

from typing import Final

_MOST_TOKENS: Final = 2**53 - 1


def count_of(value: object) -> int | None:
    """Return a count of tokens; None for what is none."""
    if type(value) is int:
        return value if 0 <= value <= _MOST_TOKENS else None
    if type(value) is float:
        return int(value) if 0 <= value <= _MOST_TOKENS and value.is_integer() else None
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return None
