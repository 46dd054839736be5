"""Map values to columns and back, and report rows that cannot be read as damage.

Only the methods of readers map rows to values. So an error there that is not the database's own is a row that cannot be
read: an unknown status, a text that is not UTF-8, a time out of range.
"""

import inspect
import logging
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import wraps
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast, get_args, get_type_hints

import msgspec

from titan.model.errors import StoreDamaged
from titan.model.projects import ORGANISATION, reach_of
from titan.store.session import Session, Value

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


#: Whether a row's project is within `:reach`; see `reach_of`. `:own` is the reach of the server's own organisation.
IS_WITHIN: Final = {
    "is_within": """substr(
        case when replace(project_id, cast(:between as text), '') = project_id then cast(:own as text) else '' end
        || project_id || cast(:between as text), 1, length(cast(:reach as text))
    ) = cast(:reach as text)"""
}


def within(reach: str) -> dict[str, str]:
    """Return the parameters of the fragment `is_within`."""
    own = reach_of(ORGANISATION)
    return {"reach": reach, "own": own, "between": own[-1]}


def to_json(structure: object) -> str:
    """Return the JSON text of a structure of plain values, model values, mappings and moments."""
    return _ENCODER.encode(structure).decode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no place in a stored structure")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)


# --- a column for each field ---

S = TypeVar("S")

_MOST_COUNT: Final = 2**63 - 1
_HELPERS: Final[Mapping[str, Any]] = {
    each.__name__: each for each in (to_us, from_us, to_us_or_none, from_us_or_none, to_json)
} | {"MOST": _MOST_COUNT}


class Columns(Generic[S]):
    """How values of a type are stored: a column for each field, by the field's type. Nothing here names a field.

    Moments are integer microseconds in `<field>_us`, members of an enum their text, truths 0 and 1, numbers and texts
    themselves, and all else JSON. Reading and writing are compiled, as dataclasses are: each change of a job does both.
    """

    def __init__(
        self,
        shape: type[S],
        *,
        within: "Mapping[str, Columns[Any]]" = MappingProxyType({}),
        but: Collection[str] = (),
        make: Callable[..., S] | None = None,
        given: Collection[str] = (),
        ways: Mapping[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = MappingProxyType({}),
        called: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Make the columns.

        Fields of `within` have columns for their own fields; types and fields of `ways` are written and read as these
        say; `called` has the names of columns that are not their field's. `but` are not stored, nor are `given`, which
        whoever reads a row passes behind it.
        """
        self._ways, self._called = ways, called
        self._words: dict[str, Any] = {**_HELPERS, f"make_{shape.__name__}": make or shape}
        self._written: dict[str, str] = {}  #: column → what is written, of `{v}`
        arguments = []
        for field, hint in get_type_hints(shape).items():
            if field in given:
                arguments.append(f"{field}={field}")
            if field in but or field in given:
                continue
            if field in within:
                arguments.append(f"{field}={self._nested(field, within[field])}")
                continue
            kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
            [kind] = [kind for kind in kinds if kind is not NoneType]
            arguments.append(f"{field}={self._column(shape, field, kind, len(kinds) > 1)}")
        self._made = f"make_{shape.__name__}({', '.join(arguments)})"
        self.names: Final = tuple(self._written)
        #: Return the value of a row that begins with these columns.
        self.of: Callable[..., S] = self._compiled(", ".join(("row", *given)), self._made)
        #: Return the columns of a value, in their order.
        self.values: Callable[[S], tuple[Any, ...]] = self._compiled("value", f"({', '.join(self._each('value'))},)")
        self.row: Callable[[S], dict[str, Any]] = self.row_but()

    def row_but(self, *left_out: str) -> Callable[[S], dict[str, Any]]:
        """Return what gives column → what is written of a value, but for these columns."""
        items = zip(self.names, self._each("value"), strict=True)
        pairs = (f"{name!r}: {written}" for name, written in items if name not in left_out)
        return cast("Callable[[S], dict[str, Any]]", self._compiled("value", f"{{{', '.join(pairs)}}}"))

    def fragments(self, name: str, table: str = "") -> dict[str, str]:
        """Return what stands for these columns in queries.

        `{<name>_columns}` to ask; `{<name>_values}` to insert one by its names, `{<name>_places}` many into
        `{<name>_fields}`.
        """
        return {
            f"{name}_columns": ", ".join(f"{table}{column}" for column in self.names),
            f"{name}_values": ", ".join(f":{column}" for column in self.names),
            f"{name}_fields": ", ".join(self.names),
            f"{name}_places": ", ".join("?" for _ in self.names),
        }

    def updates(self, name: str, *, but: Collection[str]) -> dict[str, str]:
        """Return `{<name>_updates}`: what sets a row anew from what could not be inserted, all columns but these."""
        return {
            f"{name}_updates": ", ".join(f"{column} = excluded.{column}" for column in self.names if column not in but)
        }

    def _each(self, value: str) -> list[str]:
        return [written.replace("{v}", value) for written in self._written.values()]

    def _compiled(self, argument: str, result: str) -> Any:
        return eval(f"lambda {argument}: {result}", self._words)

    def _nested(self, field: str, columns: "Columns[Any]") -> str:
        begin = len(self._written)
        self._words |= columns._words
        self._written |= {name: each.replace("{v}", f"{{v}}.{field}") for name, each in columns._written.items()}
        return re.sub(r"row\[(\d+)\]", lambda place: f"row[{begin + int(place[1])}]", columns._made)

    def _column(self, shape: type, field: str, kind: Any, is_optional: bool) -> str:
        """Add the column of a field; return what reads it."""
        at, value, word = f"row[{len(self._written)}]", f"{{v}}.{field}", f"{shape.__name__}_{field}"
        or_none = "_or_none" if is_optional else ""
        way = self._ways.get(field, self._ways.get(kind))
        if kind is datetime:
            self._written[f"{field}_us"] = f"to_us{or_none}({value})"
            return f"from_us{or_none}({at})"
        written, read = value, at
        if way is not None:
            self._words |= {f"{word}_to": way[0], f"{word}_from": way[1]}
            written, read = f"{word}_to({value})", f"{word}_from({at})"
        elif kind is bool:
            written, read = f"int({value})", f"bool({at})"
        elif kind is int and not is_optional:
            written = f"min({value}, MOST)"
        elif isinstance(kind, type) and issubclass(kind, StrEnum):
            self._words[word] = by_value(kind)
            written, read = f"{value}.value", f"{word}[{at}]"
        elif kind not in (int, float, str):
            self._words[word] = msgspec.json.Decoder(kind).decode
            written, read = f"to_json({value})", f"{word}({at})"
        if is_optional and written != value:
            written, read = f"None if {value} is None else {written}", f"None if {at} is None else {read}"
        self._written[self._called.get(field, field)] = written
        return read


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


class RowReader:
    """Base class of the readers: runs queries and maps their rows to values."""

    __slots__ = ("_all", "_one", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._all = session.all
        self._one = session.one

    def _find(self, columns: Columns[S], query: str, **parameters: Value) -> list[S]:
        return [columns.of(row) for row in self._all(query, **parameters)]

    def _first(self, columns: Columns[S], query: str, **parameters: Value) -> S | None:
        row = self._one(query, **parameters)
        return None if row is None else columns.of(row)
