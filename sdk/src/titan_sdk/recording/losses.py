"""What could not be recorded: counted for each run, and told to it."""

from __future__ import annotations

import json
import os

from titan_sdk.recording.told import Lost, Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Losses"]

NAME = "titan.entries_lost"


class Losses:
    """The entries that were lost, and that the server has not been told of. One thread's at a time."""

    def __init__(self) -> None:
        self._counts: dict[str | None, int] = {}
        self._latest_ns: dict[str | None, int] = {}

    @property
    def count(self) -> int:
        """How many there are, of all runs."""
        return sum(self._counts.values())

    def add(self, lost: Iterable[Lost]) -> None:
        """Count them. What told of earlier losses is none itself: those are to be told anew."""
        for run_id, at_ns, earlier in lost:
            self._counts[run_id] = self._counts.get(run_id, 0) + (earlier or 1)
            self._latest_ns[run_id] = max(at_ns, self._latest_ns.get(run_id, 0))

    def taken(self) -> list[Told]:
        """Return one event for each run, which says how many it lost; and begin to count anew."""
        counts, self._counts = self._counts, {}
        latest, self._latest_ns = self._latest_ns, {}
        return [_event(run_id, count, latest[run_id]) for run_id, count in counts.items()]


def _event(run_id: str | None, count: int, at_ns: int) -> Told:
    fields: dict[str, object] = {"type": "action", "id": os.urandom(16).hex(), "kind": "event"}
    fields |= {"name": NAME, "started_at_ns": at_ns, "ended_at_ns": at_ns, "outcome": "error"}
    if run_id is not None:
        fields["run_id"] = run_id
    words = f"{count:,} {'entry of this run was' if count == 1 else 'entries of this run were'} not recorded"
    return Told(
        fields, {"outputs": json.dumps(words), "details": f'{{"attributes":{{"count":{count}}}}}'}, tells_of=count
    )
