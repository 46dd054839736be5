"""Whether a value is what JSON has, so that JSON's own fast writer keeps all of it."""

from __future__ import annotations

from typing import Any

from titan_sdk.tape.leaves import LARGEST_INT
from titan_sdk.tape.values import Bounds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["is_plain", "looks_like_a_tag"]


def is_plain(value: object, bounds: Bounds) -> bool:
    """Whether JSON's own writer keeps all of `value`; level by level, given up as soon as it cannot fit."""
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


def looks_like_a_tag(value: Collection[Any]) -> bool:
    """Whether a dict with str keys could be read as a typed value."""
    return len(value) == 1 and next(iter(value)).startswith("$")


def _level_size(level: list[Any], below: list[object] | None, nodes: int) -> int | None:
    """Return the least bytes that `level` takes, and add to `below` what its containers hold; None: not plain."""
    size, largest, smallest = len(level), LARGEST_INT, -LARGEST_INT
    for value in level:
        kind = type(value)
        if kind is str:
            size += len(value)
        elif kind is int:
            if not smallest <= value <= largest:
                return None
        elif kind is dict or kind is list:
            if below is None or len(below) + len(value) > nodes or not _has_plain_keys(value, kind):
                return None
            below += value if kind is list else value.values()
        elif kind is not float and value is not None and kind is not bool:
            return None
    return size


def _has_plain_keys(value: dict[object, object] | list[object], kind: type) -> bool:
    if kind is list:
        return True
    for key in value:
        if type(key) is not str:
            return False
    return not looks_like_a_tag(value)
