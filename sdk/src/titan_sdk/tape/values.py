"""Data types for recorded values that Python cannot restore, and the JSON form of atomic values (bytes, dates, …)."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from json import encoder
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, Final
from uuid import UUID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits on how much of one value is recorded. The encoder cuts what exceeds them and marks the cut."""

    size_bytes: int = 4 * 2**20  # the largest payload the specification shows is 1.5 MB; as base64 it takes 2 MB
    #: containers and instances within each other
    depth: int = 100  # at most five JSON levels each: well below the 1,000 that Python and SQLite read
    #: values in all, including leaves
    nodes: int = 250_000  # so many floats with 17 digits fill size_bytes

    def __post_init__(self) -> None:
        if self.size_bytes < 4096 or self.depth < 1 or self.nodes < 1:
            raise ValueError(f"bounds must be at least 4096 bytes, 1 level and 1 node, not {self}")


BOUNDS: Final = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An instance of a class that is not built in: its type name and its state.

    Decoding never calls a class that a text names, so dataclasses, enum members, pydantic models and subclasses of
    built-in types decode to this. It encodes to the text it came from.
    """

    #: `module:Class`, or the bare name of a built-in class
    type_name: str
    #: fields by name; an enum's `name` and `value`; the plain value of a subclass of `str`, `list` …
    state: object

    def __hash__(self) -> int:
        return hash(self.type_name)  # the state may be a dict; an object may still be a member of a set


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """A value of which only the repr was recorded; it cannot be restored."""

    type_name: str
    #: without memory addresses, at most 2,000 characters
    text: str
    #: distinguishes equal-looking objects of one set or dict in a snapshot; never written
    which: int = field(default=0, repr=False)


class CutReason(StrEnum):
    """Why something was left out."""

    SIZE = "size"  #: the bound of bytes or of nodes was reached
    DEPTH = "depth"  #: the bound of depth was reached
    CYCLE = "cycle"  #: the value contains itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A value that was recorded in part or not at all."""

    type_name: str
    reason: CutReason
    #: number of items of a container
    items: int | None = None
    #: size of a text (in UTF-8) or of bytes
    size_bytes: int | None = None
    #: of those bytes, in hex
    sha256: str | None = None
    #: the beginning, of the same type; None when nothing was kept
    head: object = None

    def __hash__(self) -> int:
        return hash((self.type_name, self.sha256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An exception, with what is needed to raise it again."""

    type_name: str
    #: `str()` of it, without memory addresses that it took from a repr
    message: str
    #: `BaseException.args`; `Cut` where there was no room for them
    args: tuple[object, ...] | Cut
    #: attributes that were set on it; None when there were none
    state: object = None
    #: `__cause__`
    cause: object = None
    #: `__context__`; None where there is a cause, or `from None`
    context: object = None


class ReplayedError(Exception):
    """Stands for a recorded exception whose class is not loaded here or rejects the recorded arguments."""

    def __init__(self, raised: Raised) -> None:
        super().__init__(f"{raised.type_name}: {raised.message}")
        self.raised = raised


def _compact_writer() -> Callable[[Any], str]:
    """Return a function that writes compact JSON with one reusable C encoder.

    `JSONEncoder.encode` creates a C encoder for each value, which takes 2 µs. Where there is none, or its signature
    differs, the encoder's own method is used.
    """
    plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
    make: Callable[..., Any] | None = getattr(encoder, "c_make_encoder", None)
    try:
        write = make and make(None, plain.default, encoder.encode_basestring, None, ":", ",", False, False, False)
    except TypeError:
        write = None
    return plain.encode if write is None else lambda value: "".join(write(value, 0))


#: Compact JSON of None, bool, int, str, and finite floats, and of lists and dicts of them.
#: Raises ValueError for NaN and infinities, TypeError for what JSON does not have.
compact_json: Final = _compact_writer()

LARGEST_INT: Final = 2**53 - 1  # RFC 8259, section 6: beyond it, JSON readers do not agree on an integer's value
_DECIMALS: Final = Context(traps=[InvalidOperation])  # the program's own context may accept what is no number
_LONGEST_DECIMAL_BITS: Final = 8_000  # 2,409 digits; Python refuses to read or write more than 4,300
_SURROGATE_OR_BACKSLASH: Final = re.compile("[\\\\\ud800-\udfff]")
_ESCAPED: Final = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def string_text(value: str) -> str:
    r"""Return JSON for `value` that UTF-8 can hold.

    A lone surrogate (from `os.fsdecode` of a byte that is not UTF-8) becomes `{"$str": "caf\\udce9"}`, where a
    backslash is doubled: strict readers, including msgspec's, refuse JSON's own `\udce9`.
    """
    text = compact_json(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        escaped = _SURROGATE_OR_BACKSLASH.sub(lambda found: _escaped(found.group()), value)
        return f'{{"$str":{compact_json(escaped)}}}'
    return text


def _escaped(character: str) -> str:
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found.group(1), 16)) if found.group(1) else "\\"


def _base64(value: bytes | bytearray) -> str:
    return b64encode(value).decode("ascii")


def _text(payload: object) -> str:
    """Return a payload that must be text, since some classes accept other types too.

    Raises:
        TypeError: it is not text.
    """
    if not isinstance(payload, str):
        raise TypeError(f"expected text, found {payload!r}")
    return payload


def _path_reader(kind: type[PurePath], elsewhere: type[PurePath]) -> Callable[[Any], PurePath]:
    """Return what reads a path; a path of the other operating system is read as its pure kind."""
    here = kind if not issubclass(kind, Path) or type(Path()) is kind else elsewhere
    return lambda payload: here(_text(payload))


#: Type, how its payload is written (a text or a list of ints), and how it is read.
_TAGGED: Final[tuple[tuple[type, Callable[[Any], str | list[int]], Callable[[Any], object]], ...]] = (
    (bytes, _base64, lambda payload: b64decode(_text(payload), validate=True)),
    (bytearray, _base64, lambda payload: bytearray(b64decode(_text(payload), validate=True))),
    # The offset of a time zone is kept, its name is not: reading a name would mean reading files.
    (datetime, datetime.isoformat, datetime.fromisoformat),
    (date, date.isoformat, date.fromisoformat),
    (time, time.isoformat, time.fromisoformat),
    (timedelta, lambda value: [value.days, value.seconds, value.microseconds], lambda parts: timedelta(*parts)),
    (Decimal, _DECIMALS.to_sci_string, lambda payload: Decimal(_text(payload), _DECIMALS)),
    (UUID, str, lambda payload: UUID(_text(payload))),
    (complex, repr, lambda payload: complex(_text(payload))),
    (range, lambda value: [value.start, value.stop, value.step], lambda parts: range(*parts)),
    (PosixPath, str, _path_reader(PosixPath, PurePosixPath)),
    (WindowsPath, str, _path_reader(WindowsPath, PureWindowsPath)),
    (PurePosixPath, str, _path_reader(PurePosixPath, PurePosixPath)),
    (PureWindowsPath, str, _path_reader(PureWindowsPath, PureWindowsPath)),
)


def _tagged_writer(kind: type, payload_of: Callable[[Any], str | list[int]]) -> Callable[[Any], str]:
    def write(value: object) -> str:
        payload = payload_of(value)
        text = string_text(payload) if isinstance(payload, str) else compact_json(payload)
        return f'{{"${kind.__name__}":{text}}}'

    return write


def _int_text(value: int) -> str:
    if -LARGEST_INT <= value <= LARGEST_INT:
        return str(value)
    return f'{{"$int":"{value if value.bit_length() <= _LONGEST_DECIMAL_BITS else hex(value)}"}}'


def _float_text(value: float) -> str:
    try:
        return compact_json(value)
    except ValueError:
        return f'{{"$float":"{value!r}"}}'


#: The JSON of a value of exactly this type; may raise whatever a time zone raises.
LEAF_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = {
    type(None): compact_json,
    bool: compact_json,
    int: _int_text,
    float: _float_text,
    str: string_text,
    **{kind: _tagged_writer(kind, payload_of) for kind, payload_of, _ in _TAGGED},
}

#: The value of a tag's payload; raises TypeError, ValueError or ArithmeticError when the payload does not fit.
LEAF_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "$int": lambda payload: int(_text(payload), 0),
    "$float": lambda payload: float(_text(payload)),
    "$str": lambda payload: _ESCAPED.sub(_unescaped, _text(payload)),
    **{f"${kind.__name__}": read for kind, _, read in _TAGGED},
}
