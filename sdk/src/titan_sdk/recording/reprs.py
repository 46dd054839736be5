"""Values as they are now: the tape's snapshot, which does not ask a class again whose reprs take long."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from weakref import WeakKeyDictionary

from titan_sdk.tape import Opaque, opaque, snapshot

__all__ = ["as_it_is"]

SLOW_NS = 50_000_000  # a large table is shown in 10 ms; one that reads a file or asks a server takes longer
MOST_SLOW = 2  # of one class: once may be chance, on a machine that is busy

#: How often a repr of this class took too long.
_slow: WeakKeyDictionary[type, int] = WeakKeyDictionary()


def _shown(value: object) -> Opaque:
    kind = type(value)
    was_slow = _slow.get(kind, 0)
    if was_slow >= MOST_SLOW:
        return opaque(value, text="<its repr takes too long>")
    began = perf_counter_ns()
    found = opaque(value)
    if perf_counter_ns() - began > SLOW_NS:
        _slow[kind] = was_slow + 1
    return found


#: `snapshot`, for the caller's thread.
as_it_is = partial(snapshot, shown=_shown)
