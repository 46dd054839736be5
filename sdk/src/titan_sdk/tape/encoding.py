"""Writes any value as JSON that keeps its types, within bounds, and never raises."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, assert_never

from titan_sdk.tape.describing import clean_name, describe, opaque, type_name
from titan_sdk.tape.leaves import LEAF_WRITERS, least_size, plain_json, string_text
from titan_sdk.tape.plain import is_plain, looks_like_a_tag
from titan_sdk.tape.values import BOUNDS, Bounds, Cut, CutReason, Encoded, Object, Opaque, Raised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["HEAD_BYTES", "encode", "encoded_text"]

#: How much of a text or of bytes that do not fit is kept.
HEAD_BYTES: Final = 64 * 1024  # what the inspector shows of a large body

_NOTE: Final = 1024  # no note of a cut is longer: a type's name (200 characters) and a SHA-256 make 990 bytes
_WRAP: Final = 128  # what the note adds to a container that was cut in its middle


def encode(value: object, *, bounds: Bounds = BOUNDS) -> Encoded:
    """Return `value` as JSON that `decode` gives back with its types; plain JSON values are plain JSON.

    The text of equal values is equal, but for the order of dicts. It is never longer than `bounds.size_bytes`.
    Nothing is raised: what cannot be read while it is written stands in the text as a repr.
    """
    if (text := _plain_text(value, bounds)) is not None:
        return Encoded(text=text.encode())
    return _encoded(value, bounds)


def encoded_text(value: object, *, bounds: Bounds = BOUNDS) -> str:
    """Return the text of `encode` as a str: that alone, in less time."""
    text = _plain_text(value, bounds)
    return _encoded(value, bounds).text.decode() if text is None else text


def _plain_text(value: object, bounds: Bounds) -> str | None:
    """Return what JSON's own writer makes of a value, if that keeps all of it."""
    try:
        if is_plain(value, bounds) and _size(text := plain_json(value)) <= bounds.size_bytes:
            return text
    except (ValueError, RuntimeError):  # NaN, a lone surrogate; RecursionError, a dict that changes meanwhile
        pass
    return None


def _encoded(value: object, bounds: Bounds) -> Encoded:
    try:
        return _written(value, bounds)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 (a value that another thread changes must not break the recording)
        return _written(Opaque(type_name=type_name(type(value)), text="<it changed while it was read>"), bounds)


def _written(value: object, bounds: Bounds) -> Encoded:
    writer = _Writer(bounds)
    writer.write(value)
    return Encoded(text="".join(writer.parts).encode(), cuts=writer.cuts, opaques=writer.opaques)


