"""Recorded inputs and outputs as a flat list of values.

The texts are in the typed encoding of `titan_sdk.tape`, and are walked as JSON: detectors need tags, not objects.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import msgspec

from titan.model.actions import Payload

MOST_LEAVES: Final = 20_000  # of one payload; what is behind them is not analysed
LONGEST_TEXT: Final = 20_000  # characters of a value that are searched
_LISTS: Final = frozenset({"$tuple", "$set", "$frozenset"})
_SETS: Final = frozenset({"$set", "$frozenset"})
_SCALARS: Final = frozenset(
    {"$datetime", "$date", "$time", "$Decimal", "$UUID", "$float", "$int", "$str", "$complex"}
    | {"$Path", "$PosixPath", "$WindowsPath", "$PurePosixPath", "$PureWindowsPath"}
)
_INDEX: Final = re.compile(r"\[\d+\]")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_JSON: Final = msgspec.json.Decoder()

Scalar: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that holds no others."""

    path: str  #: "$.items[0].id"
    key: str  #: the nearest name above it; empty at the top
    value: Scalar
    tag: str = ""  #: of the typed encoding: "$UUID", "$datetime", "$opaque"

    @property
    def text(self) -> str:
        """The value as a text."""
        return self.value[:LONGEST_TEXT] if isinstance(self.value, str) else repr(self.value)

    @property
    def pattern(self) -> str:
        """The path with every index as [*]."""
        return _INDEX.sub("[*]", self.path)

    @property
    def words(self) -> Sequence[str]:
        """The words of the key, in lower case: `requestId` and `request_id` are the same two."""
        return words_of(self.key)


@dataclass(frozen=True, slots=True)
class TextList:
    """A list, tuple or set of several texts."""

    path: str
    texts: tuple[str, ...]
    is_set: bool


@dataclass(slots=True)
class Contents:
    """What a payload holds."""

    leaves: list[Leaf] = field(default_factory=list)
    lists: list[TextList] = field(default_factory=list)
    is_whole: bool = True  #: False where it is too large, or is not stored


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, as they are."""
    return frozenset(text.split())


def words_of(name: str) -> Sequence[str]:
    """Return the words of a name in snake, kebab or camel case, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def contents_of(payload: Payload | None) -> Contents:
    """Return what a payload holds; nothing where there is none, where it is a blob, or is no JSON."""
    found = Contents()
    if payload is None or payload.blob is not None:
        found.is_whole = False
        return found
    try:
        root = _JSON.decode(payload.whole)
    except (msgspec.DecodeError, RecursionError):
        found.is_whole = False
        return found
    for leaf in _walk(root, "$", "", found.lists):
        if len(found.leaves) >= MOST_LEAVES:
            found.is_whole = False
            break
        found.leaves.append(leaf)
    return found


def _walk(value: Any, path: str, key: str, lists: list[TextList]) -> Iterator[Leaf]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, str | int | float):
        yield Leaf(path, key, value)
    elif isinstance(value, list):
        yield from _walk_list(value, path, key, lists, is_set=False)
    else:
        [tag] = value if len(value) == 1 else [""]
        if tag.startswith("$"):
            yield from _walk_tagged(tag, value[tag], path, key, lists)
        else:
            for name, member in value.items():
                yield from _walk(member, f"{path}.{name}", name, lists)


def _walk_list(items: list[object], path: str, key: str, lists: list[TextList], *, is_set: bool) -> Iterator[Leaf]:
    if len(items) > 1 and all(isinstance(item, str) for item in items):
        lists.append(TextList(path, tuple(map(str, items)), is_set))
    for index, item in enumerate(items):
        yield from _walk(item, f"{path}[{index}]", key, lists)


def _walk_tagged(tag: str, content: object, path: str, key: str, lists: list[TextList]) -> Iterator[Leaf]:
    if tag in _LISTS and isinstance(content, list):
        yield from _walk_list(content, path, key, lists, is_set=tag in _SETS)
    elif tag in _SCALARS and isinstance(content, str):
        yield Leaf(path, key, content, tag)
    elif tag == "$dict" and isinstance(content, list):
        for name, member in _pairs(content):
            yield from _walk(member, f"{path}.{name}", name, lists)
    elif tag in ("$object", "$opaque", "$exception") and isinstance(content, dict):
        state, shown = content.get("state", content.get("args")), content.get("repr")
        if isinstance(shown, str):
            yield Leaf(path, key, shown, tag)
        yield from _walk(state, path, key, lists)


def _pairs(content: list[object]) -> Iterator[tuple[str, object]]:
    for pair in content:
        if isinstance(pair, list) and len(pair) == 2:
            yield str(pair[0]), pair[1]
