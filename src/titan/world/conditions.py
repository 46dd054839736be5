"""Whether an entity meets conditions: a field, a comparison, a value."""

from collections.abc import Iterable, Mapping
from typing import Any

from titan.world.definition import Comparison, Condition
from titan.world.values import Missing, Scope, at


def entity_view(entity_id: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entity as declarations see it: its attributes and its id."""
    return {"id": entity_id, **attrs}


def meets(entity: Mapping[str, Any], conditions: Iterable[Condition], scope: Scope, *, skips_missing: bool) -> bool:
    """Return whether all conditions hold of an entity.

    `skips_missing` leaves those out whose value is an argument that was not given, as a search does.
    """
    return all(_meets(entity, one, scope, skips_missing) for one in conditions)


def compare(found: Any, comparison: Comparison, value: Any) -> bool:
    """Return whether a comparison holds; None of what cannot be ordered does."""
    match comparison:
        case Comparison.EQ:
            return bool(found == value)
        case Comparison.NE:
            return bool(found != value)
        case Comparison.IN:
            return isinstance(value, list | tuple) and found in value
        case Comparison.CONTAINS:
            return (
                isinstance(found, list | str)
                and (not isinstance(found, str) or isinstance(value, str))
                and value in found
            )
        case Comparison.ILIKE:
            return isinstance(found, str) and isinstance(value, str) and value.casefold() in found.casefold()
        case Comparison.EXISTS:
            return (found is not None) is bool(value)
        case Comparison.EMPTY:
            return (found in (None, "", [], {})) is bool(value)
    return _is_ordered(found, value) and _in_order(found, comparison, value)


def _meets(entity: Mapping[str, Any], condition: Condition, scope: Scope, skips_missing: bool) -> bool:
    try:
        value = scope.resolve(condition.value)
    except Missing:
        return skips_missing
    try:
        found = scope.resolve(condition.field) if condition.field.startswith("$") else at(entity, condition.field)
    except Missing:
        found = None
    return compare(found, condition.cmp, value)


def _is_ordered(one: Any, other: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    return numbers or (isinstance(one, str) and isinstance(other, str))


def _in_order(found: Any, comparison: Comparison, value: Any) -> bool:
    match comparison:
        case Comparison.LT:
            return bool(found < value)
        case Comparison.LE:
            return bool(found <= value)
        case Comparison.GT:
            return bool(found > value)
        case _:
            return bool(found >= value)
