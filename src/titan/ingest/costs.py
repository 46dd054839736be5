"""What a teller says that a call cost."""

from decimal import Decimal
from typing import Final

from titan.model.errors import InvalidInput

PICODOLLAR: Final = Decimal("1e-12")
_MOST: Final = Decimal(10) ** 9  # US dollars; one call costs less


def checked_cost(cost: Decimal | None, *, what: str) -> Decimal | None:
    """Return a cost rounded to the picodollar.

    Raises:
        InvalidInput: it is negative, no number, or more than any call costs.
    """
    if cost is None:
        return None
    if not cost.is_finite() or not 0 <= cost <= _MOST:
        raise InvalidInput(
            what,
            expected=f"a cost from 0 to {_MOST} US dollars",
            found=str(cost)[:40],
            next_step="Correct it and send it again.",
        )
    rounded = cost.quantize(PICODOLLAR)
    return cost if rounded == cost else rounded
