"""Runs and money to rows and back.

A run has a column for each field of `Run` and of its `Tally`, made by the field's type: a new field needs its column in
both schema.sql, and nothing here. Money is picodollars, exact to the twelfth place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, TypeAlias, get_args, get_type_hints

import msgspec

from titan.model.runs import Run, Tally
from titan.store.rows.columns import by_value, from_us_or_none, to_us_or_none
from titan.store.session import Row

#: What a column can hold here, in the order of the columns.
Values: TypeAlias = tuple[str | int | bytes | None, ...]

_MOST_COUNT: Final = 2**63 - 1
PICO: Final = 12  # decimal places of a picodollar
_MOST_PICO: Final = 2**63 - 1
FULL_PICO: Final = 9_223_372 * 10**PICO  # whole dollars, so that up to a microdollar more still fits
_MOST: Final = Decimal(_MOST_PICO).scaleb(-PICO)  # US dollars: 9,223,372
_MOST_SUM: Final = Decimal(10**12)  # US dollars: of a million calls at the most that one may cost
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    write: Callable[[Any], str | int | None]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _count(value: int | None) -> int | None:
    return None if value is None else min(value, _MOST_COUNT)


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _column(field: str, hint: Any) -> _Column:
    """Return how a field is stored: times as microseconds, words as text, counts, and all else as JSON."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    [kind] = [kind for kind in kinds if kind is not NoneType]
    if kind is datetime:
        return _Column(f"{field}_us", to_us_or_none, from_us_or_none)
    if kind is str:
        return _Column(field, _same, _same)
    if kind is bool:
        return _Column(field, int, bool)
    if kind is int:
        return _Column(field, _count, _same)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _Column(field, _same, by_value(kind).get)
    decode = msgspec.json.Decoder(kind).decode
    return _Column(field, _json, lambda text: None if text is None else decode(text))


_FIELDS: Final = {name: _column(name, hint) for name, hint in get_type_hints(Run).items() if name != "tally"}
#: `calls` is the sum of the calls of each outcome, which the database computes as well.
_SUMS: Final = {name: hint for name, hint in get_type_hints(Tally).items() if name != "calls"}
_OUTCOMES: Final = ("running", "success", "error", "blocked", "rejected", "replayed")

RUN_COLUMNS: Final = (
    *(column.name for column in _FIELDS.values()),
    *(name for field, hint in _SUMS.items() for name in ((field, f"{field}_more") if hint is Decimal else (field,))),
)

#: What stands in for the columns of a run in the queries.
RUN_FRAGMENTS: Final[Mapping[str, str]] = {
    "run_columns": ", ".join(f"runs.{name}" for name in RUN_COLUMNS),
    "run_fields": ", ".join(RUN_COLUMNS),
    "run_places": ", ".join("?" for _ in RUN_COLUMNS),
    "run_updates": ", ".join(f"{name} = excluded.{name}" for name in RUN_COLUMNS if name not in ("project_id", "id")),
}


def run_from_row(row: Row) -> Run:
    """Return the run of `run_columns`."""
    fields = {name: column.read(value) for (name, column), value in zip(_FIELDS.items(), row, strict=False)}
    return Run(**fields, tally=_tally(row[len(_FIELDS) : len(RUN_COLUMNS)]))


def row_of_run(run: Run) -> Values:
    """Return `run_columns`."""
    return (
        *(column.write(getattr(run, name)) for name, column in _FIELDS.items()),
        *_sums(run.tally),
    )


def _tally(values: Row) -> Tally:
    rest = iter(values)
    sums: dict[str, Any] = {
        name: sum_from_pico(next(rest), next(rest)) if hint is Decimal else next(rest) for name, hint in _SUMS.items()
    }
    return Tally(calls=sum(sums[name] for name in _OUTCOMES), **sums)


def _sums(tally: Tally) -> list[int]:
    values: list[int] = []
    for name, hint in _SUMS.items():
        value = getattr(tally, name)
        values += sum_to_pico(value) if hint is Decimal else (min(value, _MOST_COUNT),)
    return values


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
