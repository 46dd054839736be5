"""Bound the times that sources report, whose clocks may be wrong.

No time is later than its receipt, and none of an agent run of an evaluation lies outside of it, by the server's clock.
The tape holds what was reported; runs and actions, which lists, sums and rules read, have the bounded times. Where a
clock is shifted, all that one source reports of a run at once moves by one offset, so that order and durations stay.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from titan.model.actions import CLOCK_SKEW, ActionEntry, Entry, Source, times_of
from titan.model.runs import lasted_ns
from titan.ports.runs_store import KnownCalls

UNMARKED: Final = timedelta(minutes=1)  # clocks that are off by seconds are frequent
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_ONE_CLOCK: Final = timedelta(days=1)  # times that are further apart were not shifted together


def bounded(entries: Sequence[Entry], known: KnownCalls, now: datetime) -> Sequence[Entry]:
    """Return entries that are received now with times within their bounds."""
    latest: dict[tuple[str, Source], datetime] = {}
    for entry in entries:
        key, last = (entry.run_id, entry.source), times_of(entry)[1]
        latest[key] = max(last, latest.get(key, last))
    return [_bounded(entry, latest[entry.run_id, entry.source], known, now) for entry in entries]


def placed(at: datetime, offset: timedelta, *, began: datetime, now: datetime) -> datetime | None:
    """Return when an event of a run that began then happened, which is reported now; None: that cannot be known.

    `offset` is what the clock of its source was off by at its first event: `offset_of`.
    """
    moved = _moved(at, offset)
    if began - UNMARKED <= moved <= now + UNMARKED:
        return max(began, min(moved, now))
    return at if began <= at <= now else None


def offset_of(at: datetime, *, began: datetime, now: datetime) -> timedelta:
    """Return what is to be added to a source's times when this is its first: 0 where it lies within the run."""
    return timedelta() if began <= at <= now else now - at


def _bounded(entry: Entry, latest: datetime, known: KnownCalls, now: datetime) -> Entry:
    began, ended = known.watched.get(entry.run_id, (None, None))
    upper = now if ended is None else min(now, ended)
    first, last = times_of(entry)
    lower = began or _EARLIEST
    off = max(last - upper, lower - first)
    if off <= timedelta():
        return entry
    by = timedelta()
    if not lower <= first <= upper and not lower <= latest <= upper:
        by = upper - (latest if latest - last <= _ONE_CLOCK else last)

    def within(at: datetime) -> datetime:
        return max(lower, min(_moved(at, by), upper))

    if off > UNMARKED:
        entry = replace(entry, tags=(*entry.tags, CLOCK_SKEW))
    if isinstance(entry, ActionEntry):
        before = known.actions.get((entry.run_id, entry.id))
        if before is not None and before.ended_at is not None:  # a repeated report changes nothing
            return replace(entry, started_at=before.started_at, ended_at=entry.ended_at and before.ended_at)
        duration_ns = entry.duration_ns
        if duration_ns is None and entry.ended_at is not None and (by or off <= UNMARKED):
            duration_ns = lasted_ns(entry.started_at, entry.ended_at)
        ended_at = None if entry.ended_at is None else within(entry.ended_at)
        return replace(entry, started_at=within(entry.started_at), ended_at=ended_at, duration_ns=duration_ns)
    standing, run = entry.standing, known.runs.get(entry.run_id)
    if standing is not None:
        times = {name: at for name in standing.__struct_fields__ if isinstance(at := getattr(standing, name), datetime)}
        standing = replace(standing, **{name: within(at) for name, at in times.items()})
    at = within(entry.at)
    if entry.at > upper and run is not None:
        at = (run.ended_at or at) if entry.end is not None else run.last_event_at
    return replace(entry, at=at, standing=standing)


def _moved(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return at
