"""What a value becomes in a column: moments, JSON texts, members of an enum."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import msgspec

E = TypeVar("E", bound=StrEnum)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970; exact, which a float would not be."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int) -> datetime:
    """Return the aware UTC moment."""
    return _EPOCH + timedelta(microseconds=moment_us)


def to_us_or_none(moment: datetime | None) -> int | None:
    """Return `to_us(moment)`; None stays None."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def from_us_or_none(moment_us: int | None) -> datetime | None:
    """Return `from_us(moment_us)`; None stays None."""
    return None if moment_us is None else _EPOCH + timedelta(microseconds=moment_us)


def by_value(enum: type[E]) -> dict[str | None, E]:
    """Return column text → member. A dict, for `enum(text)` takes fifteen times as long in Python 3.11."""
    return {member.value: member for member in enum}


def to_json(structure: object) -> str:
    """Return the JSON text of a structure of plain values, model values, mappings and moments."""
    return _ENCODER.encode(structure).decode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no place in a stored structure")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
