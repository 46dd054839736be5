"""Encode any value as JSON that keeps its Python types, within bounds; never raises."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, assert_never

from titan_sdk.tape.describing import HEAD_BYTES, clean_name, describe, opaque, type_name
from titan_sdk.tape.values import (
    BOUNDS,
    LARGEST_INT,
    LEAF_WRITERS,
    Bounds,
    Cut,
    CutReason,
    Object,
    Opaque,
    Raised,
    compact_json,
    string_text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NOTE: Final = 1024  # no note of a cut is longer: a type's name (200 characters) and a SHA-256 make 990 bytes
_WRAP: Final = 128  # what the note adds to a container that was cut in its middle


def encode(value: object, *, bounds: Bounds = BOUNDS) -> bytes:
    """Return `value` as JSON in UTF-8 that `decode` turns back, types included; plain JSON values are plain JSON.

    Equal values have equal texts, apart from the order of dicts. The text is never longer than `bounds.size_bytes`.
    Nothing is raised: a value that cannot be read while it is written becomes a repr.
    """
    return encoded_text(value, bounds=bounds).encode()


def encoded_text(value: object, *, bounds: Bounds = BOUNDS) -> str:
    """Return the text of `encode` as a str."""
    try:
        if _is_plain(value, bounds) and _size(text := compact_json(value)) <= bounds.size_bytes:
            return text
    except (ValueError, RuntimeError):  # NaN, a lone surrogate; RecursionError, a dict that changes meanwhile
        pass
    try:
        return _Writer(bounds).text(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 (a value that another thread changes must not break the recording)
        return _Writer(bounds).text(Opaque(type_name=type_name(type(value)), text="<it changed while it was read>"))


def _is_plain(value: object, bounds: Bounds) -> bool:
    """Return whether `json` alone keeps all of `value`; checks level by level and stops once it cannot fit."""
    room, nodes = bounds.size_bytes, bounds.nodes
    level, depth_left = [value], bounds.depth
    while level:
        nodes -= len(level)
        below: list[object] = []
        size = _level_size(level, below if depth_left else None, nodes)
        if size is None or (room := room - size) < 0:
            return False
        level, depth_left = below, depth_left - 1
    return True


def _level_size(level: list[Any], below: list[object] | None, nodes: int) -> int | None:
    """Return the least bytes that `level` takes, and add the items of its containers to `below`; None: not plain."""
    size, largest, smallest = len(level), LARGEST_INT, -LARGEST_INT
    for value in level:
        kind = type(value)
        if kind is str:
            size += len(value)
        elif kind is int:
            if not smallest <= value <= largest:
                return None
        elif kind is dict or kind is list:
            if below is None or len(below) + len(value) > nodes or (kind is dict and not _has_plain_keys(value)):
                return None
            below += value if kind is list else value.values()
        elif kind is not float and value is not None and kind is not bool:
            return None
    return size


def _has_plain_keys(value: dict[object, object]) -> bool:
    for key in value:
        if type(key) is not str:
            return False
    return not _looks_like_a_tag(value)


def _looks_like_a_tag(value: dict[Any, object]) -> bool:
    """Return whether a dict with str keys could be read as a typed value."""
    return len(value) == 1 and next(iter(value)).startswith("$")


class _Writer:
    """Writes one value and keeps count of the room left.

    `text` is called only while there is room for a note, and never takes more than the room. What writes several
    parts sets aside what the later ones need.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._room = bounds.size_bytes
        self._nodes = bounds.nodes
        self._depth = bounds.depth
        self._open: set[int] = set()

    def text(self, value: Any) -> str:
        self._nodes -= 1
        kind = type(value)
        if (leaf := LEAF_WRITERS.get(kind)) is not None:
            return self._leaf(value, leaf)
        if kind is Opaque or kind is Cut:  # allowed at any depth
            return self._marker(value)
        if id(value) in self._open:
            return self._cut(value, CutReason.CYCLE)
        if len(self._open) >= self._depth:
            return self._cut(value, CutReason.DEPTH)
        self._open.add(id(value))
        text = self._nested(value, kind)
        self._open.discard(id(value))
        return text

    def _leaf(self, value: object, text_of: Callable[[Any], str]) -> str:
        if _least_size(value) > self._room:
            return self._cut(value, CutReason.SIZE)
        try:
            text = text_of(value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 (a time zone is the user's code)
            return self._marker(opaque(value))
        return self._taken(text) if _size(text) <= self._room else self._cut(value, CutReason.SIZE)

    def _nested(self, value: Any, kind: type) -> str:
        if kind is dict:
            is_plain = all(type(key) is str and _is_plain_key(key) for key in value) and not _looks_like_a_tag(value)
            frame = ("{", "}") if is_plain else ('{"$dict":[', "]}")
            return self._container(value, value.items(), frame, self._entry if is_plain else self._pair)
        if kind is list or kind is tuple:
            frame = ("[", "]") if kind is list else ('{"$tuple":[', "]}")
            return self._container(value, value, frame, self.text)
        if kind is set or kind is frozenset:
            return self._container(value, value, (f'{{"${kind.__name__}":[', "]}"), self.text)
        return self._marker(value if kind is Object or kind is Raised else describe(value) or opaque(value))

    def _container(
        self, value: Any, items: Iterable[Any], frame: tuple[str, str], text_of: Callable[[Any], str | None]
    ) -> str:
        """Return a container, or as much of it as there is room for, in a note that says how many items it had."""
        before, after = frame
        overhead = _WRAP + len(before) + len(after)
        if self._room < overhead + _NOTE:
            return self._cut(value, CutReason.SIZE)
        self._room -= overhead
        texts: list[str] = []
        is_whole = True
        for item in items:
            separator = bool(texts)
            if self._nodes <= 0 or self._room <= _NOTE:
                is_whole = False
                break
            self._room -= separator
            if (text := text_of(item)) is None:
                self._room += separator
                is_whole = False
                break
            texts.append(text)
        if type(value) in (set, frozenset):
            texts.sort()  # a set's own order depends on the process's hash seed
        written = f"{before}{','.join(texts)}{after}"
        if is_whole:
            self._room += _WRAP
            return written
        note = _note(type_name(type(value)), CutReason.SIZE, items=len(value))
        self._room += _WRAP - len(note) - len(',"head":}}')
        return f'{note},"head":{written}}}}}'

    def _entry(self, entry: tuple[str, object]) -> str | None:
        key = f"{compact_json(entry[0])}:"
        if self._room < _size(key) + _NOTE:
            return None
        return self._taken(key) + self.text(entry[1])

    def _pair(self, pair: tuple[object, object]) -> str | None:
        if self._room < 2 * _NOTE + len("[,]"):
            return None
        self._room -= _NOTE + len("[,]")
        key = self.text(pair[0])
        self._room += _NOTE
        return f"[{key},{self.text(pair[1])}]"

    def _marker(self, marker: Object | Opaque | Cut | Raised) -> str:
        match marker:
            case Object(type_name=name, state=state):
                return self._struct("$object", {"type": name, "state": state}, name)
            case Opaque(type_name=name, text=text):
                return self._struct("$opaque", {"type": name, "repr": text}, name)
            case Raised(type_name=name):
                args = marker.args if isinstance(marker.args, Cut) else list(marker.args)
                known = {"state": marker.state, "cause": marker.cause, "context": marker.context}
                fields = {"type": name, "message": marker.message, "args": args, **_without_none(known)}
                return self._struct("$exception", fields, name)
            case Cut(type_name=name):
                known = {"items": marker.items, "bytes": marker.size_bytes, "sha256": marker.sha256}
                fields = {"type": name, "reason": str(marker.reason.value), **_without_none(known)}
                return self._struct("$cut", fields | _without_none({"head": marker.head}), name)
            case _:
                assert_never(marker)

    def _struct(self, tag: str, fields: dict[str, object], name: str) -> str:
        """Return all fields, or a note in their place: a struct with fields missing could not be read."""
        frame = len(f'{{"{tag}":{{}}}}')
        set_aside = frame + sum(len(key) + len('"":,') + _NOTE for key in fields)
        if self._room < set_aside:
            return self._taken(f"{_note(clean_name(name), CutReason.SIZE)}}}}}")
        self._room -= set_aside
        texts = []
        for key, value in fields.items():
            self._room += _NOTE
            texts.append(f'"{key}":{self.text(value)}')
        return f'{{"{tag}":{{{",".join(texts)}}}}}'

    def _cut(self, value: object, reason: CutReason) -> str:
        """Return a note in place of `value`, with the beginning of a text or of bytes."""
        name = type_name(type(value))
        if not isinstance(value, str | bytes | bytearray):
            items = len(value) if isinstance(value, list | tuple | dict | set | frozenset) else None
            return self._taken(f"{_note(name, reason, items=items)}}}}}")
        content = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        note = _note(name, reason, bytes=len(content), sha256=sha256(content).hexdigest())
        # a character takes at most eight bytes: `{"$str":"\\udc80"}`
        head = value[: min(HEAD_BYTES, (self._room - _NOTE - len(',"head":{"$bytearray":""}')) // 8)]
        shown = f',"head":{LEAF_WRITERS[type(head)](head)}' if self._room > 2 * _NOTE else ""
        return self._taken(f"{note}{shown}}}}}")

    def _taken(self, text: str) -> str:
        self._room -= _size(text)
        return text


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _least_size(value: object) -> int:
    """Return a cheap lower bound of a leaf's text in bytes: what is too large need not be written."""
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    return value.bit_length() // 4 if isinstance(value, int) else 0


def _is_plain_key(key: str) -> bool:
    return key.isascii() or not string_text(key).startswith("{")


def _note(name: str, reason: CutReason, **known: object) -> str:
    """Return the beginning of `{"$cut":{…}}`, without its two last braces."""
    return '{"$cut":' + compact_json({"type": name, "reason": reason.value, **_without_none(known)})[:-1]


def _without_none(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