class _Writer:
    """Writes one value piece by piece and keeps count.

    The bound holds because of one promise: `write` is called only while there is room for a note, and then never
    takes more than the room. What writes several parts sets aside what the later ones need.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.parts: list[str] = []
        self.cuts = 0
        self.opaques = 0
        self._room = bounds.size_bytes
        self._nodes = bounds.nodes
        self._depth = bounds.depth
        self._open: set[int] = set()

    def write(self, value: Any) -> None:
        self._nodes -= 1
        if (leaf := LEAF_WRITERS.get(type(value))) is not None:
            self._leaf(value, leaf)
        elif type(value) in (Opaque, Cut):  # a note stands also where nothing deeper may
            self._marker(value)
        elif id(value) in self._open:
            self._cut(value, CutReason.CYCLE)
        elif len(self._open) >= self._depth:
            self._cut(value, CutReason.DEPTH)
        else:
            self._open.add(id(value))
            self._nested(value)
            self._open.discard(id(value))

    def _leaf(self, value: object, text_of: Callable[[Any], str]) -> None:
        if least_size(value) > self._room:
            self._cut(value, CutReason.SIZE)
            return
        try:
            text = text_of(value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 (a time zone is the user's code)
            self._marker(opaque(value))
            return
        if _size(text) <= self._room:
            self._add(text)
        else:
            self._cut(value, CutReason.SIZE)

    def _nested(self, value: Any) -> None:
        kind = type(value)
        if kind is dict:
            self._dict(value)
        elif kind is list:
            self._fill(value, value, ("[", "]"), self._item)
        elif kind is tuple:
            self._fill(value, value, ('{"$tuple":[', "]}"), self._item)
        elif kind is set or kind is frozenset:
            self._set(value)
        elif kind is Object or kind is Raised:
            self._marker(value)
        else:
            self._marker(describe(value) or opaque(value))

    def _dict(self, value: dict[Any, object]) -> None:
        if all(type(key) is str and _is_plain_key(key) for key in value) and not looks_like_a_tag(value):
            self._fill(value, value.items(), ("{", "}"), self._entry)
        else:
            self._fill(value, value.items(), ('{"$dict":[', "]}"), self._pair)

    def _set(self, value: set[object] | frozenset[object]) -> None:
        first = len(self.parts) + 1
        self._fill(value, value, (f'{{"${type(value).__name__}":[', "]}"), self._whole_item)
        last = len(self.parts) - 1
        # Sorted by their texts: a set's own order hangs on the process's hash seed.
        self.parts[first:last:2] = sorted(self.parts[first:last:2])

    def _fill(
        self,
        value: Any,
        items: Iterable[Any],
        frame: tuple[str, str],
        write_one: Callable[[Any], bool],
    ) -> None:
        """Write a container, or as much of it as there is room for, in a note that says how much it was."""
        before, after = frame
        if self._room < _WRAP + len(before) + len(after) + _NOTE:
            self._cut(value, CutReason.SIZE)
            return
        start = len(self.parts)
        self.parts.append(before)
        self._room -= _WRAP + len(before) + len(after)
        for item in items:
            separator = "," if len(self.parts) > start + 1 else ""
            if self._nodes <= 0 or self._room <= _NOTE:
                break
            if separator:
                self._add(separator)
            if not write_one(item):
                del self.parts[len(self.parts) - len(separator) :]
                self._room += len(separator)
                break
        else:
            self.parts.append(after)
            self._room += _WRAP
            return
        self.cuts += 1
        note = _note(type_name(type(value)), CutReason.SIZE, items=len(value))
        self.parts[start] = f'{note},"head":{before}'
        self.parts.append(f"{after}}}}}")
        self._room += _WRAP - len(note) - len(',"head":}}')

    def _item(self, item: object) -> bool:
        self.write(item)
        return True

    def _whole_item(self, item: object) -> bool:
        """Write an item as one part, so that it can change places."""
        start = len(self.parts)
        self.write(item)
        self.parts[start:] = ["".join(self.parts[start:])]
        return True

    def _entry(self, entry: tuple[str, object]) -> bool:
        key = f"{plain_json(entry[0])}:"
        if self._room < _size(key) + _NOTE:
            return False
        self._add(key)
        self.write(entry[1])
        return True

    def _pair(self, pair: tuple[object, object]) -> bool:
        if self._room < 2 * _NOTE + len("[,]"):
            return False
        self._room -= _NOTE + len(",]")
        self._add("[")
        self.write(pair[0])
        self.parts.append(",")
        self._room += _NOTE
        self.write(pair[1])
        self.parts.append("]")
        return True

    def _marker(self, marker: Object | Opaque | Cut | Raised) -> None:
        match marker:
            case Object(type_name=name, state=state):
                self._struct("$object", {"type": name, "state": state}, name)
            case Opaque(type_name=name, text=text):
                self.opaques += 1
                self._struct("$opaque", {"type": name, "repr": text}, name)
            case Raised():
                self._struct("$exception", _raised_fields(marker), marker.type_name)
            case Cut():
                if self._struct("$cut", _cut_fields(marker), marker.type_name):
                    self.cuts += 1
            case _:
                assert_never(marker)

    def _struct(self, tag: str, fields: dict[str, object], name: str) -> bool:
        """Write all fields, or a note in their place (False); a struct with fields missing could not be read."""
        frame = len(f'{{"{tag}":{{}}}}')
        set_aside = frame + sum(len(key) + len('"":,') + _NOTE for key in fields)
        if self._room < set_aside:
            self.cuts += 1
            self._add(f"{_note(clean_name(name), CutReason.SIZE)}}}}}")
            return False
        self._room -= set_aside
        opening = f'{{"{tag}":{{'
        for key, value in fields.items():
            self.parts.append(f'{opening}"{key}":')
            self._room += _NOTE
            self.write(value)
            opening = ","
        self.parts.append("}}")
        return True

    def _cut(self, value: object, reason: CutReason) -> None:
        """Write a note in place of `value`, with the beginning of a text or of bytes."""
        self.cuts += 1
        name = type_name(type(value))
        if isinstance(value, str | bytes | bytearray):
            size, digest = _measured(value)
            note = _note(name, reason, bytes=size, sha256=digest)
            # a character takes at most eight bytes: `{"$str":"\\udc80"}`
            head = value[: min(HEAD_BYTES, (self._room - _NOTE - len(',"head":{"$bytearray":""}')) // 8)]
            text = f'{note},"head":{LEAF_WRITERS[type(head)](head)}}}}}' if self._room > 2 * _NOTE else f"{note}}}}}"
        else:
            items = len(value) if isinstance(value, list | tuple | dict | set | frozenset) else None
            text = f"{_note(name, reason, items=items)}}}}}"
        self._add(text)

    def _add(self, text: str) -> None:
        self.parts.append(text)
        self._room -= _size(text)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _is_plain_key(key: str) -> bool:
    return key.isascii() or not string_text(key).startswith("{")


def _measured(value: str | bytes | bytearray) -> tuple[int, str]:
    content = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return len(content), sha256(content).hexdigest()


def _note(name: str, reason: CutReason, **known: object) -> str:
    """Return the beginning of `{"$cut":{…}}`, without its two last braces."""
    fields = {"type": name, "reason": reason.value, **{key: value for key, value in known.items() if value is not None}}
    return '{"$cut":' + plain_json(fields)[:-1]


def _cut_fields(cut: Cut) -> dict[str, object]:
    known = {"items": cut.items, "bytes": cut.size_bytes, "sha256": cut.sha256, "head": cut.head}
    fields = {"type": cut.type_name, "reason": str(cut.reason.value)}
    return {**fields, **{key: value for key, value in known.items() if value is not None}}


def _raised_fields(raised: Raised) -> dict[str, object]:
    known = {"state": raised.state, "cause": raised.cause, "context": raised.context}
    args = raised.args if isinstance(raised.args, Cut) else list(raised.args)
    fields = {"type": raised.type_name, "message": raised.message, "args": args}
    return {**fields, **{key: value for key, value in known.items() if value is not None}}
