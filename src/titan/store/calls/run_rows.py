"""Runs and money to rows and back.

A run has a column for each field of `Run` and of its `Tally`, by the field's type: a new field needs its column in both
schema.sql, and nothing here. Money is picodollars, exact to the twelfth place.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from titan.model.runs import Run, Tally
from titan.store.rows.columns import Columns

#: What a column can hold here, in the order of the columns.
Values: TypeAlias = tuple[str | int | bytes | None, ...]

PICO: Final = 12  # decimal places of a picodollar
_MOST_PICO: Final = 2**63 - 1
FULL_PICO: Final = 9_223_372 * 10**PICO  # whole dollars, so that up to a microdollar more still fits
_MOST: Final = Decimal(_MOST_PICO).scaleb(-PICO)  # US dollars: 9,223,372
_MOST_SUM: Final = Decimal(10**12)  # US dollars: of a million calls at the most that one may cost
_NOTHING: Final = Decimal(0)


def to_pico(cost: Decimal) -> int:
    """Return picodollars; digits beyond the twelfth place are rounded to even.

    What is more than a column holds comes to the most that it holds: no call costs that, and no sum is kept so.
    """
    if not -_MOST < cost < _MOST:
        return _MOST_PICO if cost > 0 else -_MOST_PICO
    return int(cost.scaleb(PICO).to_integral_value())


def from_pico(pico: int) -> Decimal:
    """Return US dollars, without zeros behind the last digit, and written out: 100, not 1E+2."""
    return Decimal(pico).scaleb(-PICO).normalize() + _NOTHING


def exact_sum(parts: str | None) -> int:
    """Return a sum that was told as its millions and the rest: no column holds all of what sums come to. None is 0."""
    millions, rest = parts.split() if parts else ("0", "0")
    return int(millions) * 10**6 + int(rest)


def sum_to_pico(cost: Decimal) -> tuple[int, int]:
    """Return a sum in two columns: picodollars, and what is over the most that they hold in microdollars.

    The first one sorts sums up to that most, 9,223,372 US dollars; the two, the second one first, sort all of them.
    """
    pico = max(0, int(min(cost, _MOST_SUM).scaleb(PICO).to_integral_value()))
    if pico <= FULL_PICO:
        return pico, 0
    more, rest = divmod(pico - FULL_PICO, 10**6)
    return FULL_PICO + rest, more


def sum_from_pico(pico: int, more: int) -> Decimal:
    """Return the sum of these two columns."""
    return from_pico(pico + more * 10**6)


def _tally(**sums: Any) -> Tally:
    """Return sums with the calls of all outcomes, which the database adds up as well."""
    return Tally(calls=sum(sums[name] for name in _OUTCOMES), **sums)


_OUTCOMES: Final = ("running", "success", "error", "blocked", "rejected", "replayed")
_NEVER_CHANGED: Final = {"project_id", "id", "keeps_content"}  # the last is decided when a run begins
_MONEY: Final = {Decimal: (sum_to_pico, sum_from_pico)}

RUNS: Final = Columns(Run, within={"tally": Columns(Tally, but=("calls",), make=_tally, pairs=_MONEY)})

#: What stands for the columns of a run in the queries.
RUN_FRAGMENTS: Final[Mapping[str, str]] = RUNS.fragments("run", "runs.") | {
    "run_fields": ", ".join(RUNS.names),
    "run_places": ", ".join("?" for _ in RUNS.names),
    "run_updates": ", ".join(f"{name} = excluded.{name}" for name in RUNS.names if name not in _NEVER_CHANGED),
}
