"""Explain validation errors by the expected shape, and check texts and times before they are stored."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import inspect

from titan.model.errors import InvalidInput
from titan.rules.names import shown

OTHERWISE: Final = "what the OpenAPI document at /schema/openapi.json says"
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_LENGTH: Final = re.compile(r"Expected `\w+` of length (?P<bound><=|>=) \d+ - at ")
_SHOWN: Final = 60  # characters of a value that are shown
_PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<item>[^\]]*)\]")


def expected_of(shape: Any, error: Exception, *, otherwise: str = OTHERWISE) -> str:
    """Return what `shape` expects at the place of `error`, else `otherwise`."""
    if not isinstance(error, msgspec.ValidationError):
        return otherwise
    said = str(error)
    place, missing = _place(said), _MISSING.match(said)
    if missing is not None:
        place = f"{place}.{missing['field']}"
    kinds = [inspect.type_info(shape)]
    for step in _STEP.finditer(place):
        kinds = [inner for kind in _each(kinds) for inner in _within(kind, step["field"])]
    if said.startswith("Invalid enum value"):
        values = [str(value) for kind in _each(kinds) for value in _values(kind)]
        return f"one of {', '.join(values)}" if values else otherwise
    if said.startswith("Object contains unknown field"):
        names = dict.fromkeys(
            field.encode_name for kind in _each(kinds) if isinstance(kind, inspect.StructType) for field in kind.fields
        )
        return f"no fields but {', '.join(names)}" if names else "no fields"
    words = _all_words(_each(kinds))
    return f"{place.removeprefix('.')}: {' or '.join(words)}" if place and words else otherwise


def found_of(error: Exception, given: Mapping[str, str]) -> str:
    """Return what `error` found; of a query, whose fields are `given`, the value."""
    said = str(error)
    if _MISSING.match(said):
        return "none"
    value = given.get(_place(said).removeprefix("."))
    length = _LENGTH.match(said)
    if value is None and length is not None:
        return "a longer one" if length["bound"] == "<=" else "a shorter one"
    if value is None or not isinstance(error, msgspec.ValidationError):
        return said or type(error).__name__
    return shown(value) if len(value) <= _SHOWN else f"{len(value)} characters"


def _place(said: str) -> str:
    """Return the place in a msgspec error, such as `.entries[0].kind`; empty for the whole."""
    place = _PLACE.search(said)
    return place["path"] if place else ""


def _all_words(kinds: list[inspect.Type]) -> list[str]:
    """Return a description of each kind; kinds that are all choices are joined."""
    values = [str(value) for kind in kinds for value in _values(kind)]
    if values and all(map(_values, kinds)):
        return [f"one of {', '.join(dict.fromkeys(values))}"]
    return list(dict.fromkeys(words for kind in kinds if (words := _words(kind))))


def _words(kind: inspect.Type) -> str | None:
    """Return a description of a kind of value, with its bounds."""
    match kind:
        case inspect.IntType():
            return f"a whole number{_between(kind.ge, kind.le)}"
        case inspect.FloatType():
            return f"a number{_between(kind.ge, kind.le)}"
        case inspect.DecimalType():
            return "a decimal number, as 0.05"
        case inspect.DateTimeType():
            return "a date and time, as 2026-03-01T12:00:00Z"
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return f"a text{_between(kind.min_length, kind.max_length, unit=' characters')}"
        case inspect.LiteralType() | inspect.EnumType():
            return f"one of {', '.join(map(str, _values(kind)))}"
        case inspect.StructType() | inspect.DictType():
            return "an object"
        case inspect.CollectionType():
            return f"a list{_between(kind.min_length, kind.max_length, unit=' items')}"
    return None


def _between(least: float | None, most: float | None, *, unit: str = "") -> str:
    """Return bounds in words: ` from 1 to 200`, ` of 1 to 500 characters`, ` of at most 100 characters`."""
    if most is None:
        return "" if least is None else f" from {least}" if not unit else f" of at least {least}{unit}"
    if least is None:
        return f" of at most {most}{unit}"
    return f"{' of' if unit else ' from'} {least} to {most}{unit}"


def _each(kinds: Iterable[inspect.Type]) -> list[inspect.Type]:
    """Return the kinds with unions flattened."""
    found: list[inspect.Type] = []
    for kind in kinds:
        while isinstance(kind, inspect.Metadata):
            kind = kind.type
        found += _each(kind.types) if isinstance(kind, inspect.UnionType) else [kind]
    return found


def _within(kind: inspect.Type, field: str | None) -> list[inspect.Type]:
    """Return the kinds of a field, or of the items, of a kind."""
    if isinstance(kind, inspect.StructType):
        if field is not None and field == kind.tag_field:
            return [inspect.LiteralType((kind.tag,))]
        return [each.type for each in kind.fields if each.encode_name == field]
    if isinstance(kind, inspect.DictType):
        return [kind.value_type]
    return [kind.item_type] if isinstance(kind, inspect.CollectionType) else []


def _values(kind: inspect.Type) -> list[object]:
    if isinstance(kind, inspect.LiteralType):
        return list(kind.values)
    return [member.value for member in kind.cls] if isinstance(kind, inspect.EnumType) else []


EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)  # a later one may have no equivalent in UTC
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME_OF: Final = {"start_date": "00:00:00", "end_date": "23:59:59.999999"}
MAX_LINE_CHARACTERS = 255  # of host and version of a worker: the longest host name, RFC 1035


def with_whole_days(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a query, with a bare day in `start_date` or `end_date` completed by a time."""
    return {
        name: f"{text}T{_TIME_OF[name]}Z" if name in _TIME_OF and _DAY.fullmatch(text) else text
        for name, text in fields.items()
    }


def check_text(subject: str, text: str, *, limit_characters: int | None = None) -> str:
    """Check that every database can store a text, and return it.

    Raises:
        InvalidInput: it holds a NUL, which PostgreSQL cannot store, or more than `limit_characters`.
    """
    if "\0" in text:
        raise InvalidInput(
            subject,
            expected="text without NUL characters (U+0000)",
            found=f"one at position {text.index(chr(0))}",
            next_step="Encode binary content, as base64 for example, or publish it as an artifact.",
        )
    if limit_characters is not None and len(text) > limit_characters:
        raise InvalidInput(
            subject, expected=f"at most {limit_characters} characters", found=f"{len(text)}", next_step="Shorten it."
        )
    return text


def check_moment(subject: str, moment: datetime) -> datetime:
    """Check that every database can store a time, and return it.

    Raises:
        InvalidInput: it is not between 1970 and 9999.
    """
    if EARLIEST <= moment <= LATEST:
        return moment
    raise InvalidInput(
        subject, expected="a moment between 1970 and 9999", found=str(moment), next_step="Set the worker's clock."
    )
