"""Values that hold no others: how each is written, and how it is read back.

One table for both directions. A tag is `$` and Python's own name for the type: `{"$Decimal": "1.10"}`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, Final
from uuid import UUID

from titan_sdk.tape.compact import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["LARGEST_INT", "LEAF_READERS", "LEAF_WRITERS", "least_size", "plain_json", "string_text"]

LARGEST_INT: Final = 2**53 - 1  # RFC 8259, section 6: beyond it, JSON readers do not agree on an integer's value

_DECIMALS: Final = Context(traps=[InvalidOperation])  # the program's own may let pass what is no number
_LONGEST_DECIMAL_BITS: Final = 8_000  # 2,409 digits; Python refuses to read or write more than 4,300

#: Compact JSON of None, bool, int, str, and finite floats, and of lists and dicts of them.
#: Raises ValueError for NaN and infinities.
plain_json: Final = compact_json


def string_text(value: str) -> str:
    r"""Return JSON for `value`, which UTF-8 can hold.

    A lone surrogate (what `os.fsdecode` makes of a byte that is not UTF-8) is kept: `{"$str": "caf\\udce9"}`,
    where a backslash is doubled. JSON's own `\udce9` would not do: strict readers, msgspec's too, refuse it.
    """
    text = plain_json(value)
    if text.isascii() or _is_utf8(text):
        return text
    return f'{{"$str":{plain_json(_SURROGATE_OR_BACKSLASH.sub(_shown, value))}}}'


def least_size(value: object) -> int:
    """Return fewer bytes than the text of `value` will have, at no cost: what is too large need not be written."""
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    return value.bit_length() // 4 if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class _Leaf:
    kind: type
    payload: Callable[[Any], str | list[int]]
    build: Callable[[Any], object]

    @property
    def tag(self) -> str:
        return f"${self.kind.__name__}"

    def write(self, value: object) -> str:
        payload = self.payload(value)
        text = string_text(payload) if isinstance(payload, str) else plain_json(payload)
        return f'{{"{self.tag}":{text}}}'


_SURROGATE_OR_BACKSLASH: Final = re.compile("[\\\\\ud800-\udfff]")
_SHOWN: Final = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def _shown(match: re.Match[str]) -> str:
    return "\\\\" if match.group() == "\\" else f"\\u{ord(match.group()):04x}"


def _meant(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 16)) if match.group(1) else "\\"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(value: bytes | bytearray) -> str:
    return b64encode(value).decode("ascii")


def _digits(value: int) -> str:
    return str(value) if value.bit_length() <= _LONGEST_DECIMAL_BITS else hex(value)


def _text(payload: object) -> str:
    """Return a payload that must be text, since some classes take other things too.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(payload, str):
        raise TypeError(f"expected text, found {payload!r}")
    return payload


def _path(kind: type[PurePath], elsewhere: type[PurePath]) -> _Leaf:
    """Return how a path is kept; a path of the other system comes back as its pure kind."""
    here = kind if not issubclass(kind, Path) or type(Path()) is kind else elsewhere
    return _Leaf(kind, str, lambda payload: here(_text(payload)))


_LEAVES: Final = (
    _Leaf(bytes, _base64, lambda payload: b64decode(_text(payload), validate=True)),
    _Leaf(bytearray, _base64, lambda payload: bytearray(b64decode(_text(payload), validate=True))),
    # The zone's name is left out, its offset is kept: reading a name would mean reading files.
    _Leaf(datetime, datetime.isoformat, datetime.fromisoformat),
    _Leaf(date, date.isoformat, date.fromisoformat),
    _Leaf(time, time.isoformat, time.fromisoformat),
    _Leaf(
        timedelta, lambda value: [value.days, value.seconds, value.microseconds], lambda payload: timedelta(*payload)
    ),
    _Leaf(Decimal, _DECIMALS.to_sci_string, lambda payload: Decimal(_text(payload), _DECIMALS)),
    _Leaf(UUID, str, lambda payload: UUID(_text(payload))),
    _Leaf(complex, repr, lambda payload: complex(_text(payload))),
    _Leaf(range, lambda value: [value.start, value.stop, value.step], lambda payload: range(*payload)),
    _path(PosixPath, PurePosixPath),
    _path(WindowsPath, PureWindowsPath),
    _path(PurePosixPath, PurePosixPath),
    _path(PureWindowsPath, PureWindowsPath),
)


def _int_text(value: int) -> str:
    return str(value) if -LARGEST_INT <= value <= LARGEST_INT else f'{{"$int":"{_digits(value)}"}}'


def _float_text(value: float) -> str:
    try:
        return plain_json(value)
    except ValueError:
        return f'{{"$float":"{value!r}"}}'


#: The JSON of a value of exactly this type; may raise whatever a time zone raises.
LEAF_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = {
    type(None): plain_json,
    bool: plain_json,
    int: _int_text,
    float: _float_text,
    str: string_text,
    **{leaf.kind: leaf.write for leaf in _LEAVES},
}

#: The value of a tag's payload; raises TypeError, ValueError or ArithmeticError when it is not one.
LEAF_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "$int": lambda payload: int(_text(payload), 0),
    "$float": lambda payload: float(_text(payload)),
    "$str": lambda payload: _SHOWN.sub(_meant, _text(payload)),
    **{leaf.tag: leaf.build for leaf in _LEAVES},
}
