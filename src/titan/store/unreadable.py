"""What a row means that Titan did not write: damage, whichever database and column it is in.

Values come from rows in the methods of readers, and nowhere else. So what goes wrong there, and is no error of the
database's own, is a row that cannot be read: a status that is none, a text that is no UTF-8, a moment of no calendar.
"""

import inspect
import logging
import zlib
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import msgspec

from titan.model.errors import StoreDamaged

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
