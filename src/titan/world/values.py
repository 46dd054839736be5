"""Resolve values in a world's declarations (paths, texts with braces, constants), and check conditions.

"$args.order_id"           a path: of the arguments, of a bound entity ("$order.total"), of the response ("$.id")
"order_id"                 where an argument is expected, its name
{"param": "order_id"}      an argument
{"const": "$5"}            itself
{"negative": "$args.x"}    the number with the other sign
"Order {order_id} …"       a text with values in braces: an argument, or a path without its "$"
3, true, [..], {..}        itself, with the values that it holds
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from titan.world.definition import Comparison, Condition

RESPONSE: Final = ""  # the name of the response in a path: "$.status"
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")
_BRACES: Final = re.compile(r"\{([A-Za-z_][\w.]*)\}")


class Missing(Exception):
    """A path has no value."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is nothing at {path}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Scope:
    """The values that paths can name: arguments as `args`, bound entities by name, the response by the empty name."""

    names: Mapping[str, Any] = field(default_factory=dict)

    def with_name(self, name: str, value: Any) -> "Scope":
        """Return a scope with one more name."""
        return Scope({**self.names, name: value})

    @property
    def args(self) -> Mapping[str, Any]:
        """The arguments of the call."""
        found: Mapping[str, Any] = self.names["args"]
        return found

    def resolve(self, value: Any) -> Any:
        """Evaluate a declared value.

        Raises:
            Missing: a path in it names nothing.
        """
        match value:
            case str() if value.startswith("$"):
                name, _, path = value[1:].partition(".")
                return at(self._named(name, value), path)
            case str():
                return self.text(value)
            case {"param": str(name), **rest} if not rest:
                return at(self.args, name)
            case {"const": constant, **rest} if not rest:
                return constant
            case {"negative": inner, **rest} if not rest:
                return -self.resolve(inner)
            case dict():
                return {key: self.resolve(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self.resolve(inner) for inner in value]
        return value

    def filled(self, template: Any) -> Any:
        """Return the value of a response template, without members whose path has no value."""
        if isinstance(template, dict) and not template.keys() & {"param", "const", "negative"}:
            found = {key: self._or_missing(inner) for key, inner in template.items()}
            return {key: inner for key, inner in found.items() if not isinstance(inner, Missing)}
        return self.resolve(template)

    def argument(self, value: Any) -> Any:
        """Return the value of a declaration for an argument, in which a plain name is an argument's."""
        if isinstance(value, str) and _NAME.fullmatch(value):
            return at(self.args, value)
        return self.resolve(value)

    def _or_missing(self, template: Any) -> Any:
        try:
            return self.filled(template)
        except Missing as missing:
            return missing

    def text(self, template: str) -> str:
        """Replace the placeholders of a text; unknown ones are left unchanged."""

        def shown(found: re.Match[str]) -> str:
            name, _, path = found[1].partition(".")
            try:
                value = at(self._named(name, found[1]), path) if name in self.names else at(self.args, found[1])
            except Missing:
                return found[0]
            return value if isinstance(value, str) else str(value)

        return _BRACES.sub(shown, template)

    def _named(self, name: str, path: str) -> Any:
        if name not in self.names:
            raise Missing(path)
        return self.names[name]


def at(value: Any, path: str) -> Any:
    """Return the value at a path of keys and indexes: "items.0.sku"; the value itself at "".

    Raises:
        Missing: there is no value.
    """
    for part in path.split(".") if path else ():
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise Missing(path)
    return value


def entity_view(entity_id: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entity as declarations see it: its attributes and its id."""
    return {"id": entity_id, **attrs}


def meets(entity: Mapping[str, Any], conditions: Iterable[Condition], scope: Scope, *, skips_missing: bool) -> bool:
    """Return whether an entity meets all conditions.

    `skips_missing` leaves out conditions whose value has a missing path, as a search does.
    """
    return all(_meets(entity, one, scope, skips_missing) for one in conditions)


def equal(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal, at any depth: 25 is 25.0, and `true` is not 1, as Python has it."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def is_among(value: Any, values: Iterable[Any]) -> bool:
    """Return whether one of `values` equals a value."""
    return any(equal(one, value) for one in values)


def compare(found: Any, comparison: Comparison, value: Any) -> bool:
    """Return whether a comparison holds; ordering comparisons of unordered values do not."""
    match comparison:
        case Comparison.EQ:
            return equal(found, value)
        case Comparison.NE:
            return not equal(found, value)
        case Comparison.IN:
            return isinstance(value, list | tuple) and is_among(found, value)
        case Comparison.CONTAINS:
            if isinstance(found, str):
                return isinstance(value, str) and value in found
            return isinstance(found, list | tuple) and is_among(value, found)
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
