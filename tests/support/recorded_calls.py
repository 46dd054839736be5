"""Reads recorded calls from a running Titan."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.running_titan import RunningTitan
from tests.support.waiting import wait_until
from titan_sdk.http import quote
from titan_sdk.http.transport import Transport


class RecordedCalls:
    """The registry of one server, over HTTP."""

    def __init__(self, titan: RunningTitan) -> None:
        self._transport = Transport("127.0.0.1", titan.sdk_port)

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run."""
        run: dict[str, Any] = self._transport.request_json("GET", f"/api/v1/runs/{quote(run_id)}")
        return run

    def runs(self, agent_id: str) -> list[dict[str, Any]]:
        """Return the runs of an agent, the newest first."""
        runs: list[dict[str, Any]] = self._transport.request_json(
            "GET", "/api/v1/runs", query={"agent_id": agent_id, "window": "all"}
        )["data"]
        return runs

    def ids(self, run_id: str) -> list[str]:
        """Return the ids of a run's actions, as they started; none for a run that is not known."""
        query = {"run_id": run_id, "sort_order": "asc"}
        return [action["id"] for action in self._transport.request_json("GET", "/api/v1/ledger", query=query)["data"]]

    def actions(self, run_id: str, *, count: int = 1) -> list[dict[str, Any]]:
        """Return everything about a run's actions, as soon as so many have ended: no answer waits for its record."""
        found: list[dict[str, Any]] = []

        def have_ended() -> bool:
            found[:] = [self.action(run_id, action_id) for action_id in self.ids(run_id)]
            return sum(one["action"]["ended_at"] is not None for one in found) >= count

        wait_until(have_ended, f"{count} actions of run {run_id} have ended")
        return found

    def action(self, run_id: str, action_id: str) -> dict[str, Any]:
        """Return everything about an action."""
        path = f"/api/v1/runs/{quote(run_id)}/actions/{quote(action_id)}"
        action: dict[str, Any] = self._transport.request_json("GET", path)
        return action

    def parent(self, run_id: str, action_id: str) -> str | None:
        """Return what the tree shows an action below: of a call that a span reports as well, that span."""
        shown = self._skeleton(run_id)
        parent = shown["parent"][shown["id"].index(action_id)]
        return dict(zip(shown["number"], shown["id"], strict=True)).get(parent)

    def calls_within(self, run_id: str, *, count: int) -> dict[str | None, Counter[str]]:
        """Return how often each model and tool was called, by the name of the action it was called in; None: in none.

        As soon as the run has so many calls, none runs, and what they were called in is told as well.
        """
        shown: dict[str, Any] = {}

        def are_told() -> bool:
            shown.update(self._skeleton(run_id))
            calls = shown["run"]["tally"]["calls"]
            return calls >= count and None not in shown["outcome"] and -1 not in shown["parent"]

        wait_until(are_told, f"{count} calls of run {run_id} have ended")
        assert len(set(shown["id"])) == len(shown["id"])
        names = [shown["names"][place] for place in shown["name"]]
        name_of = dict(zip(shown["number"], names, strict=True))
        found: dict[str | None, Counter[str]] = {}
        for kind, name, parent in zip(shown["kind"], names, shown["parent"], strict=True):
            if kind in ("model", "tool"):
                found.setdefault(name_of.get(parent), Counter())[name] += 1
        return found

    def _skeleton(self, run_id: str) -> dict[str, Any]:
        skeleton: dict[str, Any] = self._transport.request_json("GET", f"/api/v1/runs/{quote(run_id)}/skeleton")
        return skeleton

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
