"""What a source says that a call cost."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

from titan.model.errors import InvalidInput

PICODOLLAR: Final = Decimal("1e-12")
#: US dollars of one call. No call costs as much, and 64 bits of picodollars end at 9,223,372.
#: `titan_sdk.recording.encoding` has the same.
MOST: Final = Decimal(10) ** 6


def checked_cost(cost: Decimal | None, *, what: str) -> Decimal | None:
    """Return a cost rounded to the picodollar.

    Raises:
        InvalidInput: it is negative, no number, or more than any call costs.
    """
    if cost is None:
        return None
    if not cost.is_finite() or not 0 <= cost <= MOST:
        raise InvalidInput(
            what,
            expected=f"a cost from 0 to {MOST:,} US dollars",
            found=str(cost)[:40],
            next_step="Correct it and send it again.",
        )
    return _rounded(cost)


def dollars_of(value: object) -> Decimal | None:
    """Return an amount as its digits say it: a float's are the shortest that give it back. None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return _rounded(amount) if amount.is_finite() and 0 <= amount <= MOST else None


def total_of(parts: Iterable[Decimal]) -> Decimal | None:
    """Return what parts of a cost come to; None where that is more than any call costs."""
    total = sum(parts, Decimal(0))
    return total if total <= MOST else None


def _rounded(cost: Decimal) -> Decimal:
    rounded = cost.quantize(PICODOLLAR)
    return cost if rounded == cost else rounded
