"""Runs to rows and back: a column for each field of `Run` and of its `Tally`, made by the field's type.

A new field needs its column in both schema.sql, and nothing here.
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
from titan.store.calls.money import sum_from_pico, sum_to_pico
from titan.store.rows.columns import by_value, from_us_or_none, to_us_or_none
from titan.store.session import Row

#: What a column can hold here, in the order of the columns.
Values: TypeAlias = tuple[str | int | bytes | None, ...]

_MOST_COUNT: Final = 2**63 - 1


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
