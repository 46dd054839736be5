"""Bounds for a JSON Schema that has none: held to one without, a small model runs on to its last token."""

from collections.abc import Mapping
from typing import Final

MAX_LENGTH: Final = 400  # characters: about 100 tokens, 2 s of SmolLM2 on one thread
MAX_ITEMS: Final = 8  # an array this long of such strings still fits MAX_TOKENS of the local model

_SUBSCHEMAS_BY_NAME: Final = ("properties", "$defs", "definitions", "patternProperties")
_SUBSCHEMA_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_SUBSCHEMAS: Final = ("items", "additionalProperties")


def bounded(schema: Mapping[str, object]) -> dict[str, object]:
    """Return a copy whose strings and arrays all have a largest length.

    Bounds that stand there are kept, and so are closed strings (`enum`, `const`, `format`, `pattern`). What
    fits the copy also fits `schema`.
    """
    result = {name: _bounded_part(name, value) for name, value in schema.items()}
    if _is("string", schema) and not schema.keys() & {"enum", "const", "format", "pattern"}:
        result.setdefault("maxLength", _at_least(schema.get("minLength"), MAX_LENGTH))
    if _is("array", schema):
        result.setdefault("maxItems", _at_least(schema.get("minItems"), MAX_ITEMS))
    return result


def _bounded_part(name: str, value: object) -> object:
    if name in _SUBSCHEMAS_BY_NAME and isinstance(value, Mapping):
        return {key: _bounded_value(part) for key, part in value.items()}
    if name in _SUBSCHEMA_LISTS and isinstance(value, list):
        return [_bounded_value(part) for part in value]
    if name in _SUBSCHEMAS:
        return _bounded_value(value)
    return value


def _bounded_value(value: object) -> object:
    return bounded(value) if isinstance(value, Mapping) else value


def _is(kind: str, schema: Mapping[str, object]) -> bool:
    stated = schema.get("type")
    return kind in stated if isinstance(stated, list) else stated == kind


def _at_least(minimum: object, bound: int) -> int:
    return max(minimum, bound) if isinstance(minimum, int) else bound
