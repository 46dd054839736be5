"""Recorded runs for tests of the console: told to the server as the SDK tells them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import Request, urlopen

from tests.browser.conftest import Console

DAY_NS = 24 * 60 * 60 * 10**9


def a_call(name: str, **facts: Any) -> dict[str, Any]:  # any field of the wire's action
    """Return a call that took 1 s and succeeded, but for what `facts` say; its time and id come with its run."""
    return {"type": "action", "kind": "tool", "name": name, "outcome": "success", "duration_ns": 10**9} | facts


def a_failed_call(name: str, type_: str, message: str, **facts: Any) -> dict[str, Any]:  # as above
    """Return a call that raised."""
    return a_call(name, outcome="error", failure={"type": type_, "message": message}, **facts)


def record(
    console: Console,
    run: str,
    calls: Sequence[Mapping[str, Any]],
    *,
    agent: str = "research",
    end: str | None = "completed",
    days_ago: int = 0,
    **facts: Any,  # any field of the wire's run
) -> None:
    """Record a run with its calls, one second after another; `end` None leaves it running."""
    begin = time.time_ns() - days_ago * DAY_NS - (len(calls) + 1) * 10**9
    entries: list[Mapping[str, Any]] = [{"type": "run", "at_ns": begin, "agent_id": agent, **facts}]
    for at, call in enumerate(calls, start=1):
        entries.append(
            {"id": f"{run}-{at}", "started_at_ns": begin + at * 10**9, "ended_at_ns": begin + (at + 1) * 10**9, **call}
        )
    if end is not None:
        entries.append({"type": "run", "at_ns": begin + (len(calls) + 1) * 10**9, "end": end})
    tell(console, run, entries)


def finish(console: Console, run: str, end: str, reason: str | None = None) -> None:
    """Say that a run is over."""
    tell(console, run, [{"type": "run", "at_ns": time.time_ns(), "end": end, "reason": reason}])


def say(console: Console, run: str, **said: Any) -> None:  # any field of the wire's note
    """Say something of a run, as people do on its page."""
    url = f"http://127.0.0.1:{console.titan.sdk_port}/api/v1/runs/{run}/notes"
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(said).encode(), headers)) as answer:
        assert answer.status == 201


def unmute(console: Console, run: str) -> None:
    """Delete all notes that mute a run, as `titan runs edit --unmute` does."""
    url = f"http://127.0.0.1:{console.titan.sdk_port}/api/v1/runs/{run}/unmute"
    with urlopen(Request(url, method="POST")) as answer:
        assert answer.status == 200


def forget(console: Console, run: str) -> None:
    """Delete a run with all that was recorded of it."""
    url = f"http://127.0.0.1:{console.titan.sdk_port}/api/v1/runs/{run}"
    with urlopen(Request(url, method="DELETE")) as answer:
        assert answer.status == 200


def tell(console: Console, run: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Post entries; they are durable when this returns."""
    url = f"http://127.0.0.1:{console.titan.sdk_port}/api/v1/actions"
    body = json.dumps({"run_id": run, "entries": entries}).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"})) as answer:
        assert answer.status == 200
