"""Lists: read page by page behind a row, filtered by what is derived, until there are enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

T = TypeVar("T")

_IDS: Final = msgspec.json.Decoder(list[str])

MOST_LOOKED_AT: Final = 20_000  # rows for one answer, about half a second; `next` goes on from there
PAGE: Final = 1000  # rows asked for at once, while few of them fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[T]):
    """A part of a list."""

    rows: list[T]
    more: bool  #: whether there may be further ones
    next: str | None  #: the id behind which they begin


def look_through(
    read: Callable[[str | None, int], list[T]],
    fitting: Callable[[list[T]], list[T]],
    *,
    id_of: Callable[[T], str],
    before: str | None,
    limit: int,
) -> Found[T]:
    """Return up to `limit` rows that fit; where few do, after looking at some 20,000, with more to come.

    `read` returns up to so many rows behind the one with this id, in the list's order; `fitting` leaves some out.
    """
    found: list[T] = []
    looked_at, size = 0, limit + 1  # one more, to know whether there is more
    while True:
        rows = read(before, size)
        found += fitting(rows)
        if len(found) > limit:
            return Found(rows=found[:limit], more=True, next=id_of(found[limit - 1]))
        if len(rows) < size:
            return Found(rows=found, more=False, next=None)
        before = id_of(rows[-1])
        looked_at += len(rows)
        if looked_at >= MOST_LOOKED_AT:
            return Found(rows=found, more=True, next=before)
        size = PAGE


def given(ids: str) -> list[str]:
    """Return ids, each once: separated by commas, or a JSON list of them where one holds a comma."""
    if ids.startswith("["):
        try:
            return list(dict.fromkeys(_IDS.decode(ids)))
        except msgspec.DecodeError:
            pass  # an id that begins so
    return list(dict.fromkeys(ids.split(",")))


def all_of(rows: Sequence[T], fitting: Callable[[list[T]], list[T]]) -> Found[T]:
    """Return those rows that fit of some that were asked for by id."""
    return Found(rows=fitting(list(rows)), more=False, next=None)
