"""Entries that could not be recorded: counted for each run, reported to it as an event, and said on stderr."""

from __future__ import annotations

import json
import os
import time
from collections import deque

from titan_sdk.recording.entry import Entry, Lost
from titan_sdk.recording.limits import LOSSES_SECONDS, MOST_SAID, QUEUE_CALLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["ENTRIES_LOST", "Losses"]

ENTRIES_LOST = "titan.entries_lost"  #: the event's name
_TOO_MANY = f"more than {QUEUE_CALLS:,} waited at once, or they came at the very end"


class Losses:
    """The entries of one process that were lost. One thread's at a time, but for `overflow`."""

    def __init__(self, say: Callable[[str], object]) -> None:
        #: what callers' threads could not put into the queue, and is not counted yet
        self.overflow: deque[Lost] = deque()
        #: when the losses are to be reported, on the monotonic clock; None: there are none
        self.due_at: float | None = None
        self._say = say
        self._said: set[str] = set()
        self._total = self._said_total = 0
        #: Of each run: how many entries are not reported yet, and when the latest of them began.
        self._unreported: dict[str | None, tuple[int, int]] = {}

    def add(self, lost: Iterable[Lost], why: str) -> None:
        """Count entries that are lost, and say so, each reason once."""
        before = self._total
        for run_id, at_ns in lost:
            count, latest_ns = self._unreported.get(run_id, (0, 0))
            self._unreported[run_id] = count + 1, max(at_ns, latest_ns)
            self._total += 1
        if self._total == before:
            return
        if self.due_at is None:
            self.due_at = time.monotonic() + LOSSES_SECONDS
        if self.say_once(f"recorded entries are lost ({self._total:,} so far): {why}", about=why):
            self._said_total = self._total

    def count_overflow(self) -> None:
        """Count what found no place in the queue."""
        self.add([self.overflow.popleft() for _ in range(len(self.overflow))], _TOO_MANY)

    def entries(self) -> Iterator[Entry]:
        """Yield one event for each run, which says how many it lost; and begin to count anew."""
        unreported, self._unreported, self.due_at = self._unreported, {}, None
        for run_id, (count, latest_ns) in unreported.items():
            # Of the time of what was lost: an event later than the run's end would reopen the run.
            fields: dict[str, object] = {"type": "action", "id": os.urandom(16).hex(), "kind": "event"}
            fields |= {"name": ENTRIES_LOST, "started_at_ns": latest_ns, "ended_at_ns": latest_ns, "outcome": "error"}
            if run_id is not None:
                fields["run_id"] = run_id
            said = f"{count:,} {'entry of this run was' if count == 1 else 'entries of this run were'} not recorded"
            yield Entry(fields, {"outputs": json.dumps(said), "details": f'{{"attributes":{{"count":{count}}}}}'})

    def say_once(self, text: str, *, about: str) -> bool:
        """Say something on stderr unless that was said of this before; return whether it was said now."""
        if about in self._said or len(self._said) >= MOST_SAID:
            return False
        self._said.add(about)
        self._say(f"titan_sdk: {text}")
        return True

    def say_total(self) -> None:
        """Say how many were lost in all, where that is more than was said."""
        if self._total > self._said_total:
            self._say(f"titan_sdk: recorded entries are lost: {self._total:,} in all")
