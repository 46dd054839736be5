"""What a value becomes in a column: moments, JSON texts, members of an enum; and rows that Titan did not write.

Values come from rows in the methods of readers, and nowhere else. So what goes wrong there, and is no error of the
database's own, is a row that cannot be read: a status that is none, a text that is no UTF-8, a moment of no calendar.
"""

import inspect
import logging
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import msgspec

from titan.model.errors import StoreDamaged

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


# --- rows that cannot be read ---

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type)

_UNREADABLE: Final = (
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    zlib.error,
    msgspec.MsgspecError,
)

logger = logging.getLogger(__name__)


def reads_rows(method: Callable[P, T]) -> Callable[P, T]:
    """Return `method`, which turns rows into values, so that it raises StoreDamaged for those it cannot read."""

    @wraps(method)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except _UNREADABLE as error:
            found = f"one that cannot be read ({type(error).__name__}: {str(error)[:200]})"
            logger.exception("%s found a row that cannot be read", method.__qualname__)
            raise StoreDamaged(
                "a row of the store",
                expected="one that Titan wrote",
                found=found,
                next_step="It was left as it is: restore a backup with titan restore. The server's log says more.",
            ) from error

    return read


def methods_read_rows(kind: C) -> C:
    """Return a class, of whose public methods each is as `reads_rows` makes it."""
    for name, method in vars(kind).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(kind, name, reads_rows(method))
    return kind
