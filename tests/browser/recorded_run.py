"""Runs for the console's tests: what an agent's calls tell the server, without an agent."""

from __future__ import annotations

import json
from time import time_ns
from typing import Final
from urllib.request import Request, urlopen

from titan_sdk.tape import encode

MILLISECOND_NS: Final = 1_000_000
LONG_AGO_NS: Final = 60_000 * MILLISECOND_NS  # before now: when a run of a test began


class ToldRun:
    """A run that a test tells of, action by action; what is told stands on the server when the call returns."""

    def __init__(self, url: str, run_id: str, *, agent_id: str = "shop-assistant") -> None:
        self.id = run_id
        self._url = url
        self._agent_id = agent_id
        self._began_ns = time_ns() - LONG_AGO_NS

    def action(self, id: str, name: str, *, at_ms: float = 0, took_ms: float | None = 10, **told: object) -> None:
        """Tell of one action; without `took_ms` it still runs. Inputs and outputs are Python values."""
        self.actions([self.entry(id, name, at_ms=at_ms, took_ms=took_ms, **told)])

    def actions(self, entries: list[dict[str, object]]) -> None:
        """Tell of many at once."""
        self._post(entries)

    def entry(
        self, id: str, name: str, *, at_ms: float = 0, took_ms: float | None = 10, **told: object
    ) -> dict[str, object]:
        """Return what is told of one action."""
        started = self._began_ns + int(at_ms * MILLISECOND_NS)
        entry = {"type": "action", "id": id, "name": name, "started_at_ns": started, **told}
        for side in {"inputs", "outputs"} & told.keys():
            entry[side] = json.loads(encode(told[side]).text)
        if took_ms is not None:
            entry["ended_at_ns"] = started + int(took_ms * MILLISECOND_NS)
            entry.setdefault("outcome", "success")
        return entry

    def end(self, status: str = "completed", *, reason: str | None = None) -> None:
        """Tell that the run is over."""
        self.say(end=status, reason=reason)

    def say(self, **told: object) -> None:
        """Tell something of the run itself: its name, its progress."""
        self._post([{"type": "run", "at_ns": time_ns(), **told}])

    def _post(self, entries: list[dict[str, object]]) -> None:
        body = {"run_id": self.id, "agent_id": self._agent_id, "entries": entries}
        content = json.dumps(body).encode()
        request = Request(f"{self._url}/api/v1/actions", content, {"Content-Type": "application/json"})
        with urlopen(request) as answer:
            answer.read()
