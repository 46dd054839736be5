"""Copies what the caller may change next, as cheaply as that can be done; all else is shared."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Any, Final, assert_never

from titan_sdk.tape.describing import describe, opaque, type_name
from titan_sdk.tape.encoding import HEAD_BYTES
from titan_sdk.tape.leaves import LEAF_WRITERS
from titan_sdk.tape.values import BOUNDS, Bounds, Cut, CutReason, Object, Opaque, Raised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["snapshot"]

MOST_REPRS: Final = 1_000  # of one value: 5 ms, while the caller waits
_NOT_ASKED: Final = f"<one of more than {MOST_REPRS:,} objects>"

#: Never changed once made, so never copied.
_SHARED: Final = frozenset(LEAF_WRITERS) - {bytearray}
_CONTAINERS: Final = frozenset({dict, list, tuple, set, frozenset})


def snapshot(value: object, *, bounds: Bounds = BOUNDS, shown: Callable[[object], Opaque] = opaque) -> object:
    """Return what encodes to the text that `value` encodes to now, whatever happens to `value` later.

    Lists, dicts, sets, tuples and bytearrays are copied; dataclasses, models and exceptions become what they hold.
    Of an object of which only the repr can be recorded, `shown` says it, of at most 1,000 in one value. At most
    `bounds.nodes` values are copied, and nothing is raised.
    """
    if type(value) in _SHARED:
        return value
    try:
        return _Copier(bounds, shown).copy(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 (what another thread changes meanwhile must not break the caller)
        return Opaque(type_name=type_name(type(value)), text="<it changed while it was read>")


class _Copier:
    """Copies one value; knows how much it has copied, and what it is in."""

    def __init__(self, bounds: Bounds, shown: Callable[[object], Opaque]) -> None:
        self._bounds = bounds
        self._shown = shown
        self._reprs = MOST_REPRS
        self._nodes = bounds.nodes
        self._open: set[int] = set()

    def copy(self, value: Any) -> object:
        kind = type(value)
        if kind in _SHARED:
            return value
        if kind in _CONTAINERS:
            if len(value) <= self._nodes and _holds_only_shared(value, kind):
                self._nodes -= len(value)
                return kind(value)  # a tuple or a frozenset is itself
            return self._inside(value, self._items)
        if kind is bytearray:
            return self._bytearray(value)
        return self._other(value)

    def _inside(self, value: Any, copied: Callable[[Any], object]) -> object:
        """Copy what is in `value`, unless `value` is in itself or too deep."""
        reason = CutReason.CYCLE if id(value) in self._open else CutReason.DEPTH
        if reason is CutReason.CYCLE or len(self._open) >= self._bounds.depth:
            items = len(value) if type(value) in _CONTAINERS else None
            return Cut(type_name=type_name(type(value)), reason=reason, items=items)
        self._open.add(id(value))
        copy = copied(value)
        self._open.discard(id(value))
        return copy

    def _items(self, value: Any) -> object:
        kind = type(value)
        copies: list[object] = []
        for item in value.items() if kind is dict else value:
            if self._nodes <= 0:
                head = kind(copies)
                return Cut(type_name=kind.__name__, reason=CutReason.SIZE, items=len(value), head=head)
            self._nodes -= 1
            copies.append((self.copy(item[0]), self.copy(item[1])) if kind is dict else self.copy(item))
        return kind(copies)

    def _bytearray(self, value: bytearray) -> object:
        if len(value) <= self._bounds.size_bytes:
            return value.copy()
        head = value[:HEAD_BYTES]  # no digest of what was cut: it would take the caller longer than the copy
        return Cut(type_name="bytearray", reason=CutReason.SIZE, size_bytes=len(value), head=head)

    def _other(self, value: Any) -> object:
        kind = type(value)  # not isinstance: it believes what a mock says of itself
        if kind in (Opaque, Cut) or issubclass(kind, Enum):
            return value
        described: Object | Raised | None = value if kind in (Object, Raised) else describe(value)
        match described:
            case None:
                self._reprs -= 1
                return self._shown(value) if self._reprs >= 0 else opaque(value, text=_NOT_ASKED)
            case Object():
                return self._inside(value, lambda _: replace(described, state=self.copy(described.state)))
            case Raised():
                return self._inside(value, lambda _: self._raised(described))
            case _:
                assert_never(described)

    def _raised(self, raised: Raised) -> Raised:
        return replace(
            raised,
            args=raised.args if isinstance(raised.args, Cut) else tuple([self.copy(arg) for arg in raised.args]),
            state=self.copy(raised.state),
            cause=self.copy(raised.cause),
            context=self.copy(raised.context),
        )


def _holds_only_shared(value: Any, kind: type) -> bool:
    """Whether the copy of the container is all there is to do; the loops are C's."""
    return _SHARED.issuperset(map(type, value)) and (kind is not dict or _SHARED.issuperset(map(type, value.values())))
