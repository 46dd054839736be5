"""Counts and amounts of money from whatever foreign clients write them as, exact."""

from decimal import Decimal, InvalidOperation
from typing import Final

_MOST_TOKENS: Final = 2**53 - 1
_MOST_USD: Final = Decimal(10**12)
_PLACES: Final = Decimal("1e-12")  # what is kept of a price


def count_of(value: object) -> int | None:
    """Return a count of tokens; None for what is none."""
    if type(value) is int:
        return value if 0 <= value <= _MOST_TOKENS else None
    if type(value) is float:
        return int(value) if 0 <= value <= _MOST_TOKENS and value.is_integer() else None
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return None


def dollars_of(value: object) -> Decimal | None:
    """Return an amount as its digits say it: a float's are the shortest that give it back. None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < _MOST_USD:
        return None
    rounded = amount.quantize(_PLACES)
    return amount if amount == rounded else rounded
