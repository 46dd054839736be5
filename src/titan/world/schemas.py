"""JSON Schemas of tools: the one place that compiles them, offline and with a bounded cost.

A schema comes from whoever may store a workflow. So no `$ref` leaves the document, patterns run in linear time, and the
number of sub-schemas that one value can meet is counted before anything is compiled: `allOf` and `$ref` double it at
each level, 28 levels in 2 kB. Validation holds Python's lock, so no thread and no deadline could end it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

import jsonschema_rs

MOST_EXPANDED: Final = 10_000  # sub-schemas that one value meets, at the levels that every schema is counted to
LEVELS: Final = 8  # of a value, to which a schema is counted when it is stored; deeper ones when a value comes
MOST_CHECKS: Final = 500_000  # parts of a value times sub-schemas that each may meet: about half a second
MOST_DEPTH: Final = 100  # of a schema or a value
MOST_STEPS: Final = 200_000  # of counting: 0.2 s
_PATTERN: Final = 20  # sub-schemas that a pattern counts as: to compile one takes up to 5 ms
_PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=500_000)  # larger ones take minutes for 1 MB
_CHARACTERS: Final = 64  # of a text that count as one part
_SAME: Final = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
_MEMBERS: Final = ("patternProperties", "unevaluatedProperties", "propertyNames")
_ITEMS: Final = ("additionalItems", "unevaluatedItems", "contains")


class SchemaRefused(ValueError):
    """A schema is none, leaves its document, or costs too much."""


class Schema:
    """A compiled JSON Schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Compile a schema.

        Raises:
            SchemaRefused: it is no JSON Schema, refers to another document, or expands to too many sub-schemas.
        """
        try:
            self._cost = _Cost(schema)
            found = self._cost.at(schema, LEVELS)
            if found > MOST_EXPANDED:
                raise SchemaRefused(f"a value meets {found:,} sub-schemas in it; expected at most {MOST_EXPANDED:,}")
            self._validator = jsonschema_rs.validator_for(dict(schema), offline=True, pattern_options=_PATTERNS)
        except RecursionError as error:
            raise SchemaRefused("it is nested, or refers from one part to the next, too deeply") from error
        except SchemaRefused:
            raise
        except (ValueError, TypeError) as error:
            raise SchemaRefused(str(error).partition("\n")[0][:300]) from error
        self._schema = schema
        self.steps: Final = self._cost.steps  #: that counting took: a measure of its size

    def fault(self, value: Any) -> tuple[str, str] | None:
        """Return the first fault of a value: its place ("items.0", "" for the whole) and what is wrong."""
        try:
            depth, parts = _measured(value)
            if depth > MOST_DEPTH:
                return "", f"it is nested {depth} levels deep; expected at most {MOST_DEPTH}"
            checks = parts * self._cost.at(self._schema, depth)
        except (SchemaRefused, RecursionError) as error:
            return "", f"it is nested too deeply to be checked: {error}"
        if checks > MOST_CHECKS:
            return "", f"it is too large for its schema: {checks:,} checks; expected at most {MOST_CHECKS:,}"
        found = next(self._validator.iter_errors(value), None)
        return None if found is None else (".".join(map(str, found.instance_path)), found.message[:1000])


class _Cost:
    """Counts the sub-schemas that a value can meet, by their places; counting itself is bounded."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.steps = 0
        self._bases: dict[int, str] = {}  #: URI of the resource that a part is in
        self._named: dict[str, Any] = {}  #: resources and anchors by URI
        self._dynamic: list[Any] = []
        self._index(schema, "", 0)
        self._named[""] = schema
        self._alike: dict[int, Counter[int] | None] = {}
        self._parts: dict[int, Any] = {}
        self._found: dict[tuple[int, int], int] = {}

    def at(self, part: Any, depth: int) -> int:
        """Return how many sub-schemas below `part` one place of a value of this depth meets, at most."""
        if not isinstance(part, Mapping):
            return 0
        if (id(part), depth) not in self._found:
            self._found[id(part), depth] = self._count(part, depth)
        return self._found[id(part), depth]

    def _count(self, part: Mapping[str, Any], depth: int) -> int:
        here = self._same(part)
        most = sum(times * _weight(self._parts[key]) for key, times in here.items())
        if depth:
            others = Counter[str]()  #: met by any member, any item
            named = Counter[tuple[str, Any]]()  #: met besides by the member, the item of this name
            for key, times in here.items():
                for kind, name, child, instead in _children(self._parts[key]):
                    self._step()
                    more = times * (self.at(child, depth - 1) - self.at(instead, depth - 1))
                    if name is None:
                        others[kind] += more
                    else:
                        named[kind, name] += more
            most = max(most, *others.values(), *(others[kind] + more for (kind, _), more in named.items()), 0)
        if most > MOST_EXPANDED**3:  # counting on would take long numbers
            raise SchemaRefused(f"a value meets {most:.1g} sub-schemas in it; expected at most {MOST_EXPANDED:,}")
        return most

    def _same(self, part: Mapping[str, Any]) -> Counter[int]:
        """Return what the same place of a value meets: `part` and what it combines or refers to, how often."""
        if id(part) in self._alike:
            known = self._alike[id(part)]
            if known is None:
                raise SchemaRefused("a $ref leads back to itself; expected it below properties or items")
            return known
        self._alike[id(part)], self._parts[id(part)] = None, part
        found = Counter({id(part): 1})
        looks = 3 if "unevaluatedProperties" in part or "unevaluatedItems" in part else 1  # it looks at all again
        for child in (*_below(part, _SAME), *self._referred(part)):
            if isinstance(child, Mapping):
                for key, times in self._same(child).items():
                    self._step()
                    found[key] += times * looks
        self._alike[id(part)] = found
        return found

    def _referred(self, part: Mapping[str, Any]) -> Iterator[Any]:
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = part.get(keyword)
            if not isinstance(reference, str):
                continue
            if keyword != "$ref":
                yield from (one for one in self._dynamic if one is not part)
            uri, pointer = urldefrag(urljoin(self._bases.get(id(part), ""), reference) if reference else "")
            target = self._named.get(f"{uri}#{pointer}" if pointer and not pointer.startswith("/") else uri)
            for step in pointer.split("/")[1:] if pointer.startswith("/") else ():
                target = _member(target, unquote(step).replace("~1", "/").replace("~0", "~"))
            if target is None:
                raise SchemaRefused(f"{keyword} {reference[:200]!r}: expected #/…, or an $id or $anchor of this schema")
            yield target

    def _index(self, part: Any, base: str, depth: int) -> None:
        self._step()
        if depth > 2 * MOST_DEPTH:
            raise SchemaRefused(f"it is nested more than {2 * MOST_DEPTH} levels deep")
        if isinstance(part, Mapping):
            for name in ("$id", "id"):
                if isinstance(part.get(name), str):
                    base = urljoin(base, part[name]).rstrip("#")
                    self._named[base] = part
            for name in ("$anchor", "$dynamicAnchor"):
                if isinstance(part.get(name), str):
                    self._named[f"{base}#{part[name]}"] = part
            if "$dynamicAnchor" in part or part.get("$recursiveAnchor") is True:
                self._dynamic.append(part)
            self._bases[id(part)] = base
        for child in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
            self._index(child, base, depth + 1)

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise SchemaRefused("it has too many sub-schemas, or they refer to each other too often")


