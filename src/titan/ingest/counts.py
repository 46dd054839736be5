"""Counts of tokens, from whatever foreign clients write them as."""

from titan.model.actions import MOST_TOKENS


def count_of(value: object) -> int | None:
    """Return a count of tokens; None for what is none, or more than any call takes."""
    if type(value) is int:
        return value if 0 <= value <= MOST_TOKENS else None
    if type(value) is float:
        return int(value) if 0 <= value <= MOST_TOKENS and value.is_integer() else None
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        return count_of(int(value))
    return None
