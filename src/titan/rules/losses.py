"""Entries of a run that were lost on their way: its program counts them, and tells of them by an event."""

from typing import Final

import msgspec

from titan.model.actions import ActionEntry, ActionKind

LOST: Final = "titan.entries_lost"  # the event's name, in titan_sdk.recording.losses
_MOST: Final = 10**12  # a program that says more is not believed


class _Attributes(msgspec.Struct, frozen=True):
    count: int = 1


class _Details(msgspec.Struct, frozen=True):
    attributes: _Attributes = _Attributes()


def lost_by(entry: ActionEntry) -> int:
    """Return how many entries an entry says were lost; 0 of all others. An event without a count tells of one."""
    if entry.name != LOST or entry.kind is not ActionKind.EVENT:
        return 0
    try:
        told = msgspec.json.decode(entry.details or "{}", type=_Details)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return 1
    return min(max(told.attributes.count, 1), _MOST)
