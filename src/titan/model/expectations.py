"""Explain validation errors in words: what was expected at which place, and what was found there."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import inspect

OTHERWISE: Final = "what the OpenAPI document at /schema/openapi.json says"
Steps: TypeAlias = tuple[str | int, ...]  #: to a place within a value: ("tools", 3, "name")
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_KEY: Final = re.compile(r" - at `key` in `\$")
_SHOWN: Final = 60  # characters of a value that are shown
_PLACE: Final = re.compile(r"(?: - at| in) `\$(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<item>[^\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A value that does not fit its shape."""

    steps: Steps  #: to its place
    expected: str | None  #: None: not known in words
    found: str

    @property
    def place_within(self) -> str:
        """The place as a text to put behind the name of the whole: ".tools[3].name"; empty for the whole."""
        return place_within(self.steps)


def place_within(steps: Steps) -> str:
    """Return the place that steps lead to, as a text to put behind the name of the whole: ".tools[3].name"."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def misfit_of(error: msgspec.ValidationError, shape: Any, given: Any) -> Misfit:
    """Return where and why `given`, plain JSON, does not fit `shape`."""
    said = str(error)
    steps, kinds = _followed(said, shape, given)
    missing, unknown = _MISSING.match(said), _UNKNOWN.match(said)
    if missing is not None:
        kinds = [inner for kind in _each(kinds) for inner in _within(kind, missing["field"])]
        return Misfit(steps=(*steps, missing["field"]), expected=_expected(kinds), found="none")
    if unknown is not None:
        names = dict.fromkeys(
            field.encode_name for kind in _each(kinds) if isinstance(kind, inspect.StructType) for field in kind.fields
        )
        expected = f"no fields but {', '.join(names)}" if names else "no fields"
        return Misfit(steps=steps, expected=expected, found=f"the field {unknown['field']}")
    if _KEY.search(said):
        keys = [kind.key_type for kind in _each(kinds) if isinstance(kind, inspect.DictType)]
        return Misfit(steps=steps, expected=f"names that are {_expected(keys)}", found="another one")
    return Misfit(steps=steps, expected=_expected(kinds), found=_found(_at(given, steps)))


def expected_of(shape: Any, error: Exception, given: Any = None, *, otherwise: str = OTHERWISE) -> str:
    """Return what `shape` expects at the place of `error`, else `otherwise`."""
    if not isinstance(error, msgspec.ValidationError):
        return otherwise
    misfit = misfit_of(error, shape, given)
    place = misfit.place_within.removeprefix(".")
    if misfit.expected is None or not (place or misfit.expected.startswith("no fields")):
        return otherwise
    is_choice = str(error).startswith("Invalid enum value") and len(misfit.steps) == 1
    is_named = is_choice or not place or misfit.expected.startswith("no fields")
    return misfit.expected if is_named else f"{place}: {misfit.expected}"


def found_of(error: Exception, shape: Any, given: Any) -> str:
    """Return what `error` found in `given`."""
    if not isinstance(error, msgspec.ValidationError):
        return str(error) or type(error).__name__
    return misfit_of(error, shape, given).found


def _followed(said: str, shape: Any, given: Any) -> tuple[Steps, list[inspect.Type]]:
    """Return the steps to the place in a msgspec error, and what may stand there.

    It writes `[...]` for any key of a dictionary: the one meant is that which alone has an error at the same place.
    """
    kinds, steps, place = [inspect.type_info(shape)], list[str | int](), _place(said)
    for step in _STEP.finditer(place):
        item: str | int | None = step["field"]
        if item is None and step["item"].isdecimal():
            item = int(step["item"])
        if item is None:
            inner = _at(given, steps)
            keys = list(inner) if isinstance(inner, dict) else []
            item = next((key for key in keys if _refused_at(_only(given, steps, key), shape) == place), "*")
        kinds = [each for kind in _each(kinds) for each in _within(kind, step["field"])]
        steps.append(item)
    return tuple(steps), kinds


def _only(given: Any, steps: list[str | int], key: str) -> Any:
    """Return `given` with `key` alone in the dictionary that the steps lead to."""
    if not steps:
        return {key: given[key]}
    inner = _only(given[steps[0]], steps[1:], key)
    if isinstance(given, dict):
        return {**given, steps[0]: inner}
    return [inner if at == steps[0] else one for at, one in enumerate(given)]


def _refused_at(given: Any, shape: Any) -> str | None:
    """Return the place at which a value does not fit; None where it fits."""
    try:
        msgspec.convert(given, shape)
    except msgspec.ValidationError as error:
        return _place(str(error))
    return None


def _place(said: str) -> str:
    """Return the place in a msgspec error, such as `.entries[0].kind`; empty for the whole."""
    place = _PLACE.search(said)
    return place["path"] if place else ""


def _at(given: Any, steps: Iterable[str | int]) -> Any:
    """Return what stands at a place, UNSET where nothing does."""
    for step in steps:
        try:
            given = given[step]
        except (LookupError, TypeError):
            return msgspec.UNSET
    return given


def _found(value: Any) -> str:
    match value:
        case msgspec.UNSET:
            return "another one"
        case str():
            return ascii(value) if len(value) <= _SHOWN else f"{len(value)} characters"
        case dict():
            return "an object"
        case list():
            return f"a list of {len(value)}"
    return msgspec.json.encode(value).decode()[:_SHOWN]


def _expected(kinds: Iterable[inspect.Type]) -> str | None:
    return " or ".join(_all_words(_each(kinds))) or None


def _all_words(kinds: list[inspect.Type]) -> list[str]:
    """Return a description of each kind; kinds that are all choices are joined."""
    values = [str(value) for kind in kinds for value in _values(kind)]
    if values and all(map(_values, kinds)):
        return [f"one of {', '.join(dict.fromkeys(values))}"]
    return list(dict.fromkeys(words for kind in kinds if (words := _words(kind))))


_WORDS: Final[Mapping[type[inspect.Type], str]] = {
    inspect.DecimalType: "a decimal number, as 0.05",
    inspect.DateTimeType: "a date and time, as 2026-03-01T12:00:00Z",
    inspect.BoolType: "true or false",
    inspect.BytesType: "a text in base64",
}


def _words(kind: inspect.Type) -> str | None:
    """Return a description of a kind of value, with its bounds."""
    if type(kind) in _WORDS:
        return _WORDS[type(kind)]
    match kind:
        case inspect.IntType() | inspect.FloatType():
            whole = "whole " if isinstance(kind, inspect.IntType) else ""
            return f"a {whole}number{_between(kind.ge, kind.le)}"
        case inspect.StrType():
            if kind.pattern is not None:
                return f"a text that matches {kind.pattern}"
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
