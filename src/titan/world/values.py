"""Values that a world's declarations name: paths, texts with values in braces, constants.

"$args.order_id"           a path: of the arguments, of a bound entity ("$order.total"), of the response ("$.id")
"order_id"                 where an argument is expected, its name
{"param": "order_id"}      an argument
{"const": "$5"}            itself
{"negative": "$args.x"}    the number with the other sign
"Order {order_id} …"       a text with values in braces: an argument, or a path without its "$"
3, true, [..], {..}        itself, with the values that it holds
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

RESPONSE: Final = ""  # the name of the response in a path: "$.status"
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")
_BRACES: Final = re.compile(r"\{([A-Za-z_][\w.]*)\}")


class Missing(Exception):
    """A path names nothing; `path` says which."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is nothing at {path}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Scope:
    """What paths reach: the arguments as `args`, bound entities by their names, the response as ``."""

    names: Mapping[str, Any] = field(default_factory=dict)

    def with_name(self, name: str, value: Any) -> "Scope":
        """Return a scope in which a name stands for a value."""
        return Scope({**self.names, name: value})

    @property
    def args(self) -> Mapping[str, Any]:
        """The arguments of the call."""
        found: Mapping[str, Any] = self.names["args"]
        return found

    def resolve(self, value: Any) -> Any:
        """Return what a declared value stands for.

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
        """Return the same of a response; a member whose path names nothing is left out."""
        if isinstance(template, dict) and not template.keys() & {"param", "const", "negative"}:
            found = {key: self._or_missing(inner) for key, inner in template.items()}
            return {key: inner for key, inner in found.items() if not isinstance(inner, Missing)}
        return self.resolve(template)

    def argument(self, value: Any) -> Any:
        """Return the same of a value that stands where an argument is expected: a plain name is that argument's."""
        if isinstance(value, str) and _NAME.fullmatch(value):
            return at(self.args, value)
        return self.resolve(value)

    def _or_missing(self, template: Any) -> Any:
        try:
            return self.filled(template)
        except Missing as missing:
            return missing

    def text(self, template: str) -> str:
        """Return a text with the values in its braces; braces around what is known to nobody stay as they are."""

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
    """Return what stands at a path of keys and indexes: "items.0.sku"; the value itself at "".

    Raises:
        Missing: nothing stands there.
    """
    for part in path.split(".") if path else ():
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise Missing(path)
    return value
