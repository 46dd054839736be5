"""Validate a value against a JSON schema, with error messages that a language model can act on.

Supports the keywords that schemas for models use; another keyword that constrains a value is an error.
"""

from __future__ import annotations

import json
import re

from titan_sdk.errors import NotSupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeAlias

    Schema: TypeAlias = Mapping[str, Any]
    Check: TypeAlias = Callable[[Any, Schema, str], Iterator[str]]


def problems(value: object, schema: Schema) -> list[str]:
    """Return the problems of `value`, one sentence each, in the order of the value; [] when it fits.

        problems({"gaps": "x"}, {"type": "object", "properties": {"gaps": {"type": "array"}}})
        # -> ["$.gaps: expected an array, found the string \"x\""]

    Known keywords: type, enum, const, anyOf, properties, required, additionalProperties, items, minItems,
    maxItems, minLength, maxLength, pattern, minimum, maximum. Titles, descriptions, defaults and other annotations are
    ignored.

    Raises:
        NotSupported: the schema uses another keyword.
    """
    return list(_check(value, schema, "$"))


_ANNOTATIONS = frozenset(
    {"$comment", "$id", "$schema", "default", "deprecated", "description", "examples", "format", "title"}
)
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "object": ("an object", (dict,)),
    "array": ("an array", (list,)),
    "string": ("a string", (str,)),
    "number": ("a number", (int, float)),
    "integer": ("an integer", (int, float)),
    "boolean": ("true or false", (bool,)),
    "null": ("null", (type(None),)),
}


def _check(value: object, schema: Schema, where: str) -> Iterator[str]:
    for keyword in schema:
        if keyword not in _CHECKS and keyword not in _ANNOTATIONS:
            raise NotSupported(
                subject=f"schema at {where}",
                expected=f"keywords of {', '.join(sorted(_CHECKS))}",
                found=repr(keyword),
                next_step="Say it with those, or check the answer yourself.",
            )
    if (mismatch := _type_mismatch(value, schema, where)) is not None:
        yield mismatch
        return
    for check in dict.fromkeys(_CHECKS[keyword] for keyword in schema if keyword in _CHECKS):
        yield from check(value, schema, where)


def _type_mismatch(value: object, schema: Schema, where: str) -> str | None:
    allowed = schema.get("type")
    if allowed is None:
        return None
    names = [allowed] if isinstance(allowed, str) else list(allowed)
    if any(_is_of_type(value, name) for name in names):
        return None
    wanted = " or ".join(_TYPES[name][0] for name in names)
    return f"{where}: expected {wanted}, found {_shown(value)}"


def _is_of_type(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()  # 2.0 is an integer in JSON Schema
    return isinstance(value, _TYPES[name][1])


def _no_check(value: Any, schema: Schema, where: str) -> Iterator[str]:
    yield from ()  # keywords that another check covers


def _check_enum(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if not any(_is_same(value, choice) for choice in schema["enum"]):
        choices = ", ".join(_shown(choice, with_type=False) for choice in schema["enum"])
        yield f"{where}: expected one of {choices}; found {_shown(value)}"


def _check_const(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if not _is_same(value, schema["const"]):
        yield f"{where}: expected exactly {_shown(schema['const'], with_type=False)}, found {_shown(value)}"


def _check_any_of(value: Any, schema: Schema, where: str) -> Iterator[str]:
    tried = [list(_check(value, option, where)) for option in schema["anyOf"]]
    if all(tried):
        ways = "; or ".join(" and ".join(found) for found in tried)
        yield f"{where}: fits none of {len(tried)} allowed forms ({ways})"


def _check_required(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name in schema["required"]:
            if name not in value:
                yield f'{where}: the property "{name}" is missing'


def _check_properties(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in schema["properties"].items():
            if name in value:
                yield from _check(value[name], part, f"{where}.{name}")


def _check_additional_properties(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    rule = schema["additionalProperties"]
    for name in value:
        if name in schema.get("properties", {}):
            continue
        if rule is False:
            yield f'{where}: the property "{name}" is not allowed'
        elif rule is not True:
            yield from _check(value[name], rule, f"{where}.{name}")


def _check_items(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _check(item, schema["items"], f"{where}[{index}]")


def _check_item_count(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, list):
        yield from _outside(len(value), schema, where, keywords=("minItems", "maxItems"), unit=" items")


def _check_length(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, str):
        yield from _outside(len(value), schema, where, keywords=("minLength", "maxLength"), unit=" characters")


def _check_range(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _outside(value, schema, where, keywords=("minimum", "maximum"), unit="")


def _check_pattern(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{where}: expected a text that matches the pattern {schema['pattern']}, found {_shown(value)}"


def _outside(number: float, schema: Schema, where: str, *, keywords: tuple[str, str], unit: str) -> Iterator[str]:
    lowest, highest = schema.get(keywords[0]), schema.get(keywords[1])
    if lowest is not None and number < lowest:
        yield f"{where}: expected at least {lowest}{unit}, found {number}"
    if highest is not None and number > highest:
        yield f"{where}: expected at most {highest}{unit}, found {number}"


def _is_same(value: object, other: object) -> bool:
    """Compare as JSON does: 1 is 1.0, but never true."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _shown(value: object, *, with_type: bool = True) -> str:
    text = json.dumps(value, ensure_ascii=False)
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    if not with_type or value is None or isinstance(value, bool):
        return shown
    kind = next(name for name in ("object", "array", "string", "number") if _is_of_type(value, name))
    return f"the {kind} {shown}"


_CHECKS: Mapping[str, Check] = {
    "type": _no_check,
    "enum": _check_enum,
    "const": _check_const,
    "anyOf": _check_any_of,
    "required": _check_required,
    "properties": _check_properties,
    "additionalProperties": _check_additional_properties,
    "items": _check_items,
    "minItems": _check_item_count,
    "maxItems": _check_item_count,
    "minLength": _check_length,
    "maxLength": _check_length,
    "minimum": _check_range,
    "maximum": _check_range,
    "pattern": _check_pattern,
}
