"""A run that a test of the console tells of action by action, with times and parents of its own."""

from __future__ import annotations

import json
from time import time_ns
from typing import Any, Final

from tests.browser.conftest import Console
from tests.browser.recorded import tell
from titan_sdk.tape import encode

MILLISECOND_NS: Final = 1_000_000
LONG_AGO_NS: Final = 60_000 * MILLISECOND_NS  # before now: when the run began


class ReportedRun:
    """What is told stands on the server when the call returns."""

    def __init__(self, console: Console, run_id: str, *, agent_id: str = "shop-assistant") -> None:
        self.id = run_id
        self._console = console
        self._began_ns = time_ns() - LONG_AGO_NS
        self.say(agent_id=agent_id, at_ns=self._began_ns)

    def action(self, id: str, name: str, *, at_ms: float = 0, took_ms: float | None = 10, **told: object) -> None:
        """Tell of one action; without `took_ms` it still runs. Inputs and outputs are Python values."""
        self.actions([self.entry(id, name, at_ms=at_ms, took_ms=took_ms, **told)])

    def actions(self, entries: list[dict[str, Any]]) -> None:
        """Tell of many at once."""
        tell(self._console, self.id, entries)

    def entry(
        self, id: str, name: str, *, at_ms: float = 0, took_ms: float | None = 10, **told: object
    ) -> dict[str, Any]:
        """Return what is told of one action."""
        started = self._began_ns + int(at_ms * MILLISECOND_NS)
        entry: dict[str, Any] = {"type": "action", "id": id, "name": name, "started_at_ns": started, **told}
        for side in {"inputs", "outputs"} & told.keys():
            entry[side] = json.loads(encode(told[side]))
        if took_ms is not None:
            entry["ended_at_ns"] = started + int(took_ms * MILLISECOND_NS)
            entry.setdefault("outcome", "success")
        return entry

    def end(self, status: str = "completed", *, reason: str | None = None) -> None:
        """Tell that the run is over."""
        self.say(end=status, reason=reason)

    def say(self, **told: object) -> None:
        """Tell something of the run itself: its name, its progress."""
        tell(self._console, self.id, [{"type": "run", "at_ns": time_ns(), **told}])