def _weight(part: Mapping[str, Any]) -> int:
    """Return what one look at a part costs, in sub-schemas."""
    patterns = part.get("patternProperties")
    count = ("pattern" in part) + (len(patterns) if isinstance(patterns, Mapping) else 0)
    listed = _measured([part.get(keyword) for keyword in ("enum", "const", "required")])[1]
    return 1 + _PATTERN * count + listed // 4


def _below(part: Mapping[str, Any], keywords: tuple[str, ...]) -> Iterator[Any]:
    for keyword in keywords:
        held = part.get(keyword)
        if isinstance(held, list):
            yield from held
        elif keyword in ("dependentSchemas", "dependencies", "patternProperties") and isinstance(held, Mapping):
            yield from held.values()
        else:
            yield held


def _children(part: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield what members and items meet: of which kind, of which name (None: of any), and what it replaces."""
    for child in (*_below(part, _MEMBERS), rest := part.get("additionalProperties")):
        yield "member", None, child, None
    named = part.get("properties")
    for name, child in named.items() if isinstance(named, Mapping) else ():
        yield "member", name, child, rest
    items = part.get("items")
    for child in (*_below(part, _ITEMS), None if isinstance(items, list) else items):
        yield "item", None, child, None
    for listed in (part.get("prefixItems"), items):
        for index, child in enumerate(listed if isinstance(listed, list) else ()):
            yield "item", index, child, None


def _member(held: Any, name: str) -> Any:
    if isinstance(held, list):
        return held[int(name)] if name.isascii() and name.isdigit() and int(name) < len(held) else None
    return held.get(name) if isinstance(held, Mapping) else None


def depth_of(value: Any) -> int:
    """Return how deep a value is nested: 0 for a text, 1 for a list of texts."""
    return _measured(value)[0]


def _measured(value: Any) -> tuple[int, int]:
    """Return how deep a value is nested, and its size in parts."""
    depth = parts = 0
    level = [value]
    while level:
        parts += sum(1 + (len(one) // _CHARACTERS if isinstance(one, str) else 0) for one in level)
        level = [
            child
            for one in level
            if isinstance(one, (dict, list))
            for child in ((*one.keys(), *one.values()) if isinstance(one, dict) else one)
        ]
        depth += bool(level)
    return depth, parts
